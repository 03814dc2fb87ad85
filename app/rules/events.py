"""Events that statements hear of: their topics, hook points, columns and examples, a row each.

A row's columns are read from what the hook is called with, each when a statement first asks for it: an event whose
columns nobody looks at costs the making of one small dict. Knows the broker's types; not who hooks what, nor rules.

Source: EMQX 4.4 `emqx_rule_events`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from app.broker.client_info import ClientInfo
from app.broker.cm import ManagedChannel
from app.broker.message import Message
from app.broker.router import SubOptions
from app.mqtt.properties import NO_PROPERTIES, Properties
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import split_share
from app.rules.terms.scope import Columns
from app.rules.terms.values import UNDEFINED, Value, text_of_bytes

EVENT_PREFIX = "$events/"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What columns say beyond the hook's arguments."""

    node: str
    now_ms: Callable[[], int]
    channel_of: Callable[[str], ManagedChannel | None]
    """The channel of a client id, for what a hook does not tell of the client."""


@dataclass(slots=True)
class Happening:
    """One event: what its hook was called with, whichever of these the hook has."""

    around: Surroundings
    at_ms: int
    message: Message | None = None
    client: ClientInfo | None = None
    clientid: str | None = None
    """Of the receiver, where the hook names it without its `ClientInfo`."""
    topic: str = ""
    options: SubOptions | None = None
    reason: str | ReasonCode = ""
    action: str = ""
    is_allowed: bool = False

    @property
    def channel(self) -> ManagedChannel | None:
        """Return the channel of the client that the event is about."""
        clientid = self.clientid if self.client is None else self.client.clientid
        return None if clientid is None else self.around.channel_of(clientid)


Read = Callable[[Happening], Value]
Pairs = tuple[tuple[str, Value], ...]


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of event."""

    name: str
    """EMQX's name, which is the hook point's too: `client.connected`."""
    title: Mapping[str, str]
    description: Mapping[str, str]
    example: Pairs
    """Columns with values to show and to test statements with; `timestamp` and `node` come on top."""
    test_columns: Pairs
    """What a person is asked for when a statement is tested."""
    sql_example: str
    take: Callable[..., Mapping[str, Any]]
    """Gives the hook's arguments the names that `Happening` has for them."""
    readers: Mapping[str, Read] = field(repr=False)
    """How each column is read; more than the example has, as in EMQX: `headers` is not shown to people."""

    @property
    def hook(self) -> str:
        """Return the hook point that tells of this event."""
        return self.name

    @property
    def topic(self) -> str:
        """Return what stands behind FROM for this event (for messages: what EMQX lists)."""
        return EVENT_PREFIX + self.name.replace(".", "_")

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


class EventColumns(Columns):
    """The columns of one event, each read when it is first asked for."""

    __slots__ = ("_happening", "_readers")

    def __init__(self, event: Event, happening: Happening) -> None:
        """Begin with none read."""
        super().__init__()
        self._readers = event.readers
        self._happening = happening

    def __missing__(self, name: str) -> Value:
        read = self._readers.get(name)
        if read is None:
            return UNDEFINED
        value = self[name] = read(self._happening)
        return value

    def everything(self) -> Mapping[str, Value]:
        """Return all columns."""
        happening = self._happening
        for name, read in self._readers.items():
            if name not in self:
                self[name] = read(happening)
        return self


def columns_of(event: Event, around: Surroundings, *arguments: Any) -> EventColumns:
    """Return the columns of an event.

    Args:
        event: its kind.
        around: what is known besides.
        arguments: what the hook point of that name calls its callbacks with.
    """
    return EventColumns(event, Happening(around, around.now_ms(), **event.take(*arguments)))


def message_columns(around: Surroundings, message: Message) -> EventColumns:
    """Return the columns of a published message: `columns_of` for the one event that comes by the thousand."""
    return EventColumns(MESSAGE_PUBLISH, Happening(around, around.now_ms(), message))


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


# -- what columns are read from -----------------------------------------------------------------


def _or_undefined(value: Value) -> Value:
    return UNDEFINED if value is None else value


def _of_message(name: str) -> Read:
    """Return what reads a message's attribute; these are read by the thousand, so each is looked up in C."""
    return attrgetter(f"message.{name}")


def _of_publisher(name: str) -> Read:
    """Return what reads an attribute of whoever published; nobody in particular has none."""
    read = _of_message(name)
    return lambda happening: _or_undefined(read(happening))


def _of_client(name: str) -> Read:
    """Return what reads a client's attribute; of a receiver that is gone, nothing is known."""

    def read(happening: Happening) -> Value:
        client = happening.client
        if client is None:
            channel = happening.channel
            client = None if channel is None else channel.client
        return UNDEFINED if client is None else _or_undefined(getattr(client, name))

    return read


