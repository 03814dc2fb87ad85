"""Columns of events: what each is read from, when a statement first asks for it.

An event whose columns nobody looks at costs the making of one empty dict. Knows the broker's types; not who hooks what.

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
from app.ids import msgid
from app.mqtt.properties import NO_PROPERTIES, Properties
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import split_share
from app.rules.terms.scope import NOT_DECODED, PAYLOAD, Columns, refuse_text
from app.rules.terms.values import UNDEFINED, Value, decode_json, text_of_bytes

_MESSAGE_PUBLISH = "message.publish"
_ID = "id"
_NOT_READ = object()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What columns say beyond the hook's arguments."""

    node: str
    now_ms: Callable[[], int]
    channel_of: Callable[[str], ManagedChannel | None]
    """The channel of a client id, for what a hook does not tell of the client."""
    connect_properties: Callable[[ClientInfo], Properties] = lambda _client: NO_PROPERTIES
    """What a client said in CONNECT, as long as that is known."""


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
    is_from_cache: bool = False
    said: Properties = field(default_factory=lambda: NO_PROPERTIES)
    """Properties of the packet that it comes of."""

    def note_what_was_said(self) -> None:
        """Keep the properties of the packet that is being handled."""
        client = self.client
        if client is None:
            channel = self.channel
            client = None if channel is None else channel.client
        if client is not None:
            self.said = client.said

    @property
    def channel(self) -> ManagedChannel | None:
        """Return the channel of the client that the event is about."""
        clientid = self.clientid if self.client is None else self.client.clientid
        return None if clientid is None else self.around.channel_of(clientid)


class Published:
    """What `Happening` is, of a published message: they come by the thousand, and have nothing else."""

    __slots__ = ("around", "at_ms", "message")

    def __init__(self, around: Surroundings, at_ms: int, message: Message) -> None:
        """Note it."""
        self.around = around
        self.at_ms = at_ms
        self.message = message


Read = Callable[[Any], Value]
"""Reads from a `Happening`; the columns of published messages also from a `Published`."""


class EventColumns(Columns):
    """The columns of one event, each read when it is first asked for."""

    __slots__ = ("_happening", "_is_whole", "_readers")

    def __init__(self, readers: Mapping[str, Read], happening: Happening | Published) -> None:
        """Begin with none read.

        Args:
            readers: of the event's kind, from the table below.
            happening: what they read from.
        """
        self._text = None
        self._readers = readers
        self._happening = happening
        self._is_whole = False

    def __missing__(self, name: str) -> Value:
        read = self._readers.get(name)
        if read is None:
            return UNDEFINED
        value = self[name] = read(self._happening)
        return value

    def everything(self) -> Mapping[str, Value]:
        """Return all columns."""
        if not self._is_whole:
            happening = self._happening
            for name, read in self._readers.items():
                if name not in self:
                    self[name] = read(happening)
            self._is_whole = True
        return self


class HeardFrom:
    """What messages have in common that came together on the express lane: all columns but two."""

    __slots__ = ("_around", "_at_ms", "_client", "_qos", "_shared", "_topic")

    def __init__(
        self, around: Surroundings, client: ClientInfo, topic: str, qos: int, at_ms: int
    ) -> None:
        """Note it."""
        self._around = around
        self._client = client
        self._topic = topic
        self._qos = qos
        self._at_ms = at_ms
        self._shared: EventColumns | None = None

    @property
    def shared(self) -> EventColumns:
        """Return the columns of a message without payload in their place."""
        if self._shared is None:
            client = self._client
            message = Message(
                self._topic,
                b"",
                self._qos,
                False,
                self._at_ms,
                client.clientid,
                client.username,
                client.peerhost,
            )
            self._shared = EventColumns(
                READERS[_MESSAGE_PUBLISH], Published(self._around, self._at_ms, message)
            )
        return self._shared


