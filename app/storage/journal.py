"""The journal's format: how what the broker says becomes bytes, and how they are read.

A row of the journal is one group of events that became safe together:

    CRC-32 of the rest · wall time in ms · event · event · …

An event is a byte that says its kind, then numbers of fixed width, then texts whose lengths are among the numbers. What
is said for every message is packed so; what is said now and then is a JSON document. A message stands in its group
once, and the events behind it name it by its place among the group's messages, so that a group can be read by itself.
All numbers are little-endian.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final, Protocol, cast

from app.broker.inflight import Delivery, SharedDelivery
from app.broker.message import Message
from app.broker.ports import (
    StoredDelayed,
    StoredDelivery,
    StoredSession,
    StoredStay,
    StoredSubscription,
)
from app.broker.router import SubOptions
from app.mqtt.errors import MQTTError
from app.mqtt.packets import PacketType, Will
from app.mqtt.properties import NO_PROPERTIES, WILL, decode_properties, encode_properties

FORMAT: Final = 1
"""Of the whole journal. What only adds kinds of events or members of documents is a new number all the same."""


class Kind(IntEnum):
    """What an event says."""

    MESSAGE = 1
    DELIVERY = 2
    SENT = 3
    RELEASED = 4
    FINISHED = 5
    AWAITS = 6
    WAS_RELEASED = 7
    RETAINED = 8
    DELAYED = 9
    DELAYED_IS_OVER = 10
    WILL_IS_OVER = 11
    ENDED = 12
    SESSION = 13
    STAY = 14
    SUBSCRIBED = 15
    UNSUBSCRIBED = 16
    RETAINED_IS_GONE = 17
    ALIVE = 18
    """Nothing but that the node was there when the group was closed."""
    RUN = 19
    FINISHED_RUN = 20


HEAD: Final = struct.Struct("<Iq")
_CRC: Final = struct.Struct("<I")
_AT: Final = struct.Struct("<q")
_MESSAGE: Final = struct.Struct(
    "<BBqIIII"
)  # flags, time, sizes: topic, payload, origin, properties
_DELIVERY: Final = struct.Struct("<BBIQHII")  # flags, session, key, packet id, message, size
_SENT: Final = struct.Struct("<BIQH")  # session, key, packet id
_KEYED: Final = struct.Struct("<BIQ")  # session, key
_ID: Final = struct.Struct("<BIH")  # session, packet id
_RETAINED: Final = struct.Struct("<BIQ")  # message, sequence
_DELAYED: Final = struct.Struct("<BIQqI")  # message, number, due, size of topic
_NUMBER: Final = struct.Struct("<BQ")
_DOCUMENT: Final = struct.Struct("<BI")

_RUN: Final = struct.Struct("<BBIQqIIII")
"""Flags, session, first key, time; sizes of topic, origin and each payload; how many."""
_KEYS: Final = struct.Struct("<BII")  # session, how many

_QOS: Final = 3
_RETAIN: Final = 4
_RELEASED: Final = 8
_MANY_ORIGINS: Final = 10_000


class DamagedError(Exception):
    """Bytes that are not a group of the journal."""


class OpenGroup:
    """The events that will be one row, as they are said."""

    def __init__(self, origins: dict[tuple[str | None, ...], bytes]) -> None:
        """Start without events; `origins` is what was made of publishers before, shared by all groups."""
        self._body = bytearray(HEAD.size)
        self._origins = origins
        self._messages = 0
        self._last: Message | None = None

    def __len__(self) -> int:
        """Return how many bytes there are."""
        return len(self._body)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was said yet."""
        return len(self._body) == HEAD.size

    def close(self, at_ms: int) -> bytes:
        """Return the row; `at_ms` is the wall time."""
        body = self._body
        _AT.pack_into(body, _CRC.size, at_ms)
        _CRC.pack_into(body, 0, zlib.crc32(memoryview(body)[_CRC.size :]))
        return bytes(body)

    # -- for every message ---------------------------------------------------------------------

    def _place_of(self, message: Message) -> int:
        """Return a message's place among those of the group; a message that comes again in a row is written once."""
        if message is self._last:
            return self._messages - 1
        topic = message.topic.encode()
        properties = b""
        if message.properties:
            properties = encode_properties(message.properties, PacketType.PUBLISH)
        origin = self._origin_of(message)
        payload = message.payload
        head = _MESSAGE.pack(
            Kind.MESSAGE,
            message.qos | (_RETAIN if message.retain else 0),
            message.timestamp_ms,
            len(topic),
            len(payload),
            len(origin),
            len(properties),
        )
        self._body += b"".join((head, topic, payload, origin, properties))
        self._last = message
        self._messages += 1
        return self._messages - 1

    def _origin_of(self, message: Message) -> bytes:
        key = (message.clientid, message.username, message.peerhost)
        origin = self._origins.get(key)
        if origin is None:
            if len(self._origins) >= _MANY_ORIGINS:
                self._origins.clear()
            origin = self._origins[key] = json.dumps(key, separators=(",", ":")).encode()
        return origin

    def delivery(self, session: int, key: int, delivery: Delivery, packet_id: int) -> None:
        """Say all of a delivery, in the window or (packet id 0) waiting."""
        more = b""
        message = delivery.message
        if isinstance(delivery, SharedDelivery):
            # Another member may get it, and may have another mountpoint.
            message = delivery.original
            more = _dumps([delivery.identifier, delivery.group.key])
        elif delivery.identifier is not None:
            more = _dumps([delivery.identifier, None])
        place = self._place_of(message)
        flags = delivery.qos
        if delivery.retain:
            flags |= _RETAIN
        if delivery.released:
            flags |= _RELEASED
        self._body += _DELIVERY.pack(
            Kind.DELIVERY, flags, session, key, packet_id, place, len(more)
        )
        if more:
            self._body += more

    def run(
        self,
        session: int,
        first: Delivery,
        packet_ids: Sequence[int],
        like: Message,
        payloads: Sequence[bytes],
    ) -> None:
        """Say deliveries in the window whose keys follow each other and whose messages differ in their payloads only.

        Args:
            session: whose they are.
            first: of the deliveries.
            packet_ids: of each.
            like: one of their messages, without RETAIN and properties.
            payloads: of each, all of one size.
        """
        topic = like.topic.encode()
        origin = self._origin_of(like)
        count = len(packet_ids)
        head = _RUN.pack(
            Kind.RUN,
            first.qos,
            session,
            first.key,
            like.timestamp_ms,
            len(topic),
            len(origin),
            len(payloads[0]),
            count,
        )
        ids = struct.pack(f"<{count}H", *packet_ids)
        self._body += b"".join((head, topic, origin, ids, *payloads))

    def finished_run(self, session: int, keys: Sequence[int]) -> None:
        """Say that deliveries are over."""
        self._body += _KEYS.pack(Kind.FINISHED_RUN, session, len(keys))
        self._body += struct.pack(f"<{len(keys)}Q", *keys)

    def sent(self, session: int, key: int, packet_id: int) -> None:
        """Say that what waited is in the window."""
        self._body += _SENT.pack(Kind.SENT, session, key, packet_id)

    def released(self, session: int, key: int) -> None:
        """Say that PUBREC came."""
        self._body += _KEYED.pack(Kind.RELEASED, session, key)

    def finished(self, session: int, key: int) -> None:
        """Say that a delivery is over."""
        self._body += _KEYED.pack(Kind.FINISHED, session, key)

    def awaits(self, session: int, packet_id: int) -> None:
        """Say that PUBREL is awaited."""
        self._body += _ID.pack(Kind.AWAITS, session, packet_id)

    def was_released(self, session: int, packet_id: int) -> None:
        """Say that PUBREL is awaited no longer."""
        self._body += _ID.pack(Kind.WAS_RELEASED, session, packet_id)

    def retained(self, message: Message, sequence: int) -> None:
        """Say what a topic retains."""
        place = self._place_of(message)
        self._body += _RETAINED.pack(Kind.RETAINED, place, sequence)

    def delayed(self, waiting: StoredDelayed) -> None:
        """Say that a message waits for its time."""
        place = self._place_of(waiting.message)
        topic = waiting.topic.encode()
        self._body += _DELAYED.pack(
            Kind.DELAYED, place, waiting.number, waiting.due_at_ms, len(topic)
        )
        self._body += topic

    # -- now and then --------------------------------------------------------------------------

    def number(self, kind: Kind, number: int) -> None:
        """Say something that a number is enough for."""
        self._body += _NUMBER.pack(kind, number)

    def session(self, session: StoredSession) -> None:
        """Say all of a session but its deliveries."""
        self._document(
            Kind.SESSION,
            {
                "number": session.number,
                "clientid": session.clientid,
                "created_at_ms": session.created_at_ms,
                "stay": _stay(session.stay),
                "subscriptions": [_subscription(one) for one in session.subscriptions],
                "awaiting_rel": session.awaiting_rel,
            },
        )

    def stay(self, session: int, stay: StoredStay) -> None:
        """Say that a client came, or went."""
        self._document(Kind.STAY, {"number": session, "stay": _stay(stay)})

    def subscribed(self, session: int, subscription: StoredSubscription) -> None:
        """Say that there is a subscription."""
        self._document(
            Kind.SUBSCRIBED, {"number": session, "subscription": _subscription(subscription)}
        )

    def unsubscribed(self, session: int, key: str) -> None:
        """Say that a subscription is gone."""
        self._document(Kind.UNSUBSCRIBED, {"number": session, "key": key})

    def retained_is_gone(self, topic: str) -> None:
        """Say that a topic retains nothing."""
        self._document(Kind.RETAINED_IS_GONE, {"topic": topic})

    def _document(self, kind: Kind, document: dict[str, Any]) -> None:
        text = _dumps(document)
        self._body += _DOCUMENT.pack(kind, len(text))
        self._body += text


