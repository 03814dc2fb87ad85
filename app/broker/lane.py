"""The express lane: what most packets are, straight from one connection's bytes to another's.

Theory: nearly all traffic is PUBLISH without RETAIN, DUP and properties on a topic that came before, and its
acknowledgements. For these nothing has to be decided again, and the bytes on both sides of the packet id go out as
they came. So the lane reads them where they lie, changes the session as `session.py` would, counts, and appends to
what the receivers' connections send at the end of this turn. Whatever is not of that kind, in packet, client, topic or
receiver, it leaves untouched to the ordinary way (decoder, channel, session), which is where the rules are. From
outside the two ways cannot be told apart.

A connection takes the lane while its `express` is the broker's (`BrokerCore.express`), which is replaced whenever a
hook comes that would have to hear of such a message. Nothing here waits, makes a task or refuses a packet.

This is the one room that knows the insides of its neighbours and works on their slots instead of calling their
methods: a call costs 3 % of what forwarding a message may cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from app.broker.channel.channel import Channel
from app.broker.flusher import Flusher
from app.broker.inflight import Delivery, Inflight
from app.broker.message import Message
from app.broker.router import Route, Subscription
from app.broker.session import NOTHING_AWAITED, NOTHING_QUEUED, NOTHING_SENT, Session
from app.mqtt.packets import MQTT_3_1_1, MQTT_5, PacketType

MAX_LANE_BYTES: Final = 16_383
"""Remaining Length that two bytes can say; longer packets gain nothing here."""
CLOSED: Final = object()
"""What `express` is where a connection may not take the lane."""

_ACK_SIZE: Final = 4
_NO_ID: Final = b"\x00\x00"
_MAX_PACKET_ID: Final = 65_535
_PUBACK, _PUBREC, _PUBREL, _PUBCOMP = (
    int(kind)
    for kind in (PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP)
)
_PUBACK_HEAD: Final = b"\x40\x02"
_PUBREC_HEAD: Final = b"\x50\x02"
_PUBREL_HEAD: Final = b"\x62\x02"
_PUBCOMP_HEAD: Final = b"\x70\x02"


class Lane(asyncio.Protocol):
    """The part of a connection that the express lane works on."""

    __slots__ = (
        "asks_acl",
        "channel",
        "express",
        "flusher",
        "is_v5",
        "max_output_buffer",
        "out",
        "out_size",
        "routes",
        "session",
    )

    channel: Channel
    session: Session
    """Of the channel, since the lane was opened."""
    flusher: Flusher
    out: list[bytes]
    """What this turn of the loop sends."""
    out_size: int
    """Bytes of it."""
    max_output_buffer: int
    express: object
    """The broker's token of the moment when the lane was opened, or `CLOSED`."""
    routes: dict[bytes, Route]
    """Topics that this client may publish on, as they stand in a packet: two bytes of length, then the name."""
    is_v5: bool
    asks_acl: bool
    """Publishing hangs on verdicts of the ACL; those on the topics in `routes` are known."""

    def find_route(self, raw: bytes) -> Route | None:
        """Look up a topic that is not in `routes`; None where the ordinary way has to."""
        raise NotImplementedError

    def flush(self) -> None:
        """Send it."""
        raise NotImplementedError

    def hold(self) -> None:
        """Have the session queue from now on: more waits to be sent than `max_output_buffer`."""
        raise NotImplementedError


Step = Callable[[Lane, bytes, int, int], int]
"""`step(lane, data, pos, end)` obeys the packet at `pos`; returns where the next begins, 0 where it leaves it alone."""


def take(lane: Lane, data: bytes) -> int:
    """Obey the packets at the beginning of a chunk that can go this way.

    Returns:
        Where the first one begins that cannot, or is not whole.
    """
    pos, end = 0, len(data)
    token = lane.express
    while pos < end and lane.express is token:
        step = STEPS[data[pos]]
        if step is None:
            break
        after = step(lane, data, pos, end)
        if not after:
            break
        pos = after
    return pos


# -- PUBLISH -----------------------------------------------------------------------------------


