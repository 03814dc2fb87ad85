"""Kinds of events that statements hear of: their topics, hook points, columns and examples, a row each.

Knows the broker's types; not who hooks what, nor rules.

Source: EMQX 4.4 `emqx_rule_events`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.broker.client_info import ClientInfo
from app.broker.message import Message
from app.broker.router import SubOptions
from app.mqtt.reason_codes import ReasonCode
from app.rules.event_columns import READERS, EventColumns, Happening, Published, Surroundings
from app.rules.event_examples import EXAMPLES, TEST_COLUMNS, Pairs
from app.rules.terms.scope import Columns

__all__ = [
    "EVENTS",
    "MESSAGE_PUBLISH",
    "Event",
    "EventColumns",
    "Surroundings",
    "columns_of",
    "event_of",
    "message_columns",
]

EVENT_PREFIX = "$events/"


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of event."""

    name: str
    """EMQX's name, which is the hook point's too: `client.connected`."""
    title: Mapping[str, str]
    description: Mapping[str, str]
    sql_example: str
    take: Callable[..., Mapping[str, Any]]
    """Gives the hook's arguments the names that `Happening` has for them."""
    has_packet: bool = False
    """Whether it comes of a packet whose properties it tells."""

    @property
    def hook(self) -> str:
        """Return the hook point that tells of this event."""
        return self.name

    @property
    def topic(self) -> str:
        """Return what stands behind FROM for this event (for messages: what EMQX lists)."""
        return EVENT_PREFIX + self.name.replace(".", "_")

    @property
    def example(self) -> Pairs:
        """Return columns with values to show; `timestamp` and `node` come on top."""
        return (("event", self.name), *EXAMPLES[self.name])

    @property
    def test_columns(self) -> Pairs:
        """Return what a person is asked for when a statement is tested."""
        return TEST_COLUMNS[self.name]

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns as people are shown them."""
        return (*(name for name, _ in self.example), "timestamp", "node")

    def example_columns(self, node: str, now_ms: int) -> Columns:
        """Return an event of this kind to test statements with."""
        columns = Columns(dict(self.example))
        columns.update({name: now_ms for name in columns if name.endswith("_at")})
        columns.update(timestamp=now_ms, node=node)
        return columns


def columns_of(event: Event, around: Surroundings, *arguments: Any) -> EventColumns:
    """Return the columns of an event.

    Args:
        event: its kind.
        around: what is known besides.
        arguments: what the hook point of that name calls its callbacks with.
    """
    happening = Happening(around, around.now_ms(), **event.take(*arguments))
    if event.has_packet:
        # They are known now, and no longer when somebody looks at a column later.
        happening.note_what_was_said()
    return EventColumns(READERS[event.name], happening)


def message_columns(around: Surroundings, message: Message) -> EventColumns:
    """Return the columns of a published message: `columns_of` for the one event that comes by the thousand."""
    return EventColumns(_OF_MESSAGES, Published(around, around.now_ms(), message))


def event_of(from_topic: str) -> Event | None:
    """Return the kind of event that a name behind FROM stands for; None for a topic filter.

    EMQX compares beginnings: `$events/client_connected_x` is `client.connected`. Messages have no name of this kind:
    `$events/message_publish` is a topic like others.
    """
    if from_topic.startswith(EVENT_PREFIX):
        for event in EVENTS.values():
            if event is not MESSAGE_PUBLISH and from_topic.startswith(event.topic):
                return event
    return None


# -- the table ----------------------------------------------------------------------------------


def _event(
    name: str,
    texts: tuple[str, str] | tuple[str, str, str, str],
    sql_example: str,
    take: Callable[..., Mapping[str, Any]],
    *,
    has_packet: bool = False,
) -> Event:
    title = {"en": texts[0], "zh": texts[1]}
    description = {"en": texts[2], "zh": texts[3]} if len(texts) == 4 else title
    return Event(name, title, description, sql_example, take, has_packet)


def _sql(name: str, *, has_topic: bool = True) -> str:
    condition = " WHERE topic =~ 't/#'" if has_topic else ""
    return f'SELECT * FROM "{EVENT_PREFIX}{name}"{condition}'  # noqa: S608 - to show, and our own SQL


def _take_message(message: Message) -> Mapping[str, Any]:
    return {"message": message}


def _take_delivery(clientid: str, message: Message, reason: str = "") -> Mapping[str, Any]:
    return {"clientid": clientid, "message": message, "reason": reason}


def _take_dropped(message: Message, reason: str) -> Mapping[str, Any]:
    return {"message": message, "reason": reason}


def _take_client(client: ClientInfo, reason: str | ReasonCode = "") -> Mapping[str, Any]:
    return {"client": client, "reason": reason}


def _take_subscription(
    client: ClientInfo, topic: str, options: SubOptions | None = None
) -> Mapping[str, Any]:
    return {"client": client, "topic": topic, "options": options}


def _take_check(client: ClientInfo, action: str, topic: str, allowed: bool) -> Mapping[str, Any]:
    return {
        "client": client,
        "action": action,
        "topic": topic,
        "is_allowed": allowed,
        "is_from_cache": client.acl_cache is not None and client.acl_cache.is_asked,
    }


MESSAGE_PUBLISH = _event(
    "message.publish",
    ("message publish", "消息发布"),
    "SELECT payload.msg as msg FROM \"t/#\" WHERE msg = 'hello'",
    _take_message,
)
_OF_MESSAGES = READERS[MESSAGE_PUBLISH.name]

_ALL = (
    MESSAGE_PUBLISH,
    _event(
        "message.delivered",
        ("message delivered", "消息已投递"),
        _sql("message_delivered"),
        _take_delivery,
    ),
    _event(
        "message.acked",
        ("message acked", "消息应答"),
        _sql("message_acked"),
        _take_delivery,
        has_packet=True,
    ),
    _event(
        "message.dropped",
        (
            "message routing-drop",
            "消息转发丢弃",
            "messages are discarded during forwarding, usually because there are no subscribers",
            "消息在转发的过程中被丢弃，一般是由于没有订阅者",
        ),
        _sql("message_dropped"),
        _take_dropped,
    ),
    _event(
        "delivery.dropped",
        (
            "message delivery-drop",
            "消息投递丢弃",
            "messages are discarded during delivery, i.e. because the message queue is full",
            "消息在投递的过程中被丢弃，比如由于消息队列已满",
        ),
        _sql("delivery_dropped"),
        _take_delivery,
    ),
    _event(
        "client.connected",
        ("client connected", "连接建立"),
        _sql("client_connected", has_topic=False),
        _take_client,
    ),
    _event(
        "client.disconnected",
        ("client disconnected", "连接断开"),
        _sql("client_disconnected", has_topic=False),
        _take_client,
        has_packet=True,
    ),
    _event(
        "client.connack",
        ("client connack", "连接确认"),
        _sql("client_connack", has_topic=False),
        _take_client,
    ),
    _event(
        "session.subscribed",
        ("session subscribed", "会话订阅完成"),
        _sql("session_subscribed"),
        _take_subscription,
        has_packet=True,
    ),
    _event(
        "session.unsubscribed",
        ("session unsubscribed", "会话取消订阅完成"),
        _sql("session_unsubscribed"),
        _take_subscription,
        has_packet=True,
    ),
    _event(
        "client.check_acl_complete",
        ("client check acl complete", "鉴权结果"),
        _sql("client_check_acl_complete", has_topic=False),
        _take_check,
    ),
)

EVENTS = {event.name: event for event in _ALL}
"""All kinds by name, in EMQX's order."""
