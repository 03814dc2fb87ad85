"""Packet ids of deliveries: free ones only, round and round."""

from __future__ import annotations

from app.broker.inflight import MAX_PACKET_ID, Delivery, Inflight
from app.broker.message import Message


def delivery() -> Delivery:
    return Delivery(Message("t", b"", 1, False, 0), 1, False, None)


def test_ids_count_up_and_are_not_used_again_at_once() -> None:
    inflight = Inflight()
    for expected in (1, 2, 3):
        packet_id = inflight.reserve_id()
        assert packet_id == expected
        inflight[packet_id] = delivery()
        del inflight[packet_id]


def test_ids_start_over_behind_the_last_one_and_leave_out_those_in_use() -> None:
    """[MQTT-2.2.1-3] [MQTT-2.2.1-4]"""
    inflight = Inflight()
    inflight[1] = inflight[3] = delivery()
    inflight.next_id = MAX_PACKET_ID
    assert [inflight.reserve_id() for _ in range(3)] == [MAX_PACKET_ID, 2, 4]


def test_one_free_id_is_found_among_all() -> None:
    inflight = Inflight()
    for packet_id in range(1, MAX_PACKET_ID + 1):
        if packet_id != 777:
            inflight[packet_id] = delivery()
    assert inflight.reserve_id() == 777
