"""PUBLISH on the express lane."""

from __future__ import annotations

from typing import Final

from app.broker.hooks import Hearer
from app.broker.lane.delivery import Origin, Run, send
from app.broker.lane.lane import ACK_SIZE, PUBACK, PUBACK_HEAD, PUBREC, PUBREC_HEAD, Lane
from app.broker.message import Message
from app.broker.router import Receiver, Route, Subscription
from app.broker.session import NOTHING_AWAITED, Session
from app.mqtt.packets import PacketType

_NO_ID: Final = b"\x00\x00"


def publish(lane: Lane, data: bytes, pos: int, end: int) -> int:
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
    hearer = route.hearer
    if after < end and (hearer is None or not hearer.publishes) and _goes_in_runs(route):
        head = data[pos:payload_at]
        following = after + size
        while following <= end and data.startswith(head, after):
            after = following
            following += size
            count += 1
    run = data[pos:after]
    run_size = after - pos
    channel = lane.channel
    receivers = route.receivers
    if hearer is not None:
        _tell(lane, hearer, route.topic, run, size, payload_at - pos)
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
    for subscription in receivers:
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


def _goes_in_runs(route: Route) -> bool:
    """Tell whether a run may go to one receiver after the other: not where one gets each message more than once."""
    receivers = route.receivers
    if len(receivers) < 2:
        return True
    if route.overlaps is None:
        sessions = {receiver for receiver, _ in receivers if isinstance(receiver, Session)}
        # Whom a group chooses may get the message for himself, too, and whom it chooses hangs on what he got.
        route.overlaps = len(sessions) < len(receivers)
    return not route.overlaps


def _tell(lane: Lane, hearer: Hearer, topic: str, run: bytes, size: int, payload_at: int) -> None:
    """Tell who has to hear of it of a run of QoS 0 messages."""
    channel = lane.channel
    payloads = [run[pos + payload_at : pos + size] for pos in range(0, len(run), size)]
    hearer.hear(channel.client, topic, 0, channel.core.clock.wall_ms(), payloads)


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
    lone: Session | None = None  # most topics have one receiver
    if len(receivers) == 1 and _suits(lane, receivers[0], qos) not in (None, lane):
        lone = _session_of(receivers[0][0])
    token = lane.express
    storage = lane.channel.core.storage
    mark = storage.mark
    run = Run(lone) if lone is not None and lone.log is not None else None
    hearer = route.hearer
    singly = after == end or _may_come_back(lane, route)
    pressure = lane.channel.core.pressure
    pressure.publisher = lane.channel
    answers: list[bytes] = []
    untold: list[bytes] = []
    taken_to = 0
    while True:
        packet_id = data[name_end : name_end + 2]
        tail = data[name_end + 2 : after]
        if packet_id == _NO_ID or (lane.is_v5 and tail[0]):
            break
        if qos == 2 and not _note_awaiting_rel(lane.session, packet_id, flusher.monotonic_s):
            break
        if hearer is not None:
            untold.append(tail[1:] if lane.is_v5 else tail)
            if hearer.publishes:
                hearer.hear(origin.client, origin.topic, qos, origin.timestamp_ms, untold)
                untold = []
        if lone is not None and lone.taker is not None:
            send(lone.taker, lone, origin, tail, run)
        else:
            if run is not None:
                run.say()  # before what follows it
            _send_to_all(lane, receivers, origin, tail)
        answers.append(packet_id)
        taken_to = after
        pos = after
        after += size
        name_end += size
        if singly or after > end or lane.express is not token or not data.startswith(head, pos):
            break
    pressure.publisher = None
    if hearer is not None and untold:
        # Before it is known what acknowledgements wait for: what a rule writes down is part of that.
        hearer.hear(origin.client, origin.topic, qos, origin.timestamp_ms, untold)
    if run is not None:
        run.say()
    if pressure.wait is not None:
        _answer_later(lane, qos, answers.pop(), storage.mark if storage.mark != mark else 0)
    if storage.mark != mark and answers:
        lane.gate = storage.mark
    if answers:
        _answer(lane, qos, answers, bool(receivers))
    else:
        flusher.is_fresh = False
    return taken_to