def _publish(lane: Lane, data: bytes, pos: int, end: int) -> int:
    """Find out what a PUBLISH without DUP and RETAIN is about, and whether it can go this way."""
    if end - pos < 5:
        return 0
    length = data[pos + 1]
    at = pos + 2
    if length > 0x7F:
        high = data[at]
        if high > 0x7F or not high:
            return 0
        length += (high << 7) - 0x80
        at += 1
    after = at + length
    name_end = at + 2 + (data[at] << 8 | data[at + 1])
    qos = data[pos] >> 1
    qos &= 3
    payload_at = name_end + 2 if qos else name_end
    if after > end:
        return 0
    if lane.is_v5:
        if payload_at >= after or data[payload_at]:
            return 0  # it ends too early, or has properties
        payload_at += 1
    elif payload_at > after:
        return 0
    raw = data[at:name_end]
    route = lane.routes.get(raw)
    if route is None or not route.live:
        route = lane.find_route(raw)
        if route is None:
            return 0
    if qos:
        return _hand_out(lane, route, data, (pos, name_end, after), qos)
    return _pass_on(lane, route, data, (pos, payload_at, after))


def _pass_on(lane: Lane, route: Route, data: bytes, places: tuple[int, int, int]) -> int:
    """Send a QoS 0 PUBLISH on as it came, with those behind it that differ in their payload's bytes only."""
    pos, payload_at, after = places
    size = after - pos
    end = len(data)
    count = 1
    if after < end:
        head = data[pos:payload_at]
        following = after + size
        while following <= end and data.startswith(head, after):
            after = following
            following += size
            count += 1
    run = data[pos:after]
    run_size = after - pos
    channel = lane.channel
    metrics = channel.metrics
    counters = channel.counters
    counters.recv_pkt += count
    counters.recv_msg_qos0 += count
    metrics.lane_received[0] += count
    if lane.asks_acl:
        metrics.lane_acl_hits += count
    is_v5 = lane.is_v5
    flusher = lane.flusher
    others: list[Subscription] = []
    sent = 0
    for subscription in route.receivers:
        receiver, options = subscription
        taker: Lane | None = receiver.taker
        if (
            taker is None
            or taker.is_v5 is not is_v5
            or not options.plain
            or taker.out_size + run_size > taker.max_output_buffer
        ):
            others.append(subscription)
            continue
        out = taker.out
        if not out:
            flusher.add(taker)
        out.append(run)
        taker.out_size += run_size
        counters = taker.channel.counters
        counters.send_pkt += count
        counters.send_msg_qos0 += count
        sent += count
    metrics.lane_sent[0] += sent
    if others:
        _pass_on_singly(lane, route.topic, run, size, payload_at - pos, others)
    elif not sent:
        metrics.messages_dropped_no_subscribers += count
    return after


def _pass_on_singly(
    lane: Lane, topic: str, run: bytes, size: int, payload_at: int, receivers: list[Subscription]
) -> None:
    """Deliver a run of QoS 0 messages the ordinary way to those who cannot take the bytes as they came."""
    channel = lane.channel
    client = channel.client
    now_ms = channel.core.clock.wall_ms()
    for pos in range(0, len(run), size):
        frame = run[pos : pos + size]
        message = Message(
            topic,
            frame[payload_at:],
            0,
            False,
            now_ms,
            client.clientid,
            client.username,
            client.peerhost,
        )
        message.came_as(frame, channel.version)
        channel.core.deliver(receivers, message)


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

    retain = False
    identifier = None
    origin: Origin
    tail: bytes

    @property
    def message(self) -> Message:
        """Return what is delivered."""
        return self.origin.message(self.tail)


_new_delivery: Final = LaneDelivery.__new__


def _hand_out(lane: Lane, route: Route, data: bytes, places: tuple[int, int, int], qos: int) -> int:
    """Route a PUBLISH of QoS 1 or 2, with those behind it that differ in packet id and payload only; answer all."""
    pos, name_end, after = places
    receivers = route.receivers
    if lane.is_v5 and not receivers:
        return 0
    flusher = lane.flusher
    if not flusher.is_fresh:
        flusher.look()
    head = data[pos:name_end]
    size = after - pos
    end = len(data)
    origin = Origin(lane, route.topic, head, qos)
    token = lane.express
    answers: list[bytes] = []
    taken_to = 0
    while True:
        packet_id = data[name_end : name_end + 2]
        tail = data[name_end + 2 : after]
        if packet_id == _NO_ID or (lane.is_v5 and tail[0]):
            break
        if qos == 2 and not _note_awaiting_rel(lane.session, packet_id, flusher.monotonic_s):
            break
        mine = _send_to_all(lane, receivers, origin, tail)
        answers.append(packet_id)
        taken_to = after
        pos = after
        after += size
        name_end += size
        if mine or after > end or lane.express is not token or not data.startswith(head, pos):
            break
    if answers:
        _answer(lane, qos, answers, bool(receivers))
    return taken_to