def _message(happening: Happening) -> Message:
    assert happening.message is not None
    return happening.message


def _payload(happening: Happening) -> Value:
    return text_of_bytes(_message(happening).payload)


def _flags(happening: Happening) -> Value:
    message = _message(happening)
    flags = {"retain": message.retain, "dup": False}
    return {**flags, "sys": True} if message.about_broker else flags


def _headers(happening: Happening) -> Value:
    message = _message(happening)
    return {
        "username": _or_undefined(message.username),
        "peerhost": _or_undefined(message.peerhost),
        "properties": printable(message.properties),
    }


def printable(properties: Properties) -> dict[str, Value]:
    """Return properties under MQTT's names; user properties both as a map and, for repeated names, as pairs."""
    printed: dict[str, Value] = {}
    if not properties:
        return printed
    for name, value in properties.items():
        title = "-".join(word.capitalize() for word in name.split("_"))
        if name == "user_property":
            pairs = list(properties["user_property"])
            printed[title] = dict(pairs)
            printed[f"{title}-Pairs"] = [{"key": key, "value": text} for key, text in pairs]
        else:
            printed[title] = text_of_bytes(value) if isinstance(value, bytes) else value
    return printed


def _receiver(happening: Happening) -> Value:
    return _or_undefined(happening.clientid)


def _username_of_receiver(happening: Happening) -> Value:
    return _of_client("username")(happening)


def _peername(happening: Happening) -> Value:
    client = happening.client
    return UNDEFINED if client is None else f"{client.peerhost}:{client.peerport}"


def _sockname(happening: Happening) -> Value:
    """Return where the client came in; of the node's own addresses, only the port is known of a connection."""
    return UNDEFINED if happening.client is None else f"0.0.0.0:{happening.client.sockport}"


def _mountpoint(happening: Happening) -> Value:
    mountpoint = None if happening.client is None else happening.client.mountpoint
    return mountpoint or UNDEFINED


def _of_session(name: str) -> Read:
    def read(happening: Happening) -> Value:
        session = None if happening.channel is None else happening.channel.session
        return 0 if session is None else getattr(session, name)

    return read


def _connected_at(happening: Happening) -> Value:
    channel = happening.channel
    return happening.at_ms if channel is None else channel.connected_at_ms


def _reason(happening: Happening) -> Value:
    reason = happening.reason
    return reason.name.lower() if isinstance(reason, ReasonCode) else str(reason)


def _plain_topic(happening: Happening) -> Value:
    return split_share(happening.topic)[1]


def _sub_props(happening: Happening) -> Value:
    identifier = None if happening.options is None else happening.options.identifier
    return {} if identifier is None else {"Subscription-Identifier": identifier}


def _sub_qos(happening: Happening) -> Value:
    return UNDEFINED if happening.options is None else happening.options.qos


def _no_props(_happening: Happening) -> Value:
    return printable(NO_PROPERTIES)


def _result(happening: Happening) -> Value:
    return "allow" if happening.is_allowed else "deny"


def _basic(event: str) -> dict[str, Read]:
    return {
        "event": lambda _: event,
        "timestamp": lambda happening: happening.at_ms,
        "node": lambda happening: happening.around.node,
    }


_PUBLISHED: dict[str, Read] = {
    "id": lambda happening: _message(happening).id.upper(),
    "clientid": _of_publisher("clientid"),
    "username": _of_publisher("username"),
    "payload": _payload,
    "peerhost": _of_publisher("peerhost"),
    "topic": _of_message("topic"),
    "qos": _of_message("qos"),
    "flags": _flags,
    "headers": _headers,
    "pub_props": lambda happening: printable(_message(happening).properties),
    "publish_received_at": _of_message("timestamp_ms"),
}
_DELIVERED: dict[str, Read] = {
    **_PUBLISHED,
    "from_clientid": _of_publisher("clientid"),
    "from_username": _of_publisher("username"),
    "clientid": _receiver,
    "username": _username_of_receiver,
    "peerhost": _of_client("peerhost"),
}
_IDENTITY: dict[str, Read] = {
    "clientid": _of_client("clientid"),
    "username": _of_client("username"),
}
_CONNECTION: dict[str, Read] = {
    **_IDENTITY,
    "peername": _peername,
    "sockname": _sockname,
    "proto_name": _of_client("proto_name"),
    "proto_ver": _of_client("proto_ver"),
}
_CONNECT: dict[str, Read] = {
    **_CONNECTION,
    "keepalive": _of_client("keepalive_s"),
    "clean_start": _of_client("clean_start"),
    "expiry_interval": _of_session("expiry_interval_s"),
    "conn_props": _no_props,
}
_SUBSCRIPTION: dict[str, Read] = {
    **_IDENTITY,
    "peerhost": _of_client("peerhost"),
    "topic": _plain_topic,
    "qos": _sub_qos,
}

