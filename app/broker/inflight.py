"""Deliveries that were sent and not yet acknowledged, in the order they were sent."""

from __future__ import annotations

from app.broker.message import Identifier, Message
from app.broker.shared_sub import SharedGroup

MAX_PACKET_ID = 65_535


class Delivery:
    """One message on its way to one session, as that session's subscription wants it."""

    __slots__ = ("_message", "identifier", "key", "qos", "released", "retain", "sent_at_s")

    def __init__(
        self, message: Message, qos: int, retain: bool, identifier: Identifier | None
    ) -> None:
        """Note QoS, RETAIN flag and subscription identifier of the delivery."""
        self._message = message
        self.qos = qos
        self.retain = retain
        self.identifier = identifier
        self.released = False
        """QoS 2: PUBREC came, PUBREL was sent, PUBCOMP is awaited."""
        self.sent_at_s = 0.0
        self.key = 0
        """Its number in the journal of a session that is kept; 0 where it has none."""

    @property
    def message(self) -> Message:
        """Return what is delivered."""
        return self._message

    @property
    def weight(self) -> int:
        """Return how many bytes its payload has, about."""
        return len(self._message.payload)


class SharedDelivery(Delivery):
    """A delivery of QoS 1 or 2 that a shared group made, and may make to another member instead."""

    __slots__ = ("group", "original")

    def __init__(
        self,
        message: Message,
        qos: int,
        retain: bool,
        identifier: Identifier | None,
        group: SharedGroup,
        original: Message,
    ) -> None:
        """Note, besides, the group and the message as it was before a mountpoint was taken off."""
        super().__init__(message, qos, retain, identifier)
        self.group = group
        self.original = original


class Inflight(dict[int, Delivery]):
    """Deliveries by packet id; iteration follows the order of sending [MQTT-4.6.0-1]."""

    __slots__ = ("next_id",)

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self.next_id = 1
        """Where the search for a free packet id begins."""

    def reserve_id(self) -> int:
        """Return a packet id that no delivery uses [MQTT-2.2.1-3]; the window keeps some free."""
        packet_id = self.next_id
        while packet_id in self:
            packet_id = packet_id % MAX_PACKET_ID + 1
        self.next_id = packet_id % MAX_PACKET_ID + 1
        return packet_id
