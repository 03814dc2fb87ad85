"""PUBACK, PUBREC, PUBREL and PUBCOMP on the express lane: each step takes those of its kind that come in a row."""

from __future__ import annotations

from app.broker.inflight import Delivery
from app.broker.lane.delivery import fill_window
from app.broker.lane.lane import (
    ACK_SIZE,
    PUBACK,
    PUBACK_HEAD,
    PUBCOMP,
    PUBCOMP_HEAD,
    PUBREC,
    PUBREC_HEAD,
    PUBREL,
    PUBREL_HEAD,
    Lane,
    say,
)
from app.broker.session import NOTHING_QUEUED


def puback(lane: Lane, data: bytes, pos: int, end: int) -> int:
    """End QoS 1 deliveries: one, and those whose acknowledgements come right behind."""
    session = lane.session
    if session.unsent:
        return 0
    inflight = session.inflight
    log = session.log
    over: list[Delivery] = []
    start = pos
    while pos + ACK_SIZE <= end and data[pos] == PUBACK_HEAD[0] and data[pos + 1] == 2:
        number = data[pos + 2] << 8 | data[pos + 3]
        delivery = inflight.get(number)
        if delivery is None or delivery.qos != 1:
            break
        del inflight[number]
        if log is not None:
            over.append(delivery)
        pos += ACK_SIZE
    if pos == start:
        return 0
    if log is not None:
        log.finished_run(over)
    count = (pos - start) // ACK_SIZE
    channel = lane.channel
    channel.counters.recv_pkt += count
    metrics = channel.metrics
    metrics.packets_received[PUBACK] += count
    metrics.messages_acked += count
    if session.mqueue is not NOTHING_QUEUED:
        fill_window(lane)
    return pos


def pubrec(lane: Lane, data: bytes, pos: int, end: int) -> int:
    """Go on with QoS 2 deliveries."""
    session = lane.session
    if session.unsent:
        return 0
    inflight = session.inflight
    log = session.log
    packet_ids: list[bytes] = []
    while pos + ACK_SIZE <= end and data[pos] == PUBREC_HEAD[0] and data[pos + 1] == 2:
        delivery = inflight.get(data[pos + 2] << 8 | data[pos + 3])
        if delivery is None or delivery.qos != 2 or delivery.released:
            break
        delivery.released = True
        if log is not None:
            log.released(delivery)
        packet_ids.append(data[pos + 2 : pos + ACK_SIZE])
        pos += ACK_SIZE
    if not packet_ids:
        return 0
    count = len(packet_ids)
    channel = lane.channel
    channel.counters.recv_pkt += count
    channel.metrics.packets_received[PUBREC] += count
    channel.metrics.messages_acked += count
    if log is not None:
        channel.wait_until_safe()
    say(lane, PUBREL, PUBREL_HEAD, packet_ids)
    return pos


def pubrel(lane: Lane, data: bytes, pos: int, end: int) -> int:
    """End QoS 2 messages of the client."""
    awaiting = lane.session.awaiting_rel
    log = lane.session.log
    packet_ids: list[bytes] = []
    while pos + ACK_SIZE <= end and data[pos] == PUBREL_HEAD[0] and data[pos + 1] == 2:
        if awaiting.pop(data[pos + 2] << 8 | data[pos + 3], None) is None:
            break
        if log is not None:
            log.was_released(data[pos + 2] << 8 | data[pos + 3])
        packet_ids.append(data[pos + 2 : pos + ACK_SIZE])
        pos += ACK_SIZE
    if not packet_ids:
        return 0
    count = len(packet_ids)
    channel = lane.channel
    channel.counters.recv_pkt += count
    channel.metrics.packets_received[PUBREL] += count
    if log is not None:
        channel.wait_until_safe()
    say(lane, PUBCOMP, PUBCOMP_HEAD, packet_ids)
    return pos


def pubcomp(lane: Lane, data: bytes, pos: int, end: int) -> int:
    """End QoS 2 deliveries."""
    session = lane.session
    if session.unsent:
        return 0
    inflight = session.inflight
    log = session.log
    over: list[Delivery] = []
    start = pos
    while pos + ACK_SIZE <= end and data[pos] == PUBCOMP_HEAD[0] and data[pos + 1] == 2:
        number = data[pos + 2] << 8 | data[pos + 3]
        delivery = inflight.get(number)
        if delivery is None or not delivery.released:
            break
        del inflight[number]
        if log is not None:
            over.append(delivery)
        pos += ACK_SIZE
    if pos == start:
        return 0
    if log is not None:
        log.finished_run(over)
    count = (pos - start) // ACK_SIZE
    channel = lane.channel
    channel.counters.recv_pkt += count
    channel.metrics.packets_received[PUBCOMP] += count
    if session.mqueue is not NOTHING_QUEUED:
        fill_window(lane)
    return pos
