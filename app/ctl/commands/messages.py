"""Messages: publish, retainer, topic-metrics."""

from __future__ import annotations

import sys
from base64 import b64encode

import click

from app.ctl.api import segment
from app.ctl.refusals import Refused
from app.ctl.session import NOT_FOUND, Command, Group, Session, pass_session
from app.ctl.tables import columns, printable

PUBLISHER = "ctl"
"""Who stands as the publisher of what is published without a client id."""

NOT_LOADED = "module_not_loaded"
DELAYED = columns("id", "topic", "qos", "clientid", "published_at", "due_at")


@click.command(cls=Command)
@click.argument("topic")
@click.argument("payload")
@click.option("--qos", type=click.IntRange(0, 2), default=0, show_default=True)
@click.option("--retain", is_flag=True, help="Have the message kept for later subscribers.")
@click.option("--clientid", default=PUBLISHER, show_default=True, help="Who publishes.")
@pass_session
def publish(
    session: Session, topic: str, payload: str, *, qos: int, retain: bool, clientid: str
) -> None:
    """Publish a message; a PAYLOAD of - is read from the standard input."""
    data = sys.stdin.buffer.read() if payload == "-" else _bytes(payload)
    message = {
        "topic": topic,
        "payload": b64encode(data).decode(),
        "encoding": "base64",
        "qos": qos,
        "retain": retain,
        "clientid": clientid,
    }
    session.api.post("/mqtt/publish", message)
    session.say("ok")


def _bytes(text: str) -> bytes:
    """Return the bytes of an argument, whatever the shell was given."""
    return text.encode("utf-8", "surrogateescape")


@click.group(cls=Group)
def retainer() -> None:
    """Look after retained messages."""


@retainer.command("info")
@pass_session
def retainer_info(session: Session) -> None:
    """Show the count of retained messages."""
    facts = session.api.get("/retainer")
    session.say(f"retained/total: {facts['retained']}", facts)


@retainer.command("topics")
@click.argument("topic_filter", metavar="[TOPIC]", required=False)
@pass_session
def retainer_topics(session: Session, topic_filter: str | None) -> None:
    """Show all topics of retained messages, or those that match a topic filter."""
    topics = sorted(session.api.get(_topics(topic_filter)))
    session.lines(topics if session.as_json else [printable(topic) for topic in topics])


@retainer.command("clean")
@click.argument("topic_filter", metavar="[TOPIC]", required=False)
@pass_session
def retainer_clean(session: Session, topic_filter: str | None) -> None:
    """Clean all retained messages, or those that match a topic filter."""
    done = session.api.delete(_topics(topic_filter))
    session.say(f"Cleaned {done['cleaned']} retained messages", done)


def _topics(topic_filter: str | None) -> str:
    return "/retainer/topics" + ("" if topic_filter is None else f"/{segment(topic_filter)}")


@click.group(cls=Group)
def delayed() -> None:
    """Look after delayed messages."""


@delayed.command("list")
@pass_session
def delayed_list(session: Session) -> None:
    """List the delayed messages that wait; times are Unix milliseconds."""
    session.table(session.api.rows("/delayed"), DELAYED)


@delayed.command("cancel")
@click.argument("msgid")
@pass_session
def delayed_cancel(session: Session, msgid: str) -> None:
    """Have a delayed message never come."""
    session.api.delete(f"/delayed/{segment(msgid)}")
    session.say("ok")


class _OfModule(Group):
    """Commands that need a module."""

    def explained(self, refusal: Refused) -> Refused:
        """Say which one where it is not loaded."""
        if refusal.message == NOT_LOADED:
            load = "godwit ctl modules load emqx_mod_topic_metrics"
            return Refused(f"load the module first: {load}", refusal.code)
        return refusal


@click.group(cls=_OfModule, name="topic-metrics")
def topic_metrics() -> None:
    """Look after the counters of single topics (module emqx_mod_topic_metrics)."""


@topic_metrics.command("list")
@pass_session
def topic_metrics_list(session: Session) -> None:
    """List the topics that are counted, with what was counted."""
    rows = session.api.get("/topic-metrics")
    if session.as_json:
        session.lines(rows)
        return
    for row in rows:
        session.lines([printable(row["topic"])])
        session.pairs({f"  {name}": value for name, value in row["metrics"].items()})


@topic_metrics.command("show")
@click.argument("topic")
@pass_session
def topic_metrics_show(session: Session, topic: str) -> None:
    """Show what was counted on a topic."""
    counted = session.api.get(f"/topic-metrics/{segment(topic)}")
    if not counted:
        raise Refused(NOT_FOUND)
    session.pairs(counted)


@topic_metrics.command("add")
@click.argument("topic")
@pass_session
def topic_metrics_add(session: Session, topic: str) -> None:
    """Count a topic from now on."""
    session.api.post("/topic-metrics", {"topic": topic})
    session.say("ok")


@topic_metrics.command("del")
@click.argument("topic")
@pass_session
def topic_metrics_del(session: Session, topic: str) -> None:
    """Count a topic no more."""
    session.api.delete(f"/topic-metrics/{segment(topic)}")
    session.say("ok")


@topic_metrics.command("clean")
@pass_session
def topic_metrics_clean(session: Session) -> None:
    """Count no topic any more."""
    session.api.delete("/topic-metrics")
    session.say("ok")


COMMANDS: tuple[click.Command, ...] = (publish, retainer, delayed, topic_metrics)
