"""Why somebody may or may not come in, publish or subscribe."""

from __future__ import annotations

import click

from app.ctl.commands.access import asked_password
from app.ctl.session import Command, Session, pass_session
from app.ctl.tables import columns

STEPS = columns("check", "by", "answer", "verdict", "why")
FROM_INPUT = "-"
ACTIONS = click.Choice(["connect", "publish", "subscribe"])


@click.command(cls=Command)
@click.argument("clientid")
@click.argument("action", type=ACTIONS, default="connect")
@click.argument("topic", required=False)
@click.option("--username", help="The user name that the client says.")
@click.option("--password", help="Its password; - has it asked for, or read from standard input.")
@click.option("--peerhost", help="Its address; by default that of this machine.")
@pass_session
def explain(
    session: Session, /, clientid: str, action: str, topic: str | None, **said: str | None
) -> None:
    """Explain why a client may or may not connect, publish or subscribe."""
    if (action == "connect") != (topic is None):
        raise click.UsageError("A TOPIC belongs to publish and subscribe, and to them only.")
    if said["password"] == FROM_INPUT:
        said["password"] = asked_password(None)
    given = {name: value for name, value in {"topic": topic, **said}.items() if value is not None}
    found = session.api.post("/explain", {"clientid": clientid, "action": action, **given})
    if session.as_json:
        session.pairs(found)
        return
    session.table(found["steps"], STEPS)
    decided = found["decided_by"]
    word = "may" if found["allowed"] else "may not"
    wanted = action if topic is None else f"{action} {topic}"
    session.lines(
        ["", f"{clientid} {word} {wanted}: {found['reason']}, by {decided['check']} of {decided['by']}"]
    )  # fmt: skip


COMMANDS: tuple[click.Command, ...] = (explain,)