def _send_to_all(
    lane: Lane, receivers: tuple[Subscription, ...], origin: Origin, tail: bytes
) -> bool:
    """Send a message to each receiver, on the lane or the ordinary way; True where the publisher is one of them."""
    message: Message | None = None
    mine = False
    for receiver, options in receivers:
        taker: Lane | None = receiver.taker
        mine = mine or taker is lane
        if (
            taker is None
            or taker.is_v5 is not origin.is_v5
            or options.qos < origin.qos
            or not options.plain
            or not _send(taker, receiver, origin, tail)
        ):
            if message is None:
                message = origin.message(tail)
            lane.channel.core.deliver(((receiver, options),), message)
    return mine


def _answer(lane: Lane, qos: int, packet_ids: list[bytes], had_receivers: bool) -> None:
    """Acknowledge messages, and count them."""
    count = len(packet_ids)
    channel = lane.channel
    metrics = channel.metrics
    counters = channel.counters
    if qos == 1:
        head, kind = _PUBACK_HEAD, _PUBACK
        counters.recv_msg_qos1 += count
    else:
        head, kind = _PUBREC_HEAD, _PUBREC
        counters.recv_msg_qos2 += count
    counters.recv_pkt += count
    metrics.lane_received[qos] += count
    if lane.asks_acl:
        metrics.lane_acl_hits += count
    if not had_receivers:
        metrics.messages_dropped_no_subscribers += count
    _say(lane, kind, head, packet_ids)


def _note_awaiting_rel(session: Session, packet_id: bytes, now_s: float) -> bool:
    """Note a QoS 2 message that came; False where it is not new, or one too many, or the first to be watched."""
    number = packet_id[0] << 8 | packet_id[1]
    awaiting = session.awaiting_rel
    limit = session.zone.max_awaiting_rel
    if number in awaiting or not session.awaiting_rel_watched:
        return False
    if 0 < limit <= len(awaiting) or 0 < session.zone.max_inflight <= len(awaiting):
        return False
    if awaiting is NOTHING_AWAITED:
        awaiting = session.awaiting_rel = {}
    awaiting[number] = now_s
    return True


def _send(taker: Lane, session: Any, origin: Origin, tail: bytes) -> bool:
    """Send a message at its own QoS, if the window has room and nothing waits before it."""
    inflight = session.inflight
    if len(inflight) >= session.inflight_max or not (
        session.mqueue is NOTHING_QUEUED or session.mqueue.is_empty()
    ):
        return False
    if inflight is NOTHING_SENT:
        inflight = session.inflight = Inflight()
    number = inflight.next_id
    if number in inflight:
        number = inflight.reserve_id()
    else:
        inflight.next_id = number + 1 if number < _MAX_PACKET_ID else 1
    qos = origin.qos
    flusher = taker.flusher
    # Filling an empty object costs half of what its constructor does.
    delivery = _new_delivery(LaneDelivery)
    delivery.qos = qos
    delivery.released = False
    delivery.sent_at_s = flusher.monotonic_s
    delivery.origin = origin
    delivery.tail = tail
    inflight[number] = delivery
    channel = taker.channel
    if channel.retry_timer is None and not taker.is_v5:
        channel.arm_retry()
    head = origin.head
    out = taker.out
    if not out:
        flusher.add(taker)
    out += (head, number.to_bytes(2, "big"), tail)
    taker.out_size += len(head) + 2 + len(tail)
    if taker.out_size > taker.max_output_buffer:
        taker.hold()
    counters = channel.counters
    counters.send_pkt += 1
    if qos == 1:
        counters.send_msg_qos1 += 1
    else:
        counters.send_msg_qos2 += 1
    channel.metrics.lane_sent[qos] += 1
    return True


# -- acknowledgements --------------------------------------------------------------------------


