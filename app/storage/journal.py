"""Writing the journal: what the broker says becomes the bytes of a group (`layout`)."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any, Final

from app.broker.inflight import Delivery, SharedDelivery
from app.broker.message import Message
from app.broker.ports import Like, StoredDelayed, StoredSession, StoredStay, StoredSubscription
from app.mqtt.packets import PacketType
from app.mqtt.properties import WILL, encode_properties
from app.storage.layout import (
    AT_LAYOUT,
    CRC_LAYOUT,
    DELAYED_LAYOUT,
    DELIVERY_LAYOUT,
    DOCUMENT_LAYOUT,
    FORMAT,
    HEAD,
    ID_LAYOUT,
    KEYED_LAYOUT,
    KEYS_LAYOUT,
    MESSAGE_LAYOUT,
    NUMBER_LAYOUT,
    RELEASED_BIT,
    RETAIN_BIT,
    RETAINED_LAYOUT,
    RUN_LAYOUT,
    SENT_LAYOUT,
    Kind,
)

__all__ = ["FORMAT", "OpenGroup"]

_MANY_ORIGINS: Final = 10_000


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
        AT_LAYOUT.pack_into(body, CRC_LAYOUT.size, at_ms)
        CRC_LAYOUT.pack_into(body, 0, zlib.crc32(memoryview(body)[CRC_LAYOUT.size :]))
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
        head = MESSAGE_LAYOUT.pack(
            Kind.MESSAGE,
            message.qos | (RETAIN_BIT if message.retain else 0),
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

    def _origin_of(self, message: Like) -> bytes:
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
            flags |= RETAIN_BIT
        if delivery.released:
            flags |= RELEASED_BIT
        self._body += DELIVERY_LAYOUT.pack(
            Kind.DELIVERY, flags, session, key, packet_id, place, len(more)
        )
        if more:
            self._body += more

    def run(
        self,
        session: int,
        first: Delivery,
        packet_ids: Sequence[int],
        like: Like,
        payloads: Sequence[bytes],
    ) -> None:
        """Say deliveries in the window whose keys follow each other and whose messages differ in their payloads only.

        Args:
            session: whose they are.
            first: of the deliveries.
            packet_ids: of each.
            like: what their messages have in common, without RETAIN and properties.
            payloads: of each, all of one size.
        """
        topic = like.topic.encode()
        origin = self._origin_of(like)
        count = len(packet_ids)
        head = RUN_LAYOUT.pack(
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
        self._body += KEYS_LAYOUT.pack(Kind.FINISHED_RUN, session, len(keys))
        self._body += struct.pack(f"<{len(keys)}Q", *keys)

    def sent(self, session: int, key: int, packet_id: int) -> None:
        """Say that what waited is in the window."""
        self._body += SENT_LAYOUT.pack(Kind.SENT, session, key, packet_id)

    def released(self, session: int, key: int) -> None:
        """Say that PUBREC came."""
        self._body += KEYED_LAYOUT.pack(Kind.RELEASED, session, key)

    def finished(self, session: int, key: int) -> None:
        """Say that a delivery is over."""
        self._body += KEYED_LAYOUT.pack(Kind.FINISHED, session, key)

    def awaits(self, session: int, packet_id: int) -> None:
        """Say that PUBREL is awaited."""
        self._body += ID_LAYOUT.pack(Kind.AWAITS, session, packet_id)

    def was_released(self, session: int, packet_id: int) -> None:
        """Say that PUBREL is awaited no longer."""
        self._body += ID_LAYOUT.pack(Kind.WAS_RELEASED, session, packet_id)

    def retained(self, message: Message, sequence: int) -> None:
        """Say what a topic retains."""
        place = self._place_of(message)
        self._body += RETAINED_LAYOUT.pack(Kind.RETAINED, place, sequence)

    def delayed(self, waiting: StoredDelayed) -> None:
        """Say that a message waits for its time."""
        place = self._place_of(waiting.message)
        topic = waiting.topic.encode()
        self._body += DELAYED_LAYOUT.pack(
            Kind.DELAYED, place, waiting.number, waiting.due_at_ms, len(topic)
        )
        self._body += topic

    # -- now and then --------------------------------------------------------------------------

    def number(self, kind: Kind, number: int) -> None:
        """Say something that a number is enough for."""
        self._body += NUMBER_LAYOUT.pack(kind, number)

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
        self._body += DOCUMENT_LAYOUT.pack(kind, len(text))
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
