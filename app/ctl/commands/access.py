"""Who may come in: admins (users of the dashboard), mgmt (applications), banned."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from app.ctl.api import segment
from app.ctl.refusals import Refused, reworded
from app.ctl.session import NOT_FOUND, Group, Session, pass_session
from app.ctl.tables import columns

ADMIN = columns("username", "tags", "role")
APP = columns("app_id", "name", "desc", "status", "expired")
BAN = columns("as", "who", "by", "reason", "at", "until")
BAN_KINDS = click.Choice(["clientid", "username", "peerhost"])
UNDEFINED = "undefined"
STATUSES = {"true": True, "start": True, "false": False, "stop": False}
"""What an application's status may be called: EMQX's documents say stop, its sources true and false."""


def asked_password(given: str | None) -> str:
    """Return the password that stands among the words, else one that is asked for and not shown."""
    if given is not None:
        return given
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _refused_in_words(refusal: Refused) -> Refused:
    return reworded(refusal, f"Error: {refusal.message}")


@click.group(cls=Group)
def admins() -> None:
    """Look after the dashboard's users."""


@admins.command("list")
@pass_session
def admins_list(session: Session) -> None:
    """List dashboard users."""
    session.table(session.api.get("/users"), ADMIN)


@admins.command("add")
@click.argument("username")
@click.argument("password", required=False)
@click.argument("tags", default="")
@pass_session
def admins_add(session: Session, username: str, password: str | None, tags: str) -> None:
    """Add dashboard user; without a PASSWORD it is asked for, or read from the standard input."""
    body = {"username": username, "password": asked_password(password), "tags": tags}
    try:
        session.api.post("/users", body)
    except Refused as refusal:
        raise _refused_in_words(refusal) from None
    session.say("ok")


@admins.command("passwd")
@click.argument("username")
@click.argument("password", required=False)
@pass_session
def admins_passwd(session: Session, username: str, password: str | None) -> None:
    """Reset dashboard user password; without a PASSWORD it is asked for, as by add."""
    body = {"password": asked_password(password)}
    try:
        session.api.put(f"/users/{segment(username)}/password", body)
    except Refused as refusal:
        raise _refused_in_words(refusal) from None
    session.say("ok")


@admins.command("del")
@click.argument("username")
@pass_session
def admins_del(session: Session, username: str) -> None:
    """Delete dashboard user."""
    try:
        session.api.delete(f"/users/{segment(username)}")
    except Refused as refusal:
        raise _refused_in_words(refusal) from None
    session.say("ok")


@click.group(cls=Group)
def mgmt() -> None:
    """Look after the applications of the REST API."""


@mgmt.command("list")
@pass_session
def mgmt_list(session: Session) -> None:
    """List applications, without their secrets."""
    session.table(session.api.get("/apps"), APP)


@mgmt.command("insert")
@click.argument("app_id")
@click.argument("name")
@pass_session
def mgmt_insert(session: Session, app_id: str, name: str) -> None:
    """Add application of REST API; its secret is made up and told."""
    body = {"app_id": app_id, "name": name, "desc": "Application user", "status": True}
    try:
        made = session.api.post("/apps", body)
    except Refused as refusal:
        sentence = refusal.message.replace("_", " ")
        raise reworded(refusal, f"Error: {sentence}") from None
    session.say(f"AppSecret: {made['secret']}", {"app_id": app_id, **made})


@mgmt.command("update")
@click.argument("app_id")
@click.argument("status", type=click.Choice(list(STATUSES)))
@pass_session
def mgmt_update(session: Session, app_id: str, status: str) -> None:
    """Update application of REST API: true lets it in, false does not."""
    app = _app(session, app_id)
    # What a change does not name becomes undefined.
    kept = {name: app[name] for name in ("name", "desc", "expired") if app[name] != UNDEFINED}
    session.api.put(f"/apps/{segment(app_id)}", {**kept, "status": STATUSES[status]})
    session.say("update successfully.")


@mgmt.command("lookup")
@click.argument("app_id")
@pass_session
def mgmt_lookup(session: Session, app_id: str) -> None:
    """Get application of REST API, with its secret."""
    session.pairs(_app(session, app_id))


@mgmt.command("delete")
@click.argument("app_id")
@pass_session
def mgmt_delete(session: Session, app_id: str) -> None:
    """Delete application of REST API."""
    try:
        _app(session, app_id)
    except Refused as refusal:
        is_unknown = refusal.message == NOT_FOUND
        raise reworded(refusal, "Error: app not found" if is_unknown else refusal.message) from None
    session.api.delete(f"/apps/{segment(app_id)}")
    session.say("ok")


def _app(session: Session, app_id: str) -> dict[str, Any]:
    app: dict[str, Any] = session.api.get(f"/apps/{segment(app_id)}")
    if not app:
        raise Refused(NOT_FOUND)
    return app


@click.group(cls=Group)
def banned() -> None:
    """Look after who is kept out."""


@banned.command("list")
@pass_session
def banned_list(session: Session) -> None:
    """List bans; times are Unix seconds."""
    session.table(session.api.rows("/banned"), BAN)


@banned.command("add")
@click.argument("kind", metavar="clientid|username|peerhost", type=BAN_KINDS)
@click.argument("who")
@click.option("--reason", help="Why, for those who read the list.")
@click.option("--seconds", type=click.IntRange(1), help="For how long; as EMQX has it by default.")
@click.option("--forever", is_flag=True, help="Until it is deleted.")
@pass_session
def banned_add(
    session: Session,
    kind: str,
    who: str,
    *,
    reason: str | None,
    seconds: int | None,
    forever: bool,
) -> None:
    """Keep a client id, a user name or an address out."""
    if forever and seconds is not None:
        raise click.UsageError("Choose one of --seconds and --forever.")
    ban: dict[str, object] = {"as": kind, "who": who, "by": "ctl"}
    if reason is not None:
        ban["reason"] = reason
    if forever:
        ban["until"] = "infinity"
    elif seconds is not None:
        ban["until"] = int(time.time()) + seconds
    session.say("ok", session.api.post("/banned", ban))


@banned.command("del")
@click.argument("kind", metavar="clientid|username|peerhost", type=BAN_KINDS)
@click.argument("who")
@pass_session
def banned_del(session: Session, kind: str, who: str) -> None:
    """Let them in again."""
    session.api.delete(f"/banned/{kind}/{segment(who)}")
    session.say("ok")


COMMANDS: tuple[click.Command, ...] = (admins, mgmt, banned)
