"""What is said for every message, until the group is closed: kept as it was said, then made bytes (`layout`).

It knows deliveries and messages, not who says them nor where the bytes go.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Final

from app.broker.inflight import Delivery, SharedDelivery
from app.broker.message import Message
from app.broker.ports import Like
from app.mqtt.packets import PacketType
from app.mqtt.properties import encode_properties
from app.storage.layout import (
    DELIVERY_LAYOUT,
    MESSAGE_LAYOUT,
    RELEASED_BIT,
    RETAIN_BIT,
    RUN_LAYOUT,
    SENT_LAYOUT,
    Kind,
)

EVENT_BYTES: Final = 150
"""What a delivery costs besides its payload, about: topic and publisher are among it."""
_MANY_ORIGINS: Final = 10_000
_MESSAGE: Final = int(Kind.MESSAGE)
_DELIVERY: Final = int(Kind.DELIVERY)
_RUN: Final = int(Kind.RUN)


class One:
    """A delivery, all of it."""

    __slots__ = ("delivery", "key", "packet_id", "session")

    def __init__(self, session: int, delivery: Delivery, packet_id: int) -> None:
        """Note it, in the window or (packet id 0) waiting."""
        self.session = session
        self.key = delivery.key
        self.delivery = delivery
        self.packet_id = packet_id

    @property
    def is_left(self) -> bool:
        """Tell whether it is not over."""
        key = self.delivery.key
        return (key if key > 0 else -key) == self.key


class Sent(One):
    """That a delivery that waited is in the window."""

    __slots__ = ()


class Run:
    """Deliveries whose keys follow each other and whose messages differ in payloads of one size only."""

    __slots__ = ("deliveries", "first_key", "like", "packet_ids", "payloads", "session")

    def __init__(
        self,
        session: int,
        deliveries: Sequence[Delivery],
        packet_ids: Sequence[int],
        like: Like,
        payloads: Sequence[bytes],
    ) -> None:
        """Note them; `like` is what their messages have in common."""
        self.session = session
        self.first_key = deliveries[0].key
        self.deliveries = deliveries
        self.packet_ids = packet_ids
        self.like = like
        self.payloads = payloads

    def is_left(self, place: int) -> bool:
        """Tell whether the delivery at a place is not over."""
        key = self.deliveries[place].key
        return (key if key > 0 else -key) == self.first_key + place


class About:
    """An event about a message: what stands before the message's place in the group, and what stands behind it."""

    __slots__ = ("kind", "layout", "message", "numbers", "rest")

    def __init__(
        self,
        kind: Kind,
        layout: struct.Struct,
        message: Message,
        numbers: tuple[int, ...],
        rest: bytes,
    ) -> None:
        """Note it."""
        self.kind = kind
        self.layout = layout
        self.message = message
        self.numbers = numbers
        self.rest = rest


Event = bytes | One | Run | About


def is_over(event: Event) -> bool:
    """Tell whether nothing is left to be said."""
    if isinstance(event, Run):
        return not any(event.is_left(place) for place in range(len(event.deliveries)))
    return isinstance(event, One) and not event.is_left


def size_of(event: Event) -> int:
    """Return about how many bytes an event will have."""
    if isinstance(event, Run):
        return EVENT_BYTES + len(event.payloads) * (2 + len(event.payloads[0]))
    if isinstance(event, Sent):
        return SENT_LAYOUT.size
    if isinstance(event, One):
        return EVENT_BYTES + event.delivery.weight
    if isinstance(event, About):
        return EVENT_BYTES + len(event.message.payload)
    return len(event)


