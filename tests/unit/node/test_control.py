"""What is done to single clients and listeners, on a broker with connections and without sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.broker.hooks import Stop
from app.broker.keeper import STORAGE_UNAVAILABLE
from app.config import Rate
from app.mqtt.packets import Publish, Subscribe, SubscribeFilter
from app.node.control import NodeControl
from tests.unit.broker.wires import House, Peer


class OneThread:
    """Stands for the loop's thread: the test's own."""

    def __init__(self, house: House) -> None:
        self.house = house

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return self.house.loop.turn(function, *args)

    def run(self, coroutine: Any) -> Any:
        return self.house.loop.run_until_complete(coroutine)


class Controlled(House):
    """A house with a client called `c`."""

    def __init__(self) -> None:
        super().__init__()
        broker = self.playbook.broker
        broker.listeners = [self.listener]
        thread: Any = OneThread(self)
        self.control = NodeControl(thread, broker)
        self.peer_c: Peer = self.connect("c")


@pytest.fixture
def house() -> Iterator[Controlled]:
    """Return a house, which is closed afterwards."""
    made = Controlled()
    yield made
    made.close()


def test_nothing_is_done_to_who_is_not_connected(house: Controlled) -> None:
    control = house.control
    assert control.acl_cache("x") is None
    assert not control.drain_acl_cache("x")
    assert not control.limit_rate("x", Rate(1, 1.0), None)
    assert not control.limit_quota("x", Rate(1, 1.0))
    assert not control.set_keepalive("x", 5)


def test_the_acl_cache_of_one_client_and_of_all_is_forgotten(house: Controlled) -> None:
    house.playbook.hook("client.check_acl", lambda *_: Stop(True))

    def asks() -> None:
        house.peer_c.sends(Publish("t", b"x"))
        house.loop.turns()

    asks()
    found = house.control.acl_cache("c")
    assert found is not None and [verdict.topic for verdict in found] == ["t"]
    assert house.control.drain_acl_cache("c")
    assert house.control.acl_cache("c") == []
    asks()
    assert house.control.acl_cache("c") != []
    house.control.drain_acl_caches()
    assert house.control.acl_cache("c") == []


def test_a_connected_client_is_held_to_a_rate_and_freed(house: Controlled) -> None:
    transport = house.peer_c.transport
    assert house.control.limit_rate("c", Rate(2, 10.0), None)
    for _ in range(4):
        house.peer_c.sends(Publish("t", b"x"))
    assert not transport.reads
    assert house.control.limit_rate("c", None, None)
    assert transport.reads
    for _ in range(9):
        house.peer_c.sends(Publish("t", b"x"))
    assert transport.reads
    house.loop.advance(60)
    assert transport.reads


def test_a_connected_client_has_a_quota(house: Controlled) -> None:
    house.peer_c.sends(Subscribe(1, (SubscribeFilter("t", 0),)))
    house.peer_c.receives()
    assert house.control.limit_quota("c", Rate(2, 60.0))
    for _ in range(5):
        house.peer_c.sends(Publish("t", b"x"))
    # A message of two deliveries' worth uses up two; the second one is still within, the third is not.
    assert len(house.peer_c.receives()) == 2
    assert house.control.limit_quota("c", None)
    house.peer_c.sends(Publish("t", b"x"))
    assert len(house.peer_c.receives()) == 1


def test_another_keepalive_is_watched_from_now_on(house: Controlled) -> None:
    playbook, connection = house.playbook, house.peer_c.connection
    assert house.control.set_keepalive("c", 10)
    assert connection.channel.client.keepalive_s == 10
    house.loop.turn(playbook.advance, 14)
    assert connection.channel.is_connected
    house.loop.turn(playbook.advance, 5)
    assert not connection.channel.is_connected


def test_no_keepalive_watches_nobody(house: Controlled) -> None:
    assert house.control.set_keepalive("c", 0)
    house.loop.turn(house.playbook.advance, 1_000)
    assert house.peer_c.connection.channel.is_connected


def test_a_listener_is_opened_anew_and_its_clients_stay(
    house: Controlled, monkeypatch: pytest.MonkeyPatch
) -> None:
    did: list[str] = []

    async def start() -> None:
        did.append("start")

    monkeypatch.setattr(house.listener, "stop_accepting", lambda: did.append("stop"))
    monkeypatch.setattr(house.listener, "start", start)
    assert house.control.restart_listener("mqtt:tcp:external")
    assert did == ["stop", "start"]
    assert house.peer_c.connection.channel.is_connected
    assert not house.control.restart_listener("mqtt:tcp:none")


def test_health_is_what_listens_what_can_be_kept_and_who_may_come(house: Controlled) -> None:
    assert house.control.health() == {"listeners": True, "storage": True, "newcomers": True}
    house.listener.start_error = "Address in use"
    house.playbook.broker.core.alarms.activate(STORAGE_UNAVAILABLE, "disk full", {})
    house.playbook.broker.core.memory_is_short = True
    assert house.control.health() == {"listeners": False, "storage": False, "newcomers": False}
