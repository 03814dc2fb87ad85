"""Listeners: how many may come in, and what the lists show."""

from __future__ import annotations

from collections.abc import Callable

from app.broker.records import ListenerRecord
from tests.unit.broker.wires import House

Houses = Callable[..., House]


def test_one_connection_more_than_allowed_is_closed_at_once(house: Houses) -> None:
    here = house(listener={"max_connections": 2})
    peers = [here.peer() for _ in range(3)]
    here.loop.turns()
    assert [peer.transport.aborted for peer in peers] == [False, False, True]
    assert here.playbook.counted()["listener.refused.max_connections"] == 1
    assert here.listener.record().current_conns == 2
    peers[0].transport.lose()
    assert not here.peer().transport.aborted


def test_a_refused_connection_leaves_no_timer_and_no_trace(house: Houses) -> None:
    here = house(listener={"max_connections": 1})
    here.peer()
    timers = here.core.timers
    before = sum(map(len, timers._buckets.values()))
    here.peer()
    here.loop.turns()
    assert sum(map(len, timers._buckets.values())) == before
    assert here.listener.record().shutdown_count == {}


def test_a_tcp_listener_shows_itself(house: Houses) -> None:
    here = house(listener={"max_connections": 7, "acceptors": 3})
    assert here.listener.record() == ListenerRecord(
        "mqtt:tcp", "0.0.0.0:1883", "mqtt:tcp:external", 3, 7, 0, {}
    )


def test_a_websocket_listener_shows_its_port_in_its_protocol(house: Houses) -> None:
    assert house("ws").listener.record().protocol == "mqtt:ws:1883"


def test_stopping_a_listener_that_never_started_is_no_error(house: Houses) -> None:
    house().listener.stop_accepting()
