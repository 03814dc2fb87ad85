"""Who is connected and what they subscribed to: clients, routes, subscriptions, acl."""

from __future__ import annotations

from typing import Any

import click

from app.ctl.api import segment
from app.ctl.refusals import Refused
from app.ctl.session import NOT_FOUND, Group, Session, first, pass_session
from app.ctl.tables import columns

OFFLINE = 112
CLIENT = columns(
    "clientid",
    "username",
    "peername",
    "connected",
    "clean_start",
    "keepalive",
    "subscriptions=subscriptions_cnt",
    "inflight",
    "enqueued_msgs=mqueue_len",
    "dropped_msgs=mqueue_dropped",
    "delivered_msgs=send_msg",
    "connected_at",
)
"""The members in the words of `emqx_ctl`."""
SUBSCRIPTION = columns("clientid", "topic", "qos")
ROUTE = columns("topic", "node")


@click.group(cls=Group)
def clients() -> None:
    """Look after clients and their sessions."""


@clients.command("list")
@pass_session
def clients_list(session: Session) -> None:
    """List all clients."""
    rows = session.api.rows("/clients")
    session.table(rows if session.as_json else map(_with_peername, rows), CLIENT)


@clients.command("show")
@click.argument("clientid")
@pass_session
def clients_show(session: Session, clientid: str) -> None:
    """Show a client."""
    session.pairs(first(session.api.get(f"/clients/{segment(clientid)}")))


@clients.command("kick")
@click.argument("clientid")
@pass_session
def clients_kick(session: Session, clientid: str) -> None:
    """Kick out a client."""
    session.api.delete(f"/clients/{segment(clientid)}")
    session.say("ok")


def _with_peername(row: dict[str, Any]) -> dict[str, Any]:
    host = str(row["ip_address"])
    return {
        **row,
        "peername": f"[{host}]:{row['port']}" if ":" in host else f"{host}:{row['port']}",
    }


@click.group(cls=Group)
def routes() -> None:
    """Show which topics go where."""


@routes.command("list")
@pass_session
def routes_list(session: Session) -> None:
    """List all routes."""
    session.table(session.api.rows("/routes"), ROUTE)


@routes.command("show")
@click.argument("topic")
@pass_session
def routes_show(session: Session, topic: str) -> None:
    """Show a route."""
    found = session.api.get(f"/routes/{segment(topic)}")
    first(found)
    session.table(found, ROUTE)


@click.group(cls=Group)
def subscriptions() -> None:
    """Look after subscriptions."""


@subscriptions.command("list")
@pass_session
def subscriptions_list(session: Session) -> None:
    """List all subscriptions."""
    session.table(session.api.rows("/subscriptions"), SUBSCRIPTION)


@subscriptions.command("show")
@click.argument("clientid")
@pass_session
def subscriptions_show(session: Session, clientid: str) -> None:
    """Show subscriptions of a client."""
    found = session.api.get(f"/subscriptions/{segment(clientid)}")
    first(found)
    session.table(found, SUBSCRIPTION)


def _change(session: Session, path: str, body: dict[str, object]) -> None:
    try:
        session.api.post(path, body)
    except Refused as refusal:
        if refusal.code == OFFLINE:
            raise Refused("Error: Channel not found!", OFFLINE) from None
        raise
    session.say("ok")


@subscriptions.command("add")
@click.argument("clientid")
@click.argument("topic")
@click.argument("qos", type=click.IntRange(0, 2))
@pass_session
def subscriptions_add(session: Session, clientid: str, topic: str, qos: int) -> None:
    """Add a static subscription manually."""
    _change(session, "/mqtt/subscribe", {"clientid": clientid, "topics": topic, "qos": qos})


@subscriptions.command("del")
@click.argument("clientid")
@click.argument("topic")
@pass_session
def subscriptions_del(session: Session, clientid: str, topic: str) -> None:
    """Delete a static subscription manually."""
    _change(session, "/mqtt/unsubscribe", {"clientid": clientid, "topic": topic})


@click.group(cls=Group)
def acl() -> None:
    """Look after what is remembered of access rules."""


@acl.command("cache-clean")
@click.argument("whose", metavar="all|node|CLIENTID")
@click.argument("node", required=False)
@pass_session
def acl_cache_clean(session: Session, whose: str, node: str | None) -> None:
    """Clears acl cache of all nodes, of a node, or of one client."""
    if whose == "node" and node is None:
        raise click.UsageError("Name the node: acl cache-clean node NODE.")
    if whose != "node" and node is not None:
        raise click.UsageError(f"{node!r} is one word too many.")
    if whose == "all":
        session.api.delete("/acl-cache")
    elif node is not None:
        session.api.delete(f"/nodes/{segment(node)}/acl-cache")
    else:
        _clean_of_client(session, whose)
        return
    session.say("ACL cache drain start OK")


def _clean_of_client(session: Session, clientid: str) -> None:
    try:
        session.api.delete(f"/clients/{segment(clientid)}/acl_cache")
    except Refused as refusal:
        if refusal.code == OFFLINE:
            raise Refused(NOT_FOUND, OFFLINE) from None
        raise
    session.say("ok")


COMMANDS: tuple[click.Command, ...] = (clients, routes, subscriptions, acl)