def _dumps(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _stay(stay: StoredStay) -> dict[str, Any]:
    will = stay.will
    return {
        "client": stay.client,
        "expiry_interval_s": stay.expiry_interval_s,
        "connected_at_ms": stay.connected_at_ms,
        "disconnected_at_ms": stay.disconnected_at_ms,
        "will": None
        if will is None
        else {
            "topic": will.topic,
            "payload": base64.b64encode(will.payload).decode(),
            "qos": will.qos,
            "retain": will.retain,
            "properties": base64.b64encode(encode_properties(will.properties, WILL)).decode(),
        },
    }


def _subscription(subscription: StoredSubscription) -> list[Any]:
    options = subscription.options
    return [
        subscription.key,
        options.qos,
        options.no_local,
        options.retain_as_published,
        options.retain_handling,
        options.identifier,
        options.share,
        subscription.is_exclusive,
    ]


# -- reading -----------------------------------------------------------------------------------


class Sink(Protocol):
    """Somebody who is told what a group says."""

    def delivery(self, session: int, delivery: StoredDelivery) -> None:
        """Hear of a delivery."""

    def sent(self, session: int, key: int, packet_id: int) -> None:
        """Hear that a delivery is in the window."""

    def released(self, session: int, key: int) -> None:
        """Hear of a PUBREC."""

    def finished(self, session: int, key: int) -> None:
        """Hear that a delivery is over."""

    def awaits(self, session: int, packet_id: int) -> None:
        """Hear that PUBREL is awaited."""

    def was_released(self, session: int, packet_id: int) -> None:
        """Hear that it is not."""

    def retained(self, message: Message, sequence: int) -> None:
        """Hear what a topic retains."""

    def retained_is_gone(self, topic: str) -> None:
        """Hear that a topic retains nothing."""

    def delayed(self, waiting: StoredDelayed) -> None:
        """Hear of a message that waits for its time."""

    def delayed_is_over(self, number: int) -> None:
        """Hear that it waits no more."""

    def session(self, session: StoredSession) -> None:
        """Hear all of a session but its deliveries."""

    def stay(self, session: int, stay: StoredStay) -> None:
        """Hear that a client came, or went."""

    def will_is_over(self, session: int) -> None:
        """Hear that a will was published."""

    def subscribed(self, session: int, subscription: StoredSubscription) -> None:
        """Hear of a subscription."""

    def unsubscribed(self, session: int, key: str) -> None:
        """Hear that it is gone."""

    def ended(self, session: int) -> None:
        """Hear that a session is not kept any more."""


def read(row: bytes, sink: Sink) -> int:
    """Tell a sink what a row says, and return the wall time when it was closed, in ms.

    Raises:
        DamagedError: the row is not what was written, or was written by something else.
    """
    if len(row) < HEAD.size:
        raise DamagedError("a group is too short")
    crc, at_ms = HEAD.unpack_from(row)
    if zlib.crc32(memoryview(row)[_CRC.size :]) != crc:
        raise DamagedError("the checksum of a group is wrong")
    at = HEAD.size
    messages: list[Message] = []
    try:
        while at < len(row):
            at = READERS[row[at]](row, at, messages, sink)
    except (struct.error, KeyError, ValueError, TypeError, IndexError, MQTTError) as error:
        # The checksum was right: it was written so, by something else than this.
        raise DamagedError(f"an event cannot be read: {error!r}") from error
    return cast("int", at_ms)


def _read_message(row: bytes, at: int, messages: list[Message], _sink: Sink) -> int:
    _, flags, timestamp_ms, *sizes = _MESSAGE.unpack_from(row, at)
    topic_at = at + _MESSAGE.size
    payload_at = topic_at + sizes[0]
    origin_at = payload_at + sizes[1]
    properties_at = origin_at + sizes[2]
    properties = NO_PROPERTIES
    if sizes[3]:
        properties, _ = decode_properties(row, properties_at, PacketType.PUBLISH)
    clientid, username, peerhost = json.loads(row[origin_at:properties_at])
    messages.append(
        Message(
            row[topic_at:payload_at].decode(),
            row[payload_at:origin_at],
            flags & _QOS,
            bool(flags & _RETAIN),
            timestamp_ms,
            clientid,
            username,
            peerhost,
            properties,
        )
    )
    return cast("int", properties_at + sizes[3])


def _read_delivery(row: bytes, at: int, messages: list[Message], sink: Sink) -> int:
    _, flags, session, key, packet_id, place, size = _DELIVERY.unpack_from(row, at)
    at += _DELIVERY.size
    delivery = StoredDelivery(
        key,
        messages[place],
        flags & _QOS,
        bool(flags & _RETAIN),
        packet_id,
        bool(flags & _RELEASED),
    )
    if size:
        identifier, group = json.loads(row[at : at + size])
        delivery.identifier = tuple(identifier) if isinstance(identifier, list) else identifier
        delivery.group = None if group is None else (group[0], group[1])
    sink.delivery(session, delivery)
    return at + cast("int", size)


def _read_run(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    _, qos, session, key, timestamp_ms, *sizes, count = _RUN.unpack_from(row, at)
    origin_at = at + _RUN.size + sizes[0]
    ids_at: int = origin_at + sizes[1]
    topic = row[origin_at - sizes[0] : origin_at].decode()
    clientid, username, peerhost = json.loads(row[origin_at:ids_at])
    at = ids_at + 2 * count
    for packet_id in struct.unpack_from(f"<{count}H", row, ids_at):
        payload = row[at : at + sizes[2]]
        message = Message(topic, payload, qos, False, timestamp_ms, clientid, username, peerhost)
        sink.delivery(session, StoredDelivery(key, message, qos, False, packet_id))
        key += 1
        at += sizes[2]
    return at


def _read_finished_run(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    _, session, count = _KEYS.unpack_from(row, at)
    at += _KEYS.size
    for key in struct.unpack_from(f"<{count}Q", row, at):
        sink.finished(session, key)
    return at + 8 * cast("int", count)


def _read_sent(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    sink.sent(*_SENT.unpack_from(row, at)[1:])
    return at + _SENT.size


def _read_released(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    sink.released(*_KEYED.unpack_from(row, at)[1:])
    return at + _KEYED.size


def _read_finished(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    sink.finished(*_KEYED.unpack_from(row, at)[1:])
    return at + _KEYED.size


def _read_awaits(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    sink.awaits(*_ID.unpack_from(row, at)[1:])
    return at + _ID.size


def _read_was_released(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    sink.was_released(*_ID.unpack_from(row, at)[1:])
    return at + _ID.size


def _read_retained(row: bytes, at: int, messages: list[Message], sink: Sink) -> int:
    _, place, sequence = _RETAINED.unpack_from(row, at)
    sink.retained(messages[place], sequence)
    return at + _RETAINED.size


def _read_delayed(row: bytes, at: int, messages: list[Message], sink: Sink) -> int:
    _, place, number, due_at_ms, size = _DELAYED.unpack_from(row, at)
    at += _DELAYED.size
    topic = row[at : at + size].decode()
    sink.delayed(StoredDelayed(number, messages[place], topic, due_at_ms))
    return at + cast("int", size)


def _number(tell: Callable[[Sink, int], None]) -> Reader:
    def reader(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
        _, number = _NUMBER.unpack_from(row, at)
        tell(sink, number)
        return at + _NUMBER.size

    return reader


def _document(tell: Callable[[Sink, dict[str, Any]], None]) -> Reader:
    def reader(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
        size: int = _DOCUMENT.unpack_from(row, at)[1]
        at += _DOCUMENT.size
        tell(sink, json.loads(row[at : at + size]))
        return at + size

    return reader


def _tell_session(sink: Sink, said: dict[str, Any]) -> None:
    sink.session(
        StoredSession(
            said["number"],
            said["clientid"],
            said["created_at_ms"],
            _stay_of(said["stay"]),
            [_subscription_of(one) for one in said["subscriptions"]],
            awaiting_rel=said["awaiting_rel"],
        )
    )


def _stay_of(said: dict[str, Any]) -> StoredStay:
    will = said["will"]
    return StoredStay(
        said["client"],
        said["expiry_interval_s"],
        said["connected_at_ms"],
        said["disconnected_at_ms"],
        None
        if will is None
        else Will(
            will["topic"],
            base64.b64decode(will["payload"]),
            will["qos"],
            will["retain"],
            decode_properties(base64.b64decode(will["properties"]), 0, WILL)[0],
        ),
    )


def _subscription_of(said: list[Any]) -> StoredSubscription:
    key, qos, no_local, as_published, handling, identifier, share, is_exclusive = said
    options = SubOptions(qos, no_local, as_published, handling, identifier, share)
    return StoredSubscription(key, options, is_exclusive)


Reader = Callable[[bytes, int, list[Message], Sink], int]
READERS: Final[dict[int, Reader]] = {
    Kind.MESSAGE: _read_message,
    Kind.DELIVERY: _read_delivery,
    Kind.SENT: _read_sent,
    Kind.RUN: _read_run,
    Kind.FINISHED_RUN: _read_finished_run,
    Kind.RELEASED: _read_released,
    Kind.FINISHED: _read_finished,
    Kind.AWAITS: _read_awaits,
    Kind.WAS_RELEASED: _read_was_released,
    Kind.RETAINED: _read_retained,
    Kind.DELAYED: _read_delayed,
    Kind.DELAYED_IS_OVER: _number(lambda sink, number: sink.delayed_is_over(number)),
    Kind.WILL_IS_OVER: _number(lambda sink, number: sink.will_is_over(number)),
    Kind.ENDED: _number(lambda sink, number: sink.ended(number)),
    Kind.ALIVE: _number(lambda _sink, _number: None),
    Kind.SESSION: _document(_tell_session),
    Kind.STAY: _document(lambda sink, said: sink.stay(said["number"], _stay_of(said["stay"]))),
    Kind.SUBSCRIBED: _document(
        lambda sink, said: sink.subscribed(said["number"], _subscription_of(said["subscription"]))
    ),
    Kind.UNSUBSCRIBED: _document(lambda sink, said: sink.unsubscribed(said["number"], said["key"])),
    Kind.RETAINED_IS_GONE: _document(lambda sink, said: sink.retained_is_gone(said["topic"])),
}
