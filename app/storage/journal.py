"""Writing the journal: what the broker says becomes the bytes of a group (`layout`)."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any, Final

from app.broker.inflight import Delivery
from app.broker.message import Message
from app.broker.ports import Like, StoredDelayed, StoredSession, StoredStay, StoredSubscription
from app.mqtt.properties import WILL, encode_properties
from app.storage.events import EVENT_BYTES, About, Body, Event, One, Run, Sent, is_over, size_of
from app.storage.layout import (
    AT_LAYOUT,
    CRC_LAYOUT,
    DELAYED_LAYOUT,
    DOCUMENT_LAYOUT,
    FORMAT,
    HEAD,
    ID_LAYOUT,
    KEYED_LAYOUT,
    KEYS_LAYOUT,
    NUMBER_LAYOUT,
    RETAINED_LAYOUT,
    Kind,
)

__all__ = ["FORMAT", "OpenGroup"]

_PRUNE_AT: Final = 1_000


class OpenGroup:
    """The events that will be one row, as they are said.

    Theory: most deliveries are acknowledged soon. So a delivery becomes bytes when the group is closed, and one that is
    over by then, and was not said before, is not written at all: neither that it was, nor that it is over.
    """

    def __init__(self, origins: dict[tuple[str | None, ...], bytes], highest: int) -> None:
        """Start without events.

        Args:
            origins: what was made of publishers before, shared by all groups.
            highest: of the keys that were given until now; a delivery with a higher one was never said before.
        """
        self._origins = origins
        self._highest = highest
        self._said: list[Event] = []
        self._size = HEAD.size
        self._vanished = 0
        """Deliveries that are over and still among what was said."""
        self._look_at = _PRUNE_AT
        """How many of them there may be until it is looked for what can be forgotten."""

    def __len__(self) -> int:
        """Return about how many bytes there are."""
        return self._size

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing was said yet."""
        return not self._said

    def close(self, at_ms: int) -> bytes:
        """Return the row, or nothing where all that was said is over; `at_ms` is the wall time."""
        said = Body(self._origins).bytes_of(self._said)
        if not said:
            return b""
        rest = AT_LAYOUT.pack(at_ms) + said
        return CRC_LAYOUT.pack(zlib.crc32(rest)) + rest

    # -- for every message ---------------------------------------------------------------------

    def delivery(self, session: int, delivery: Delivery, packet_id: int) -> None:
        """Say all of a delivery, in the window or (packet id 0) waiting."""
        self._said.append(One(session, delivery, packet_id))
        self._size += EVENT_BYTES + delivery.weight

    def run(
        self,
        session: int,
        deliveries: Sequence[Delivery],
        packet_ids: Sequence[int],
        like: Like,
        payloads: Sequence[bytes],
    ) -> None:
        """Say deliveries in the window whose keys follow each other and whose messages differ in their payloads only.

        Args:
            session: whose they are.
            deliveries: in the order of sending.
            packet_ids: of each.
            like: what their messages have in common, without RETAIN and properties.
            payloads: of each, all of one size.
        """
        self._said.append(Run(session, deliveries, packet_ids, like, payloads))
        self._size += EVENT_BYTES + len(payloads) * (2 + len(payloads[0]))

    def finished_run(self, session: int, deliveries: Sequence[Delivery]) -> None:
        """Say that deliveries are over."""
        keys: list[int] = []
        for delivery in deliveries:
            key = delivery.key
            delivery.key = 0
            if key < 0:
                key = -key
            if key > self._highest:
                self._vanished += 1
            else:
                keys.append(key)
        if keys:
            head = KEYS_LAYOUT.pack(Kind.FINISHED_RUN, session, len(keys))
            self._add(head + struct.pack(f"<{len(keys)}Q", *keys))
        if self._vanished > self._look_at:
            self._prune()

    def finished(self, session: int, delivery: Delivery) -> None:
        """Say that a delivery is over."""
        key = abs(delivery.key)
        delivery.key = 0
        if key > self._highest:
            self._vanished += 1
            if self._vanished > self._look_at:
                self._prune()
        else:
            self._add(KEYED_LAYOUT.pack(Kind.FINISHED, session, key))

    def _prune(self) -> None:
        """Forget what has vanished, once that may be half of what was said."""
        self._said = [one for one in self._said if not is_over(one)]
        self._vanished = 0
        self._look_at = max(_PRUNE_AT, len(self._said))
        self._size = HEAD.size + sum(map(size_of, self._said))

    def sent(self, session: int, delivery: Delivery, packet_id: int) -> None:
        """Say that what waited is in the window."""
        self._add(Sent(session, delivery, packet_id))

    def released(self, session: int, key: int) -> None:
        """Say that PUBREC came."""
        self._add(KEYED_LAYOUT.pack(Kind.RELEASED, session, key))

    def awaits(self, session: int, packet_id: int) -> None:
        """Say that PUBREL is awaited."""
        self._add(ID_LAYOUT.pack(Kind.AWAITS, session, packet_id))

    def was_released(self, session: int, packet_id: int) -> None:
        """Say that PUBREL is awaited no longer."""
        self._add(ID_LAYOUT.pack(Kind.WAS_RELEASED, session, packet_id))

    def retained(self, message: Message, sequence: int) -> None:
        """Say what a topic retains."""
        self._add(About(Kind.RETAINED, RETAINED_LAYOUT, message, (sequence,), b""))

    def delayed(self, waiting: StoredDelayed) -> None:
        """Say that a message waits for its time."""
        topic = waiting.topic.encode()
        numbers = (waiting.number, waiting.due_at_ms, len(topic))
        self._add(About(Kind.DELAYED, DELAYED_LAYOUT, waiting.message, numbers, topic))

    def _add(self, event: bytes | About | Sent) -> None:
        self._said.append(event)
        self._size += size_of(event)

    # -- now and then --------------------------------------------------------------------------

    def number(self, kind: Kind, number: int) -> None:
        """Say something that a number is enough for."""
        self._add(NUMBER_LAYOUT.pack(kind, number))

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
        self._add(DOCUMENT_LAYOUT.pack(kind, len(text)) + text)


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