class HeardColumns(Columns):
    """The columns of a message on the express lane: most are asked for their payload's JSON and for nothing else."""

    __slots__ = ("_document", "_from", "_payload")

    def __init__(self, heard_from: HeardFrom, payload: bytes) -> None:
        """Begin with none read."""
        self._from = heard_from
        self._payload = payload
        self._document: Value = _NOT_READ
        self._text = None

    def __missing__(self, name: str) -> Value:
        if name == PAYLOAD:
            value = self[name] = text_of_bytes(self._payload)
        elif name == _ID:
            value = self[name] = msgid().upper()
        elif name in READERS[_MESSAGE_PUBLISH]:
            value = self[name] = self._from.shared[name]
        else:
            value = UNDEFINED
        return value

    def everything(self) -> Mapping[str, Value]:
        """Return all columns."""
        own = self.get(PAYLOAD), self.get(_ID)
        self.update(self._from.shared.everything())
        self[PAYLOAD] = text_of_bytes(self._payload) if own[0] is None else own[0]
        self[_ID] = msgid().upper() if own[1] is None else own[1]
        return self

    def document(self) -> Value:
        """Return what the payload's JSON says; its bytes are read as they came.

        Raises:
            RuleError: it is no JSON.
        """
        document = self._document
        if document is _NOT_READ:
            try:
                document = decode_json(self._payload)
            except ValueError:
                document = NOT_DECODED
            self._document = document
        return document if document is not NOT_DECODED else refuse_text(self[PAYLOAD])

    def decoded(self, text: str | bytes) -> Value:
        """Return what the JSON of a payload says; that of the message's own payload is decoded once."""
        return self.document() if text is self.get(PAYLOAD) else super().decoded(text)


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
    """Return where the client came in; an address that is not known is any."""
    client = happening.client
    if client is None:
        return UNDEFINED
    return f"{client.sockhost or '0.0.0.0'}:{client.sockport}"  # noqa: S104 - nothing listens there


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
    printed = printable(happening.said)
    return printed if identifier is None else {**printed, "Subscription-Identifier": identifier}


def _sub_qos(happening: Happening) -> Value:
    return UNDEFINED if happening.options is None else happening.options.qos


def _said(happening: Happening) -> Value:
    return printable(happening.said)


def _conn_props(happening: Happening) -> Value:
    if happening.client is None:
        return {}
    printed = printable(happening.around.connect_properties(happening.client))
    # It may be a password.
    printed.pop("Authentication-Data", None)
    return printed


def _result(happening: Happening) -> Value:
    return "allow" if happening.is_allowed else "deny"


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
    "conn_props": _conn_props,
}
_SUBSCRIPTION: dict[str, Read] = {
    **_IDENTITY,
    "peerhost": _of_client("peerhost"),
    "topic": _plain_topic,
    "qos": _sub_qos,
}


def _with_basics(event: str, *readers: Mapping[str, Read]) -> dict[str, Read]:
    basics: dict[str, Read] = {
        "event": lambda _: event,
        "timestamp": attrgetter("at_ms"),
        "node": attrgetter("around.node"),
    }
    for more in readers:
        basics.update(more)
    return basics


_OF_EVENTS: dict[str, tuple[Mapping[str, Read], ...]] = {
    _MESSAGE_PUBLISH: (_PUBLISHED,),
    "message.delivered": (_DELIVERED,),
    "message.acked": (_DELIVERED, {"puback_props": _said}),
    "message.dropped": (_PUBLISHED, {"reason": _reason}),
    "delivery.dropped": (_DELIVERED, {"reason": _reason}),
    "client.connected": (
        _CONNECT,
        {
            "mountpoint": _mountpoint,
            "receive_maximum": _of_session("inflight_max"),
            "is_bridge": _of_client("is_bridge"),
            "connected_at": _connected_at,
        },
    ),
    "client.disconnected": (
        _CONNECTION,
        {"reason": _reason, "disconn_props": _said, "disconnected_at": attrgetter("at_ms")},
    ),
    "client.connack": (_CONNECT, {"reason_code": _reason}),
    "session.subscribed": (_SUBSCRIPTION, {"sub_props": _sub_props}),
    "session.unsubscribed": (_SUBSCRIPTION, {"unsub_props": _said}),
    "client.check_acl_complete": (
        _IDENTITY,
        {
            "peerhost": _of_client("peerhost"),
            "topic": attrgetter("topic"),
            "action": attrgetter("action"),
            "is_cache": attrgetter("is_from_cache"),
            "result": _result,
        },
    ),
}

READERS = {name: _with_basics(name, *readers) for name, readers in _OF_EVENTS.items()}
"""How each column is read, by the event's name; `headers` is read and, as in EMQX, not shown to people."""
