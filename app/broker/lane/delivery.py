"""Deliveries of QoS 1 and 2 on the express lane: made into messages only if they have to be repeated."""

from __future__ import annotations

from app.broker.inflight import MAX_PACKET_ID, Delivery, Inflight
from app.broker.lane.lane import PUBLISH, Lane
from app.broker.message import Message
from app.broker.mqueue import MQueue
from app.broker.session import NOTHING_QUEUED, NOTHING_SENT, Session
from app.mqtt.packets import MQTT_3_1_1, MQTT_5


class Origin:
    """What the messages of one run have in common."""

    __slots__ = ("client", "head", "is_v5", "qos", "timestamp_ms", "topic")

    def __init__(self, lane: Lane, topic: str, head: bytes, qos: int) -> None:
        """Note it; `head` is what stands before the packet id."""
        self.client = lane.channel.client
        self.topic = topic
        self.head = head
        self.qos = qos
        self.timestamp_ms = lane.flusher.wall_ms
        self.is_v5 = lane.is_v5

    @property
    def clientid(self) -> str:
        """Return whose messages they are."""
        return self.client.clientid

    @property
    def username(self) -> str | None:
        """Return under which name he came in."""
        return self.client.username

    @property
    def peerhost(self) -> str:
        """Return where he is."""
        return self.client.peerhost

    def message(self, tail: bytes) -> Message:
        """Return one of them; `tail` is what stands behind its packet id."""
        client = self.client
        payload = tail[1:] if self.is_v5 else tail
        message = Message(
            self.topic,
            payload,
            self.qos,
            False,
            self.timestamp_ms,
            client.clientid,
            client.username,
            client.peerhost,
        )
        version = MQTT_5 if self.is_v5 else MQTT_3_1_1
        message.came_in_form(version, self.qos, (self.head, tail))
        return message


class LaneDelivery(Delivery):
    """A delivery that is made into one only if it has to be repeated: most are acknowledged and forgotten."""

    __slots__ = ("origin", "tail")

    def __init__(self, origin: Origin, tail: bytes) -> None:
        """Note what it takes to make the message; the rest is known."""
        self.origin = origin
        self.tail = tail
        self.qos = origin.qos
        self.retain = False
        self.identifier = None
        self.released = False
        self.key = 0

    @property
    def message(self) -> Message:
        """Return what is delivered."""
        return self.origin.message(self.tail)

    @property
    def weight(self) -> int:
        """Return how many bytes its payload has, about."""
        return len(self.tail)


class Run:
    """Deliveries of one publisher and topic to a session that is kept: they are told to its log together."""

    __slots__ = ("deliveries", "packet_ids", "session")

    def __init__(self, session: Session) -> None:
        """Start without any."""
        self.session = session
        self.deliveries: list[LaneDelivery] = []
        self.packet_ids: list[int] = []

    def say(self) -> None:
        """Tell the log what was sent since the last time."""
        deliveries = self.deliveries
        log = self.session.log
        if not deliveries or log is None:
            return
        tails = [delivery.tail for delivery in deliveries]
        if deliveries[0].origin.is_v5:
            tails = [tail[1:] for tail in tails]
        log.took_run(deliveries, self.packet_ids, deliveries[0].origin, tails)
        outlet = self.session.outlet
        if deliveries[0].qos == 2 and outlet is not None:
            outlet.wait_until_safe()
        self.deliveries = []
        self.packet_ids = []


def send(
    taker: Lane, session: Session, origin: Origin, tail: bytes, run: Run | None = None
) -> None:
    """Send a message at its own QoS, or have it wait behind others.

    Args:
        taker: the lane of the receiver's connection.
        session: the receiver.
        origin: what the message has in common with others of its run.
        tail: what stands behind its packet id.
        run: where a delivery that was sent is noted; needed where the session is kept.
    """
    delivery = LaneDelivery(origin, tail)
    if len(session.inflight) >= session.inflight_max or not (
        session.mqueue is NOTHING_QUEUED or session.mqueue.is_empty()
    ):
        delivery.sent_at_s = 0.0
        taker.channel.metrics.messages_delivered += 1
        session.queue(delivery)
        return
    packet_id = enter_window(taker, session, delivery)
    if run is not None:
        run.deliveries.append(delivery)
        run.packet_ids.append(packet_id)
    taker.channel.metrics.lane_sent[origin.qos] += 1


def enter_window(taker: Lane, session: Session, delivery: LaneDelivery) -> int:
    """Send a delivery, and keep it until it is acknowledged; return its packet id."""
    inflight = session.inflight
    if inflight is NOTHING_SENT:
        inflight = session.inflight = Inflight()
    number = inflight.next_id
    if number in inflight:
        number = inflight.reserve_id()
    else:
        inflight.next_id = number + 1 if number < MAX_PACKET_ID else 1
    flusher = taker.flusher
    delivery.sent_at_s = flusher.monotonic_s
    inflight[number] = delivery
    channel = taker.channel
    if channel.retry_timer is None and not taker.is_v5:
        channel.arm_retry()
    head = delivery.origin.head
    tail = delivery.tail
    out = taker.out
    if not out:
        flusher.add(taker)
    out += (head, number.to_bytes(2, "big"), tail)
    taker.out_size += len(head) + 2 + len(tail)
    if taker.out_size > taker.max_output_buffer:
        taker.hold()
    counters = channel.counters
    counters.send_pkt += 1
    if delivery.qos == 1:
        counters.send_msg_qos1 += 1
    else:
        counters.send_msg_qos2 += 1
    return number


def fill_window(lane: Lane) -> None:
    """Send what waited, as far as window and socket allow."""
    session = lane.session
    metrics = lane.channel.metrics
    line = session.mqueue.only_acknowledged() if type(session.mqueue) is MQueue else None
    while line and session.taker is lane and len(session.inflight) < session.inflight_max:
        delivery = line[0][1]
        if type(delivery) is not LaneDelivery or delivery.origin.is_v5 is not lane.is_v5:
            break
        line.popleft()
        if not lane.flusher.is_fresh:
            lane.flusher.look()
        packet_id = enter_window(lane, session, delivery)
        if session.log is not None:
            session.log.took(delivery, packet_id)
            if delivery.qos == 2:
                lane.channel.wait_until_safe()
        metrics.packets_sent[PUBLISH] += 1
        metrics.messages_sent[delivery.qos] += 1
    session.on_writable()
