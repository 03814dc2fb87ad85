"""Bridges to other MQTT brokers, in the sentences of EMQX's `bridges`."""

from __future__ import annotations

import click

from app.ctl.api import segment
from app.ctl.refusals import Refused, Unserved, reworded
from app.ctl.session import Group, Session, pass_session
from app.ctl.tables import columns, printable

BRIDGE = columns("name", "status", "address", "forwards", "queued", "sent", "received", "dropped")
SUBSCRIPTION = columns("topic", "qos", "refused")
NOT_LOADED = "The node serves no bridges: godwit ctl plugins load emqx_bridge_mqtt has it do so."


class BridgeGroup(Group):
    """Commands that need the plugin."""

    def explained(self, refusal: Refused) -> Refused:
        """Say what is missing where it is not loaded."""
        return Refused(NOT_LOADED) if isinstance(refusal, Unserved) else refusal


def _path(name: str, *more: str) -> str:
    return "/".join(("/bridges", segment(name), *more))


@click.group(cls=BridgeGroup)
def bridges() -> None:
    """Look after bridges to other MQTT brokers."""


@bridges.command("list")
@pass_session
def bridges_list(session: Session) -> None:
    """List bridges."""
    session.table(session.api.get("/bridges"), BRIDGE)


@bridges.command("show")
@click.argument("name")
@pass_session
def bridges_show(session: Session, name: str) -> None:
    """Show a bridge with its counters."""
    session.pairs(session.api.get(_path(name)))


def _change(session: Session, name: str, verb: str, already: str) -> None:
    try:
        answer = session.api.put(_path(name, verb))
    except Unserved:
        raise
    except Refused as refusal:
        raise reworded(refusal, f"{verb.capitalize()} bridge failed.") from None
    done = f"{verb.capitalize()} bridge successfully."
    session.say(done if answer["changed"] else f"Bridge already {already}.")


@bridges.command("start")
@click.argument("name")
@pass_session
def bridges_start(session: Session, name: str) -> None:
    """Start a bridge."""
    _change(session, name, "start", "started")


@bridges.command("stop")
@click.argument("name")
@pass_session
def bridges_stop(session: Session, name: str) -> None:
    """Stop a bridge."""
    _change(session, name, "stop", "stopped")


@bridges.command("forwards")
@click.argument("name")
@pass_session
def bridges_forwards(session: Session, name: str) -> None:
    """Show what a bridge forwards."""
    topics = session.api.get(_path(name))["forwards"]
    session.lines(topics if session.as_json else [f"topic:   {printable(one)}" for one in topics])


@bridges.command("add-forward")
@click.argument("name")
@click.argument("topic")
@pass_session
def bridges_add_forward(session: Session, name: str, topic: str) -> None:
    """Have a bridge forward a topic."""
    session.api.post(_path(name, "forwards"), {"topic": topic})
    session.say("Add-forward topic successfully.")


@bridges.command("del-forward")
@click.argument("name")
@click.argument("topic")
@pass_session
def bridges_del_forward(session: Session, name: str, topic: str) -> None:
    """Have a bridge forward a topic no more."""
    session.api.call("DELETE", _path(name, "forwards"), query={"topic": topic})
    session.say("Del-forward topic successfully.")


@bridges.command("subscriptions")
@click.argument("name")
@pass_session
def bridges_subscriptions(session: Session, name: str) -> None:
    """Show what a bridge is subscribed to."""
    rows = session.api.get(_path(name))["subscriptions"]
    if session.as_json:
        session.table(rows, SUBSCRIPTION)
    else:
        session.lines([f"topic: {printable(row['topic'])}, qos: {row['qos']}" for row in rows])


@bridges.command("add-subscription")
@click.argument("name")
@click.argument("topic")
@click.argument("qos", type=click.IntRange(0, 2))
@pass_session
def bridges_add_subscription(session: Session, name: str, topic: str, qos: int) -> None:
    """Have a bridge subscribe to a topic."""
    session.api.post(_path(name, "subscriptions"), {"topic": topic, "qos": qos})
    session.say("Add-subscription topic successfully.")


@bridges.command("del-subscription")
@click.argument("name")
@click.argument("topic")
@pass_session
def bridges_del_subscription(session: Session, name: str, topic: str) -> None:
    """Have a bridge unsubscribe from a topic."""
    session.api.call("DELETE", _path(name, "subscriptions"), query={"topic": topic})
    session.say("Del-subscription topic successfully.")


COMMANDS: tuple[click.Command, ...] = (bridges,)