class Body:
    """Events of one group, becoming bytes."""

    def __init__(self, origins: dict[tuple[str | None, ...], bytes]) -> None:
        """Start without any; `origins` is what was made of publishers before, shared by all groups."""
        self._origins = origins
        self._pieces: list[bytes] = []
        self._messages = 0
        self._last: Message | None = None
        # Deliveries that may become one run
        self._alike: list[One] = []
        self._their: list[Message] = []

    def bytes_of(self, events: Sequence[Event]) -> bytes:
        """Return what is left of events, as it is written."""
        for event in events:
            if isinstance(event, One) and not isinstance(event, Sent):
                if event.is_left:
                    self._join(event)
                continue
            self._end_run()
            if isinstance(event, Sent):
                if event.is_left:
                    self._pieces.append(
                        SENT_LAYOUT.pack(Kind.SENT, event.session, event.key, event.packet_id)
                    )
            elif isinstance(event, Run):
                self._live_runs(event)
            elif isinstance(event, About):
                place = self._place_of(event.message)
                self._pieces.append(event.layout.pack(event.kind, place, *event.numbers))
                self._pieces.append(event.rest)
            else:
                self._pieces.append(event)
        self._end_run()
        return b"".join(self._pieces)

    # -- single deliveries ---------------------------------------------------------------------

    def _join(self, one: One) -> None:
        """Add a delivery to those that may become one run, or begin with another run."""
        message = one.delivery.message
        alike = self._alike
        if alike and not (
            one.session == alike[0].session
            and one.key == alike[-1].key + 1
            and _are_alike(message, self._their[0])
            and _is_plain(one.delivery, message)
        ):
            self._end_run()
        self._alike.append(one)
        self._their.append(message)
        if len(self._alike) == 1 and not _is_plain(one.delivery, message):
            self._end_run()

    def _end_run(self) -> None:
        alike = self._alike
        if not alike:
            return
        their = self._their
        self._alike = []
        self._their = []
        if len(alike) == 1:
            self._single(alike[0], their[0])
            return
        ids = [one.packet_id for one in alike]
        payloads = [message.payload for message in their]
        first = alike[0]
        self._run(first.session, first.delivery.qos, first.key, their[0], ids, payloads)

    def _single(self, one: One, message: Message) -> None:
        more = b""
        delivery = one.delivery
        if isinstance(delivery, SharedDelivery):
            # Another member may get it, and may have another mountpoint.
            message = delivery.original
            more = _dumps([delivery.identifier, delivery.group.key])
        elif delivery.identifier is not None:
            more = _dumps([delivery.identifier, None])
        place = self._place_of(message)
        flags = delivery.qos
        if delivery.retain:
            flags |= RETAIN_BIT
        if delivery.released:
            flags |= RELEASED_BIT
        self._pieces.append(
            DELIVERY_LAYOUT.pack(
                _DELIVERY, flags, one.session, one.key, one.packet_id, place, len(more)
            )
        )
        if more:
            self._pieces.append(more)

    # -- runs ----------------------------------------------------------------------------------

    def _live_runs(self, run: Run) -> None:
        """Write what is left of a run: mostly all of it, or what stands behind some that are over."""
        deliveries = run.deliveries
        count = len(deliveries)
        start = 0
        while start < count:
            if not run.is_left(start):
                start += 1
                continue
            end = start + 1
            while end < count and run.is_left(end):
                end += 1
            self._run(
                run.session,
                deliveries[0].qos,
                run.first_key + start,
                run.like,
                run.packet_ids[start:end],
                run.payloads[start:end],
            )
            start = end

    def _run(
        self,
        session: int,
        qos: int,
        first_key: int,
        like: Like,
        packet_ids: Sequence[int],
        payloads: Sequence[bytes],
    ) -> None:
        topic = like.topic.encode()
        origin = self._origin_of(like)
        count = len(packet_ids)
        head = RUN_LAYOUT.pack(
            _RUN,
            qos,
            session,
            first_key,
            like.timestamp_ms,
            len(topic),
            len(origin),
            len(payloads[0]),
            count,
        )
        self._pieces += (head, topic, origin, struct.pack(f"<{count}H", *packet_ids), *payloads)

    # -- messages ------------------------------------------------------------------------------

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
        head = MESSAGE_LAYOUT.pack(
            _MESSAGE,
            message.qos | (RETAIN_BIT if message.retain else 0),
            message.timestamp_ms,
            len(topic),
            len(payload),
            len(origin),
            len(properties),
        )
        self._pieces += (head, topic, payload, origin, properties)
        self._last = message
        self._messages += 1
        return self._messages - 1

    def _origin_of(self, message: Like) -> bytes:
        key = (message.clientid, message.username, message.peerhost)
        origin = self._origins.get(key)
        if origin is None:
            if len(self._origins) >= _MANY_ORIGINS:
                self._origins.clear()
            origin = self._origins[key] = _dumps(key)
        return origin


def _is_plain(delivery: Delivery, message: Message) -> bool:
    """Tell whether a run can say a delivery: it says nothing about one but packet id and payload."""
    return (
        not isinstance(delivery, SharedDelivery)
        and delivery.identifier is None
        and not delivery.retain
        and not delivery.released
        and delivery.qos == message.qos
        and not message.retain
        and not message.properties
    )


def _are_alike(message: Message, other: Message) -> bool:
    """Tell whether two messages without RETAIN and properties differ in their payloads' bytes only."""
    return (
        message.topic == other.topic
        and message.qos == other.qos
        and message.timestamp_ms == other.timestamp_ms
        and message.clientid == other.clientid
        and len(message.payload) == len(other.payload)
        and message.username == other.username
        and message.peerhost == other.peerhost
    )


def _dumps(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