# -- examples -----------------------------------------------------------------------------------

_USER_PROPERTIES = {
    "User-Property": {"foo": "bar"},
    "User-Property-Pairs": [{"key": "foo"}, {"value": "bar"}],
}
_PUB_PROPS = {
    "Payload-Format-Indicator": 0,
    "Message-Expiry-Interval": 30,
    **_USER_PROPERTIES,
}
_CONN_PROPS = {"Session-Expiry-Interval": 7200, "Receive-Maximum": 32, **_USER_PROPERTIES}
_DISCONN_PROPS = {
    "Session-Expiry-Interval": 7200,
    "Reason-String": "Redirect to another server",
    "Server Reference": "192.168.22.129",
    **_USER_PROPERTIES,
}
_PUBLISHER: Pairs = (("clientid", "c_emqx"), ("username", "u_emqx"))
_BOTH: Pairs = (
    ("from_clientid", "c_emqx_1"),
    ("from_username", "u_emqx_1"),
    ("clientid", "c_emqx_2"),
    ("username", "u_emqx_2"),
)
_PAYLOAD: Pairs = (("payload", '{"msg": "hello"}'),)
_TOPIC: Pairs = (("topic", "t/a"), ("qos", 1))
_PEERHOST: Pairs = (("peerhost", "192.168.0.10"),)
_REST_OF_MESSAGE: Pairs = (
    *_PAYLOAD,
    *_PEERHOST,
    *_TOPIC,
    ("flags", {}),
    ("publish_received_at", 0),
)
_ID: Pairs = (("id", "0005F2B8DE3A1F6AF4430000054C0000"),)
_PROPS: Pairs = (("pub_props", _PUB_PROPS),)
_SOCKET: Pairs = (
    *_PUBLISHER,
    ("peername", "192.168.0.10:56431"),
    ("sockname", "0.0.0.0:1883"),
    ("proto_name", "MQTT"),
    ("proto_ver", 5),
)
_EXAMPLES: dict[str, Pairs] = {
    "message.publish": (*_ID, *_PUBLISHER, *_REST_OF_MESSAGE, *_PROPS),
    "message.delivered": (*_ID, *_BOTH, *_REST_OF_MESSAGE, *_PROPS),
    "message.acked": (
        *_ID,
        *_BOTH,
        *_REST_OF_MESSAGE,
        *_PROPS,
        ("puback_props", {"Reason-String": "OK", **_USER_PROPERTIES}),
    ),
    "message.dropped": (
        *_ID,
        ("reason", "no_subscribers"),
        *_PUBLISHER,
        *_REST_OF_MESSAGE,
        *_PROPS,
    ),
    "delivery.dropped": (*_ID, ("reason", "queue_full"), *_BOTH, *_REST_OF_MESSAGE),
    "client.connected": (
        *_PUBLISHER,
        ("mountpoint", UNDEFINED),
        *_SOCKET[2:],
        ("keepalive", 60),
        ("clean_start", True),
        ("expiry_interval", 3600),
        ("is_bridge", False),
        ("connected_at", 0),
        ("conn_props", _CONN_PROPS),
    ),
    "client.disconnected": (
        ("reason", "normal"),
        *_SOCKET,
        ("disconnected_at", 0),
        ("disconn_props", _DISCONN_PROPS),
    ),
    "client.connack": (
        ("reason_code", "success"),
        *_SOCKET,
        ("keepalive", 60),
        ("clean_start", True),
        ("expiry_interval", 3600),
        ("connected_at", 0),
        ("conn_props", _CONN_PROPS),
    ),
    "session.subscribed": (*_PUBLISHER, *_PEERHOST, *_TOPIC, ("sub_props", _USER_PROPERTIES)),
    "session.unsubscribed": (*_PUBLISHER, *_PEERHOST, *_TOPIC, ("unsub_props", _USER_PROPERTIES)),
    "client.check_acl_complete": (
        *_PUBLISHER,
        *_PEERHOST,
        ("topic", "t/a"),
        ("action", "publish"),
        ("is_cache", "false"),
        ("result", "allow"),
    ),
}

# -- the table ----------------------------------------------------------------------------------


