"""What an MQTT client is sent: the subscriptions it wants, and each message taken once and then acknowledged.

Theory: a message is handed on before it is acknowledged, so one that is lost on the way comes again [MQTT-4.3.2-4]. An
acknowledgement leaves when what the receiver has told his storage is on disk, and in its turn [MQTT-4.6.0-2]; one that
still waits when the connection ends is not missed, as its message comes again. At QoS 2 the packet identifier is
remembered from PUBLISH to PUBREL, over lost connections too, so none is handed on twice [MQTT-4.3.3-10]. What is wanted
is asked for at every connection: whoever has the session still takes it as the same subscription.

It knows neither sockets nor what becomes of a message.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from app.broker.ports import NullStorage, StoragePort
from app.mqtt.packets import (
    MQTT_5,
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    SubscribeFilter,
    Unsubscribe,
)
from app.mqtt.reason_codes import ReasonCode

logger = logging.getLogger(__name__)

_REFUSED_FROM = 0x80
_ONLY_IF_NEW = 1
"""Retained messages were sent when the subscription was made."""


def nobody_listens(_packet: Publish) -> None:
    """Hear of a message that somebody's subscription under our client id has left over."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who takes what comes."""

    take: Callable[[Publish], None]
    """Called with each message, once."""
    storage: Callable[[], StoragePort]
    """Returns where he has kept what he took: acknowledgements wait for it."""


NOBODY = Receiver(nobody_listens, NullStorage)


class Inbound:
    """The receiving half of one client. To be used on the loop."""

    def __init__(
        self,
        who: str,
        version: int,
        send: Callable[[Packet], None],
        free_id: Callable[[], int],
        receiver: Receiver,
    ) -> None:
        """Want nothing yet.

        Args:
            who: What the log calls the client.
            version: Of MQTT.
            send: Sends a packet; while there is no connection it does nothing.
            free_id: Returns a packet identifier that is not in use.
            receiver: Takes the messages.
        """
        self._who = who
        self._version = version
        self._send = send
        self._free_id = free_id
        self._receiver = receiver
        self._unreleased: set[int] = set()
        self._owed: deque[tuple[int, Puback | Pubrec]] = deque()
        """Acknowledgements that wait, and up to which mark the storage has to be safe for them."""
        self._is_waiting = False
        self._asked: dict[int, tuple[str, ...]] = {}
        self.wanted: dict[str, int] = {}
        """QoS by filter."""
        self.refused: set[str] = set()
        """Filters that the other broker did not take the last time."""

    def is_in_use(self, packet_id: int) -> bool:
        """Tell whether a packet identifier stands for a SUBSCRIBE that is not answered."""
        return packet_id in self._asked

    def subscribe(self, topic_filter: str, qos: int) -> None:
        """Want a subscription from now on."""
        self.wanted[topic_filter] = qos
        self._ask({topic_filter: qos})

    def unsubscribe(self, topic_filter: str) -> None:
        """Want it no more."""
        if self.wanted.pop(topic_filter, None) is not None:
            self.refused.discard(topic_filter)
            self._send(Unsubscribe(self._free_id(), (topic_filter,)))

    def resume(self, *, session_present: bool) -> None:
        """Ask for what is wanted over a new connection."""
        if not session_present:
            self._unreleased.clear()
        self._owed.clear()
        self._asked.clear()
        self._ask(self.wanted)

    def _ask(self, wanted: dict[str, int]) -> None:
        if not wanted:
            return
        packet_id = self._free_id()
        # No Local: what we publish there is not to come back to us.
        filters = tuple(
            SubscribeFilter(name, qos, not name.startswith("$share/"), True, _ONLY_IF_NEW)
            if self._version == MQTT_5
            else SubscribeFilter(name, qos)
            for name, qos in wanted.items()
        )
        self._asked[packet_id] = tuple(wanted)
        self._send(Subscribe(packet_id, filters))

    def answered(self, packet: Suback) -> None:
        """Take the answer to a SUBSCRIBE."""
        names = self._asked.pop(packet.packet_id, ())
        for name, code in zip(names, packet.reason_codes, strict=False):
            if code >= _REFUSED_FROM:
                self.refused.add(name)
                reason = ReasonCode(code).name
                logger.warning("%s: no subscription to %s: %s", self._who, name, reason)
            else:
                self.refused.discard(name)

    def take(self, packet: Publish) -> None:
        """Hand a message on, and acknowledge it when what was made of it is safe."""
        packet_id = packet.packet_id
        before = self._receiver.storage().mark
        if packet_id is None or packet.qos == 1 or packet_id not in self._unreleased:
            try:
                self._receiver.take(packet)
            except Exception:
                # Our bug; coming again, it would meet the same.
                logger.exception("%s: a message on %s is lost", self._who, packet.topic)
        else:
            # It was handed on over another connection, and may not be safe yet.
            before = -1
        if packet_id is None:
            return
        if packet.qos == 1:
            self._acknowledge(Puback(packet_id), before)
            return
        self._unreleased.add(packet_id)
        self._acknowledge(Pubrec(packet_id), before)

    def _acknowledge(self, packet: Puback | Pubrec, before: int) -> None:
        storage = self._receiver.storage()
        mark = storage.mark
        has_said_something = mark != before and mark > storage.safe
        if not (has_said_something or self._owed):
            self._send(packet)
            return
        self._owed.append((mark if has_said_something else 0, packet))
        self._wait()

    def _wait(self) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            self._receiver.storage().when_safe(self)

    def on_safe(self) -> None:
        """Acknowledge what is safe by now."""
        self._is_waiting = False
        owed, safe = self._owed, self._receiver.storage().safe
        while owed and owed[0][0] <= safe:
            self._send(owed.popleft()[1])
        if owed:
            self._wait()

    def release(self, packet: Pubrel) -> None:
        """Forget the identifier of a QoS 2 message."""
        self._unreleased.discard(packet.packet_id)
        self._send(Pubcomp(packet.packet_id))
