"""Reading the journal: what a row says is told to a sink, event by event (`layout`)."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

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
from app.mqtt.properties import NO_PROPERTIES, WILL, decode_properties
from app.storage.layout import (
    CRC_LAYOUT,
    DELAYED_LAYOUT,
    DELIVERY_LAYOUT,
    DOCUMENT_LAYOUT,
    HEAD,
    ID_LAYOUT,
    KEYED_LAYOUT,
    KEYS_LAYOUT,
    MESSAGE_LAYOUT,
    NUMBER_LAYOUT,
    QOS_BITS,
    RELEASED_BIT,
    RETAIN_BIT,
    RETAINED_LAYOUT,
    RUN_LAYOUT,
    SENT_LAYOUT,
    Kind,
)


class DamagedError(Exception):
    """Bytes that are not a group of the journal."""


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
    if zlib.crc32(memoryview(row)[CRC_LAYOUT.size :]) != crc:
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
    _, flags, timestamp_ms, *sizes = MESSAGE_LAYOUT.unpack_from(row, at)
    topic_at = at + MESSAGE_LAYOUT.size
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
            flags & QOS_BITS,
            bool(flags & RETAIN_BIT),
            timestamp_ms,
            clientid,
            username,
            peerhost,
            properties,
        )
    )
    return cast("int", properties_at + sizes[3])


def _read_delivery(row: bytes, at: int, messages: list[Message], sink: Sink) -> int:
    _, flags, session, key, packet_id, place, size = DELIVERY_LAYOUT.unpack_from(row, at)
    at += DELIVERY_LAYOUT.size
    delivery = StoredDelivery(
        key,
        messages[place],
        flags & QOS_BITS,
        bool(flags & RETAIN_BIT),
        packet_id,
        bool(flags & RELEASED_BIT),
    )
    if size:
        identifier, group = json.loads(row[at : at + size])
        delivery.identifier = tuple(identifier) if isinstance(identifier, list) else identifier
        delivery.group = None if group is None else (group[0], group[1])
    sink.delivery(session, delivery)
    return at + cast("int", size)


def _read_run(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    _, qos, session, key, timestamp_ms, *sizes, count = RUN_LAYOUT.unpack_from(row, at)
    origin_at = at + RUN_LAYOUT.size + sizes[0]
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
    _, session, count = KEYS_LAYOUT.unpack_from(row, at)
    at += KEYS_LAYOUT.size
    for key in struct.unpack_from(f"<{count}Q", row, at):
        sink.finished(session, key)
    return at + 8 * cast("int", count)


def _read_sent(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    sink.sent(*SENT_LAYOUT.unpack_from(row, at)[1:])
    return at + SENT_LAYOUT.size


def _read_released(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    sink.released(*KEYED_LAYOUT.unpack_from(row, at)[1:])
    return at + KEYED_LAYOUT.size


def _read_finished(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    sink.finished(*KEYED_LAYOUT.unpack_from(row, at)[1:])
    return at + KEYED_LAYOUT.size


def _read_awaits(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    sink.awaits(*ID_LAYOUT.unpack_from(row, at)[1:])
    return at + ID_LAYOUT.size


def _read_was_released(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
    sink.was_released(*ID_LAYOUT.unpack_from(row, at)[1:])
    return at + ID_LAYOUT.size


def _read_retained(row: bytes, at: int, messages: list[Message], sink: Sink) -> int:
    _, place, sequence = RETAINED_LAYOUT.unpack_from(row, at)
    sink.retained(messages[place], sequence)
    return at + RETAINED_LAYOUT.size


def _read_delayed(row: bytes, at: int, messages: list[Message], sink: Sink) -> int:
    _, place, number, due_at_ms, size = DELAYED_LAYOUT.unpack_from(row, at)
    at += DELAYED_LAYOUT.size
    topic = row[at : at + size].decode()
    sink.delayed(StoredDelayed(number, messages[place], topic, due_at_ms))
    return at + cast("int", size)


def _number(tell: Callable[[Sink, int], None]) -> Reader:
    def reader(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
        _, number = NUMBER_LAYOUT.unpack_from(row, at)
        tell(sink, number)
        return at + NUMBER_LAYOUT.size

    return reader


def _document(tell: Callable[[Sink, dict[str, Any]], None]) -> Reader:
    def reader(row: bytes, at: int, _messages: list[Message], sink: Sink) -> int:
        size: int = DOCUMENT_LAYOUT.unpack_from(row, at)[1]
        at += DOCUMENT_LAYOUT.size
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
