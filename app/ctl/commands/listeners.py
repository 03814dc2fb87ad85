"""Where the node listens: listeners, stop, start, restart."""

from __future__ import annotations

from typing import Any

import click

from app.ctl.api import segment
from app.ctl.refusals import Refused, reworded
from app.ctl.session import Group, Session, pass_session
from app.ctl.tables import columns

LISTENER = columns(
    "identifier",
    "listen_on",
    "acceptors",
    "max_conns",
    "current_conn=current_conns",
    "shutdown_count",
)


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def listeners(context: click.Context) -> None:
    """List listeners."""
    if context.invoked_subcommand is None:
        session = context.ensure_object(Session)
        session.table(map(_with_identifier, _all(session)), LISTENER)


@listeners.command("stop")
@click.argument("identifier")
@click.argument("listen_on", required=False)
@pass_session
def listeners_stop(session: Session, identifier: str, listen_on: str | None) -> None:
    """Stop a listener, by its identifier or by its protocol and port; who is connected stays."""
    found = _named(session, identifier, listen_on)
    _tell(session, found, "stop")
    session.say(f"Stop {found['identifier']} listener on {found['listen_on']} successfully.")


@listeners.command("start")
@click.argument("identifier")
@pass_session
def listeners_start(session: Session, identifier: str) -> None:
    """Start a listener that was stopped."""
    found = _named(session, identifier)
    _tell(session, found, "start")
    session.say(f"Started {found['identifier']} listener successfully.")


@listeners.command("restart")
@click.argument("identifier")
@pass_session
def listeners_restart(session: Session, identifier: str) -> None:
    """Restart a listener; who is connected stays."""
    found = _named(session, identifier)
    _tell(session, found, "restart")
    session.say(f"Restarted {found['identifier']} listener successfully.")


def _all(session: Session) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = session.api.get(f"{session.node_path}/listeners")
    return rows


def _with_identifier(row: dict[str, Any]) -> dict[str, Any]:
    """HTTP listeners have none in the API; what they are is their protocol."""
    return {"identifier": row["protocol"], **row}


def _named(session: Session, identifier: str, listen_on: str | None = None) -> dict[str, Any]:
    """Return the listener that is meant.

    Raises:
        Refused: There is none.
    """
    for row in map(_with_identifier, _all(session)):
        if listen_on is None:
            is_meant = identifier == row["identifier"]
        else:
            # EMQX's older form names a protocol, which it does not look at, and an address or a port alone.
            is_meant = listen_on in (row["listen_on"], row["listen_on"].rpartition(":")[2])
        if is_meant:
            return row
    raise Refused(f"No such listener {listen_on or identifier}")


def _tell(session: Session, listener: dict[str, Any], verb: str) -> None:
    identifier = listener["identifier"]
    if identifier.startswith("http"):
        raise Refused(
            f"Failed to {verb} {identifier} listener: the answer would be cut off; "
            "restart the node instead."
        )
    try:
        session.api.put(f"/listeners/{segment(identifier)}/{verb}")
    except Refused as refusal:
        sentence = f"Failed to {verb} {identifier} listener: {refusal.message}"
        raise reworded(refusal, sentence) from None


COMMANDS: tuple[click.Command, ...] = (listeners,)