def _puback(lane: Lane, data: bytes, pos: int, end: int) -> int:
    """End QoS 1 deliveries: one, and those whose acknowledgements come right behind."""
    session = lane.session
    if session.unsent:
        return 0
    inflight = session.inflight
    start = pos
    while pos + _ACK_SIZE <= end and data[pos] == _PUBACK_HEAD[0] and data[pos + 1] == 2:
        number = data[pos + 2] << 8 | data[pos + 3]
        delivery = inflight.get(number)
        if delivery is None or delivery.qos != 1:
            break
        del inflight[number]
        pos += _ACK_SIZE
    if pos == start:
        return 0
    count = (pos - start) // _ACK_SIZE
    channel = lane.channel
    channel.counters.recv_pkt += count
    metrics = channel.metrics
    metrics.packets_received[_PUBACK] += count
    metrics.messages_acked += count
    if session.mqueue is not NOTHING_QUEUED:
        session.on_writable()
    return pos


def _pubrec(lane: Lane, data: bytes, pos: int, end: int) -> int:
    """Go on with QoS 2 deliveries."""
    session = lane.session
    if session.unsent:
        return 0
    inflight = session.inflight
    packet_ids: list[bytes] = []
    while pos + _ACK_SIZE <= end and data[pos] == _PUBREC_HEAD[0] and data[pos + 1] == 2:
        delivery = inflight.get(data[pos + 2] << 8 | data[pos + 3])
        if delivery is None or delivery.qos != 2 or delivery.released:
            break
        delivery.released = True
        packet_ids.append(data[pos + 2 : pos + _ACK_SIZE])
        pos += _ACK_SIZE
    if not packet_ids:
        return 0
    count = len(packet_ids)
    channel = lane.channel
    channel.counters.recv_pkt += count
    channel.metrics.packets_received[_PUBREC] += count
    channel.metrics.messages_acked += count
    _say(lane, _PUBREL, _PUBREL_HEAD, packet_ids)
    return pos


def _pubrel(lane: Lane, data: bytes, pos: int, end: int) -> int:
    """End QoS 2 messages of the client."""
    awaiting = lane.session.awaiting_rel
    packet_ids: list[bytes] = []
    while pos + _ACK_SIZE <= end and data[pos] == _PUBREL_HEAD[0] and data[pos + 1] == 2:
        if awaiting.pop(data[pos + 2] << 8 | data[pos + 3], None) is None:
            break
        packet_ids.append(data[pos + 2 : pos + _ACK_SIZE])
        pos += _ACK_SIZE
    if not packet_ids:
        return 0
    count = len(packet_ids)
    channel = lane.channel
    channel.counters.recv_pkt += count
    channel.metrics.packets_received[_PUBREL] += count
    _say(lane, _PUBCOMP, _PUBCOMP_HEAD, packet_ids)
    return pos


def _pubcomp(lane: Lane, data: bytes, pos: int, end: int) -> int:
    """End QoS 2 deliveries."""
    session = lane.session
    if session.unsent:
        return 0
    inflight = session.inflight
    start = pos
    while pos + _ACK_SIZE <= end and data[pos] == _PUBCOMP_HEAD[0] and data[pos + 1] == 2:
        number = data[pos + 2] << 8 | data[pos + 3]
        delivery = inflight.get(number)
        if delivery is None or not delivery.released:
            break
        del inflight[number]
        pos += _ACK_SIZE
    if pos == start:
        return 0
    count = (pos - start) // _ACK_SIZE
    channel = lane.channel
    channel.counters.recv_pkt += count
    channel.metrics.packets_received[_PUBCOMP] += count
    if session.mqueue is not NOTHING_QUEUED:
        session.on_writable()
    return pos


def _say(lane: Lane, kind: int, head: bytes, packet_ids: list[bytes]) -> None:
    """Send an acknowledgement for each packet id."""
    count = len(packet_ids)
    channel = lane.channel
    channel.counters.send_pkt += count
    channel.metrics.packets_sent[kind] += count
    if not lane.out:
        lane.flusher.add(lane)
    lane.out.append(head + head.join(packet_ids))
    lane.out_size += _ACK_SIZE * count
    if lane.out_size > lane.max_output_buffer:
        lane.hold()


def _steps() -> tuple[Step | None, ...]:
    """Return, for each of the 256 first bytes, what obeys a packet that begins so."""
    steps: list[Step | None] = [None] * 256
    for first in (0x30, 0x32, 0x34):
        steps[first] = _publish
    for head, step in (
        (_PUBACK_HEAD, _puback),
        (_PUBREC_HEAD, _pubrec),
        (_PUBREL_HEAD, _pubrel),
        (_PUBCOMP_HEAD, _pubcomp),
    ):
        steps[head[0]] = step
    return tuple(steps)


STEPS: Final = _steps()