def _event(
    name: str,
    texts: tuple[str, str] | tuple[str, str, str, str],
    readers: Mapping[str, Read],
    test_columns: Pairs,
    sql_example: str,
    take: Callable[..., Mapping[str, Any]],
) -> Event:
    title = {"en": texts[0], "zh": texts[1]}
    return Event(
        name=name,
        title=title,
        description={"en": texts[2], "zh": texts[3]} if len(texts) == 4 else title,
        example=(("event", name), *_EXAMPLES[name]),
        test_columns=test_columns,
        sql_example=sql_example,
        take=take,
        readers={**_basic(name), **readers},
    )


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
    return {"client": client, "action": action, "topic": topic, "is_allowed": allowed}


_TEST_PUBLISH: Pairs = (*_PUBLISHER, *_TOPIC, *_PAYLOAD)
_TEST_DELIVERY: Pairs = (*_BOTH, *_TOPIC, *_PAYLOAD)
_TEST_SUBSCRIPTION: Pairs = (*_PUBLISHER, *_TOPIC)

MESSAGE_PUBLISH = _event(
    "message.publish",
    ("message publish", "消息发布"),
    _PUBLISHED,
    _TEST_PUBLISH,
    "SELECT payload.msg as msg FROM \"t/#\" WHERE msg = 'hello'",
    _take_message,
)

_ALL = (
    MESSAGE_PUBLISH,
    _event(
        "message.delivered",
        ("message delivered", "消息已投递"),
        _DELIVERED,
        _TEST_DELIVERY,
        _sql("message_delivered"),
        _take_delivery,
    ),
    _event(
        "message.acked",
        ("message acked", "消息应答"),
        {**_DELIVERED, "puback_props": _no_props},
        _TEST_DELIVERY,
        _sql("message_acked"),
        _take_delivery,
    ),
    _event(
        "message.dropped",
        (
            "message routing-drop",
            "消息转发丢弃",
            "messages are discarded during forwarding, usually because there are no subscribers",
            "消息在转发的过程中被丢弃，一般是由于没有订阅者",
        ),
        {**_PUBLISHED, "reason": _reason},
        (("reason", "no_subscribers"), *_TEST_PUBLISH),
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
        {**_DELIVERED, "reason": _reason},
        (("reason", "queue_full"), *_TEST_DELIVERY),
        _sql("delivery_dropped"),
        _take_delivery,
    ),
    _event(
        "client.connected",
        ("client connected", "连接建立"),
        {
            **_CONNECT,
            "mountpoint": _mountpoint,
            "receive_maximum": _of_session("inflight_max"),
            "is_bridge": _of_client("is_bridge"),
            "connected_at": _connected_at,
        },
        (*_PUBLISHER, ("peername", "127.0.0.1:52918")),
        _sql("client_connected", has_topic=False),
        _take_client,
    ),
    _event(
        "client.disconnected",
        ("client disconnected", "连接断开"),
        {
            **_CONNECTION,
            "reason": _reason,
            "disconn_props": _no_props,
            "disconnected_at": lambda happening: happening.at_ms,
        },
        (*_PUBLISHER, ("reason", "normal")),
        _sql("client_disconnected", has_topic=False),
        _take_client,
    ),
    _event(
        "client.connack",
        ("client connack", "连接确认"),
        {**_CONNECT, "reason_code": _reason},
        (*_PUBLISHER, ("reason_code", "success")),
        _sql("client_connack", has_topic=False),
        _take_client,
    ),
    _event(
        "session.subscribed",
        ("session subscribed", "会话订阅完成"),
        {**_SUBSCRIPTION, "sub_props": _sub_props},
        _TEST_SUBSCRIPTION,
        _sql("session_subscribed"),
        _take_subscription,
    ),
    _event(
        "session.unsubscribed",
        ("session unsubscribed", "会话取消订阅完成"),
        {**_SUBSCRIPTION, "unsub_props": _no_props},
        _TEST_SUBSCRIPTION,
        _sql("session_unsubscribed"),
        _take_subscription,
    ),
    _event(
        "client.check_acl_complete",
        ("client check acl complete", "鉴权结果"),
        {
            **_IDENTITY,
            "peerhost": _of_client("peerhost"),
            "topic": lambda happening: happening.topic,
            "action": lambda happening: happening.action,
            # The hook does not tell a remembered verdict from a new one.
            "is_cache": lambda _: False,
            "result": _result,
        },
        (*_PUBLISHER, ("topic", "t/1"), ("action", "publish"), ("result", "allow")),
        _sql("client_check_acl_complete", has_topic=False),
        _take_check,
    ),
)

EVENTS = {event.name: event for event in _ALL}
"""All kinds by name, in EMQX's order."""