def _may_come_back(lane: Lane, route: Route) -> bool:
    """Tell whether the publisher may get of its own messages: each of them leaves right before its acknowledgement."""
    session = lane.session
    # A group may choose him, at once or when another member loses its place for a message.
    if session.groups or (route.hearer is not None and route.hearer.publishes):
        return True
    return any(receiver is session for receiver, _ in route.receivers)


def _suits(lane: Lane, subscription: Subscription, qos: int) -> Lane | None:
    """Return the lane of a receiver's connection, if this publisher's messages of QoS 1 or 2 can be put on it."""
    receiver, options = subscription
    taker: Lane | None = receiver.taker
    if taker is None or taker.is_v5 is not lane.is_v5 or options.qos < qos or not options.plain:
        return None
    return taker


def _taker_of(lane: Lane, subscription: Subscription, qos: int) -> Lane | None:
    """Return the same for one of several; who is kept is told the ordinary way, where a message is written once."""
    if subscription[0].log is not None:
        return None
    return _suits(lane, subscription, qos)


def _send_to_all(
    lane: Lane, receivers: tuple[Subscription, ...], origin: Origin, tail: bytes
) -> None:
    """Send a message to each receiver, on the lane or the ordinary way."""
    message: Message | None = None
    for subscription in receivers:
        taker = _taker_of(lane, subscription, origin.qos)
        if taker is None:
            if message is None:
                message = origin.message(tail)
            lane.channel.core.deliver((subscription,), message)
        else:
            send(taker, _session_of(subscription[0]), origin, tail)


def _session_of(receiver: Receiver) -> Session:
    """Return a receiver that has a taker as what it is: only sessions have one."""
    assert isinstance(receiver, Session)
    return receiver


def _answer_later(lane: Lane, qos: int, packet_id: bytes, mark: int) -> None:
    """Have a message acknowledged when the queues that were full have room for it; count it as received."""
    channel = lane.channel
    wait = channel.core.pressure.take()
    assert wait is not None
    counters = channel.counters
    counters.recv_pkt += 1
    channel.metrics.lane_received[qos] += 1
    if lane.asks_acl:
        channel.metrics.lane_acl_hits += 1
    if qos == 1:
        counters.recv_msg_qos1 += 1
        wait.owes(PacketType.PUBACK, PUBACK_HEAD + packet_id, mark)
    else:
        counters.recv_msg_qos2 += 1
        wait.owes(PacketType.PUBREC, PUBREC_HEAD + packet_id, mark)


def _answer(lane: Lane, qos: int, packet_ids: list[bytes], had_receivers: bool) -> None:
    """Acknowledge messages, and count them."""
    count = len(packet_ids)
    channel = lane.channel
    metrics = channel.metrics
    counters = channel.counters
    if qos == 1:
        head = PUBACK_HEAD
        metrics.packets_sent[PUBACK] += count
        counters.recv_msg_qos1 += count
    else:
        head = PUBREC_HEAD
        metrics.packets_sent[PUBREC] += count
        counters.recv_msg_qos2 += count
    counters.recv_pkt += count
    counters.send_pkt += count
    metrics.lane_received[qos] += count
    if lane.asks_acl:
        metrics.lane_acl_hits += count
    if not had_receivers:
        metrics.messages_dropped_no_subscribers += count
    out = lane.out
    if not out:
        lane.flusher.add(lane)
    out.append(head + head.join(packet_ids))
    lane.out_size += ACK_SIZE * count
    if lane.out_size > lane.max_output_buffer:
        lane.hold()


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
    if session.log is not None:
        session.log.awaits(number)
    return True
