"""One client's session: subscriptions, inflight window, queue; it outlives connections.

It decides what is sent now and what waits. It knows no socket and no bytes: what goes out is said to its `outlet`,
the channel of the connection it belongs to at the moment, if any.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from app.broker.inflight import Delivery, Inflight, SharedDelivery
from app.broker.message import Message
from app.broker.metrics import Metrics
from app.broker.mqueue import MQueue, moved, queue_for
from app.broker.outlet import Outlet
from app.broker.ports import SessionLog
from app.broker.router import SubOptions
from app.broker.shared_sub import Place, SharedGroup
from app.clock import Clock
from app.config import ZoneConfig

if TYPE_CHECKING:
    from app.broker.pressure import Crowd, Publisher

NOTHING_SENT: Final = Inflight()
"""Stands for the window of a session that was never sent anything to acknowledge; nothing is entered here."""
NOTHING_QUEUED: Final = MQueue(0)
"""Stands for the queue of a session that never had to wait; nothing is pushed here."""
NOTHING_AWAITED: Final[dict[int, float]] = {}
"""Stands for the QoS 2 packet ids of a session that never received one; nothing is entered here."""
NEVER_EXPIRES_S = 0xFFFF_FFFF


class Session:
    """State that a client id keeps, connected or not [MQTT-3.1.2-4]."""

    __slots__ = (
        "awaiting_rel",
        "awaiting_rel_watched",
        "clientid",
        "clock",
        "created_at_ms",
        "crowd",
        "expiry_interval_s",
        "groups",
        "inflight",
        "inflight_max",
        "log",
        "metrics",
        "mountpoint",
        "mqueue",
        "outlet",
        "subscriptions",
        "taker",
        "unsent",
        "zone",
    )

    def __init__(self, clientid: str, zone: ZoneConfig, metrics: Metrics, clock: Clock) -> None:
        """Start with nothing subscribed, sent or queued."""
        self.clientid = clientid
        self.zone = zone
        self.metrics = metrics
        self.clock = clock
        self.created_at_ms = clock.wall_ms()
        self.expiry_interval_s = 0
        """Seconds that the session outlives its connection; NEVER_EXPIRES_S is for ever."""
        self.mountpoint = ""
        """Prefix that the client's own topics get on the way in and lose on the way out."""
        self.subscriptions: dict[str, SubOptions] = {}
        """By filter, with its `$share/<group>/` where shared, mountpoint included."""
        self.groups: list[SharedGroup] | None = None
        """Shared groups that it is a member of: they are told when the client is back."""
        # What most sessions never need is made when first needed, or 10,000 idle clients cost 2 MB more.
        self.inflight = NOTHING_SENT
        self.inflight_max = zone.max_inflight
        """Window of this connection: the smaller of ours and the client's Receive Maximum."""
        self.mqueue = NOTHING_QUEUED
        self.unsent: list[int] | None = None
        """Inflight deliveries of an earlier connection that this one's window has no place for yet."""
        self.awaiting_rel = NOTHING_AWAITED
        """QoS 2 received: packet id -> monotonic time, until PUBREL comes."""
        self.awaiting_rel_watched = False
        """A timer will give up those whose PUBREL does not come."""
        self.outlet: Outlet | None = None
        self.crowd: Crowd | None = None
        """Publishers that wait until the client makes room in the queue."""
        self.log: SessionLog | None = None
        """Who is told what changes, where the session is kept for when the node is gone."""
        self.taker: Any = None
        """The `Lane` of the outlet's connection, while plain messages may be put on it; the session does not know
        what that is."""

    @property
    def is_connected(self) -> bool:
        """Tell whether a client is there now."""
        return self.outlet is not None

    @property
    def waiter(self) -> Publisher | None:
        """Return the client that is there now, as one that may be made to wait."""
        return None if self.outlet is None else self.outlet.waiter

    # -- messages for the client ---------------------------------------------------------------

    def deliver(self, message: Message, options: SubOptions) -> bool:
        """Send a message, or queue it; False where it was dropped."""
        outlet = self.outlet
        is_plain = message.qos == 0 and options.plain and not self.zone.upgrade_qos
        if is_plain and outlet is not None and not outlet.congested and not self.mountpoint:
            # What most deliveries are, straight through; the rest of this class has the rules.
            self.metrics.messages_delivered += 1
            return outlet.send_plain(message)
        if options.no_local and message.clientid == self.clientid:  # [MQTT-3.8.3-3]
            self.metrics.delivery_dropped_no_local += 1
            self._dropped(message, "no_local")
            return False
        # [MQTT-3.3.1-12] live copies carry RETAIN only for those who asked for it
        return self._deliver(message, options, message.retain and options.retain_as_published)

    def deliver_retained(self, message: Message, options: SubOptions) -> bool:
        """Send a retained message for a new subscription, with RETAIN set [MQTT-3.3.1-8]."""
        return self._deliver(message, options, True)

    def deliver_shared(self, message: Message, options: SubOptions, group: SharedGroup) -> bool:
        """Send or queue a message as a member of a group, which gets back what this session cannot keep."""
        if message.qos == 0 or (options.no_local and message.clientid == self.clientid):
            return self.deliver(message, options)
        return self._deliver(
            message, options, message.retain and options.retain_as_published, group
        )

    def place_for(self, message: Message) -> Place:
        """Say where a message would go: out at once, into the queue, or at the cost of another."""
        outlet = self.outlet
        if outlet is not None and not outlet.congested:
            if message.qos == 0:
                return Place.WINDOW
            if len(self.inflight) < self.inflight_max and self.mqueue.is_empty():
                return Place.WINDOW
        if message.qos == 0 and not self.zone.mqueue_store_qos0:
            return Place.NONE
        return Place.NONE if self.mqueue.is_full_for(message.topic) else Place.QUEUE

    def _deliver(
        self,
        message: Message,
        options: SubOptions,
        retain: bool,
        group: SharedGroup | None = None,
    ) -> bool:
        self.metrics.messages_delivered += 1
        qos = message.qos
        if self.zone.upgrade_qos:
            qos = max(qos, options.qos)
        elif qos > options.qos:  # [MQTT-3.8.4-8]
            qos = options.qos
        original = message
        if self.mountpoint:
            message = message.unmounted(self.mountpoint)
        outlet = self.outlet
        if outlet is not None and outlet.congested:
            outlet = None
        if qos == 0 and outlet is not None:
            return outlet.send_message(message, 0, retain, 0, options.identifier)
        if group is None or qos == 0:
            delivery = Delivery(message, qos, retain, options.identifier)
        else:
            delivery = SharedDelivery(message, qos, retain, options.identifier, group, original)
        # What waits goes first: messages of one publisher keep their order [MQTT-4.6.0-5].
        if (
            outlet is not None
            and len(self.inflight) < self.inflight_max
            and (self.mqueue is NOTHING_QUEUED or self.mqueue.is_empty())
        ):
            return self._send(outlet, delivery)
        return self.queue(delivery)

    def _send(self, outlet: Outlet, delivery: Delivery) -> bool:
        inflight = self.inflight
        if inflight is NOTHING_SENT:
            inflight = self.inflight = Inflight()
        packet_id = inflight.reserve_id()
        inflight[packet_id] = delivery
        delivery.sent_at_s = self.clock.monotonic_s()
        if outlet.send_publish(delivery, packet_id, dup=False):
            if self.log is not None:
                self.log.took(delivery, packet_id)
                if delivery.qos == 2:
                    # Nobody may have seen a packet id that could be forgotten: it would come twice [MQTT-4.3.3-1].
                    outlet.wait_until_safe()
            return True
        del self.inflight[packet_id]
        self._is_over(delivery)
        return False

    def _is_over(self, delivery: Delivery) -> None:
        """Have a delivery forgotten by the journal, if it ever was in it."""
        if self.log is not None and delivery.key:
            self.log.finished(delivery)

    def queue(self, delivery: Delivery) -> bool:
        """Have a delivery wait for its turn; False where it was dropped."""
        if delivery.qos and self.outlet is not None and len(self.inflight) >= self.inflight_max:
            self.metrics.limit_inflight += 1
        if delivery.qos == 0 and not self.zone.mqueue_store_qos0:
            self.metrics.delivery_dropped_qos0_msg += 1
            self._dropped(delivery.message, "qos0_msg")
            return False
        if self.mqueue is NOTHING_QUEUED:
            self.mqueue = queue_for(self.zone)
        if self.mqueue.is_full_with(delivery):
            return self._queue_beyond(delivery)
        if self.log is not None and delivery.qos:
            self.log.holds(delivery, 0)
        self.mqueue.append(delivery)
        return True

    def _queue_beyond(self, delivery: Delivery) -> bool:
        """Do with a delivery that finds the queue full what the zone wants; False where it was dropped."""
        outlet = self.outlet
        overflow = self.zone.mqueue_overflow
        presses = overflow == "backpressure" and outlet is not None
        # QoS 0 promises nothing: it goes before anybody waits, and never at the cost of what promises something.
        oldest = self.mqueue.pop(with_acks=False) if presses else None
        if overflow == "drop_new" or (presses and oldest is None and not delivery.qos):
            self._dropped_for_room(delivery)
            return False
        has_place = oldest is not None or (presses and outlet is not None and outlet.press())
        if self.log is not None and delivery.qos:
            self.log.holds(delivery, 0)
        if has_place:
            self.mqueue.append(delivery)
        else:
            oldest = self.mqueue.push(delivery)
        if oldest is not None:
            self._displaced(oldest)
        return True

    def trim(self) -> None:
        """Drop the oldest of what waits beyond the queue's limit."""
        while (oldest := self.mqueue.trim()) is not None:
            self._displaced(oldest)

    def _displaced(self, delivery: Delivery) -> None:
        """Pass a message that lost its place in the queue to another member of its group, or drop it."""
        self._is_over(delivery)
        if not self._pass_on(delivery):
            self._dropped_for_room(delivery)

    def _dropped_for_room(self, delivery: Delivery) -> None:
        self.mqueue.dropped += 1
        if delivery.qos == 0:
            self.metrics.delivery_dropped_qos0_msg += 1
        else:
            self.metrics.delivery_dropped_queue_full += 1
        self._dropped(delivery.message, "queue_full")

    def _pass_on(self, delivery: Delivery) -> bool:
        """Hand a delivery back to the group that made it, if one did; False where nobody has room."""
        return isinstance(delivery, SharedDelivery) and delivery.group.redispatch(
            delivery.original, self
        )

    def on_writable(self) -> None:
        """Send from the queue as far as window and socket allow."""
        outlet = self.outlet
        if outlet is None:
            return
        self._send_waiting(outlet)
        if self.crowd is not None:
            self.crowd.look()

    def _send_waiting(self, outlet: Outlet) -> None:
        if self.unsent:
            self._send_unsent(outlet)
        while not outlet.congested:
            delivery = self.mqueue.pop(with_acks=len(self.inflight) < self.inflight_max)
            if delivery is None:
                return
            if delivery.message.is_expired(self.clock.wall_ms()):  # [MQTT-3.3.2-5]
                self.metrics.delivery_dropped_expired += 1
                self._is_over(delivery)
                self._dropped(delivery.message, "expired")
            elif delivery.qos:
                if not self._send(outlet, delivery):
                    self._pass_on(delivery)
            else:
                message = delivery.message
                outlet.send_message(message, 0, delivery.retain, 0, delivery.identifier)

    def _send_unsent(self, outlet: Outlet) -> None:
        """Go on with the redelivery that did not fit the window when the client came back."""
        while self.unsent and not outlet.congested:
            if len(self.inflight) - len(self.unsent) >= self.inflight_max:
                return
            packet_id = self.unsent.pop(0)
            delivery = self.inflight[packet_id]
            delivery.sent_at_s = self.clock.monotonic_s()
            if not outlet.send_publish(delivery, packet_id, dup=True):
                del self.inflight[packet_id]
                self._is_over(delivery)
                if delivery.qos == 1:  # QoS 2 that was sent goes to nobody else [MQTT-4.8.2-5]
                    self._pass_on(delivery)

    def _dropped(self, message: Message, reason: str) -> None:
        if self.outlet is not None:
            self.outlet.drop_delivery(message, reason)

    # -- acknowledgements of the client --------------------------------------------------------

    def on_puback(self, packet_id: int) -> Message | None:
        """Take a QoS 1 delivery out of the window; None where there was none."""
        delivery = self.inflight.get(packet_id)
        if delivery is None:
            self.metrics.puback_missed += 1
            return None
        if delivery.qos != 1:
            self.metrics.puback_inuse += 1
            return None
        self._finish(packet_id)
        self.metrics.messages_acked += 1
        return delivery.message

    def on_pubrec(self, packet_id: int, *, refused: bool) -> bool:
        """Note that a QoS 2 delivery arrived; True where PUBREL must follow.

        Args:
            packet_id: of the PUBREC.
            refused: the reason code said failure, which ends the exchange [MQTT-4.3.3-4].
        """
        delivery = self.inflight.get(packet_id)
        if delivery is None:
            self.metrics.pubrec_missed += 1
            return False
        if delivery.qos != 2:
            self.metrics.pubrec_inuse += 1
            return False
        if refused:
            self._finish(packet_id)
            return False
        if not delivery.released:
            delivery.released = True
            self.metrics.messages_acked += 1
            if self.log is not None:
                self.log.released(delivery)
            if self.unsent and packet_id in self.unsent:
                self.unsent.remove(packet_id)
        return True

    def on_pubcomp(self, packet_id: int) -> Message | None:
        """End a QoS 2 delivery; None where there was none."""
        delivery = self.inflight.get(packet_id)
        if delivery is None:
            self.metrics.pubcomp_missed += 1
            return None
        if not delivery.released:
            self.metrics.pubcomp_inuse += 1
            return None
        self._finish(packet_id)
        return delivery.message

    def _finish(self, packet_id: int) -> None:
        """Take a delivery out of the window and fill its place."""
        delivery = self.inflight.pop(packet_id)
        if self.log is not None:
            self.log.finished(delivery)
        if self.unsent and packet_id in self.unsent:
            # Acknowledged before it was sent again: the acknowledgement was on its way.
            self.unsent.remove(packet_id)
        if self.unsent or (self.mqueue is not NOTHING_QUEUED and not self.mqueue.is_empty()):
            self.on_writable()

    # -- coming and going ----------------------------------------------------------------------

    def resume(self, outlet: Outlet) -> None:
        """Send again what was not acknowledged, in order, then what waited [MQTT-4.4.0-1].

        No more at a time than the client now takes: its Receive Maximum may have shrunk [MQTT-3.3.4-9].
        """
        self.outlet = outlet
        for group in self.groups or ():
            group.arrived(self)
        now_s = self.clock.monotonic_s()
        unsent = []
        for packet_id, delivery in self.inflight.items():
            if delivery.released:
                delivery.sent_at_s = now_s
                outlet.send_pubrel(packet_id)
            else:
                unsent.append(packet_id)
        self.unsent = unsent or None
        self.on_writable()
        self.taker = outlet.taker()

    def leave(self) -> None:
        """Let go of the connection: what comes from now on waits for the client's return."""
        self.outlet = None
        self.taker = None
        if self.crowd is not None:
            self.crowd.disperse()

    def enter(self, zone: ZoneConfig) -> None:
        """Obey another zone from now on; what waits is queued as that zone wants it."""
        if zone is self.zone:
            return
        self.zone = zone
        if self.crowd is not None:
            self.crowd.disperse()
        if self.mqueue is NOTHING_QUEUED:
            return
        self.mqueue, outs = moved(self.mqueue, zone)
        for delivery in outs:
            self._displaced(delivery)

    def put_back(self, delivery: Delivery, now_ms: int) -> None:
        """Have something wait that waited already when the node was last there, unless its time is over."""
        if delivery.message.is_expired(now_ms):
            self.metrics.delivery_dropped_expired += 1
            self._is_over(delivery)
            return
        if self.mqueue is NOTHING_QUEUED:
            self.mqueue = queue_for(self.zone)
        # All of it: what is beyond the limit may be newer than what was promised, and pushing would drop the older.
        self.mqueue.append(delivery)

    def bequeath(self) -> list[SharedDelivery]:
        """Give up what shared groups may hand to other members, in order, when the session ends.

        Sent and unacknowledged messages of QoS 1 [MQTT-4.8.2-6], and what waits. QoS 2 that was sent must not go to
        anybody else [MQTT-4.8.2-5].
        """
        left: list[SharedDelivery] = []
        now_ms = self.clock.wall_ms()
        sent = [delivery for delivery in self.inflight.values() if delivery.qos == 1]
        self.inflight = NOTHING_SENT
        queued = iter(lambda: self.mqueue.pop(with_acks=True), None)
        for delivery in (*sent, *queued):
            if not isinstance(delivery, SharedDelivery):
                continue
            if delivery.message.is_expired(now_ms):
                self.metrics.delivery_dropped_expired += 1
            else:
                left.append(delivery)
        return left

    def retry(self, older_than_s: float) -> None:
        """Send once more what was sent before a monotonic time and not acknowledged."""
        outlet = self.outlet
        if outlet is None or outlet.congested:
            return
        for packet_id, delivery in list(self.inflight.items()):
            if delivery.sent_at_s > older_than_s or packet_id in (self.unsent or ()):
                continue
            delivery.sent_at_s = self.clock.monotonic_s()
            if delivery.released:
                outlet.send_pubrel(packet_id)
            else:
                outlet.send_publish(delivery, packet_id, dup=True)

    def expire_awaiting_rel(self, older_than_s: float) -> None:
        """Give up QoS 2 packet ids whose PUBREL never came."""
        for packet_id, since_s in list(self.awaiting_rel.items()):
            if since_s <= older_than_s:
                del self.awaiting_rel[packet_id]
                if self.log is not None:
                    self.log.was_released(packet_id)
                self.metrics.messages_dropped_await_pubrel_timeout += 1

    def held_messages(self) -> Iterator[Message]:
        """Yield what is sent but unacknowledged, for reports."""
        return (delivery.message for delivery in self.inflight.values())
