"""The node: started, asked, told, stopped; without sockets."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.broker.records import BanRecord, ClientRecord, RouteRecord, SubscriptionRecord
from app.clock import FakeClock
from app.config import Address, NodeSettings
from app.errors import ResultCode, ServiceError
from app.mqtt.packets import Publish
from app.node.http_listeners import HttpListeners
from app.node.proxy import (
    ClientQuery,
    PageRequest,
    PublishCommand,
    SubscribeCommand,
    SubscriptionQuery,
)
from app.node.runner import Node
from app.startup import InstanceLock, StartError
from app.version import SYSDESCR, VERSION
from tests.harness.playbook import Client, Playbook

NAME = "godwit@127.0.0.1"
ALL = PageRequest(1, 1_000)
KEPT = {"session_expiry_interval": 1_000}


class House:
    """A node over a playbook's broker."""

    def __init__(self, folder: Path) -> None:
        self.playbook = Playbook()
        self.clock: FakeClock = self.playbook.clock
        self.node = Node(
            self.playbook.config,
            NodeSettings(call_timeout_s=5.0, stop_timeout_s=5.0),
            self.clock,
            HttpListeners([Address("0.0.0.0", 8081)], [], 4),
            InstanceLock(folder / "node.lock"),
        )
        self.node._broker = self.playbook.broker

    def on_loop(self, function: Any, *args: Any, **fields: Any) -> Any:
        return self.node._thread.call(lambda: function(*args, **fields))

    def connect(self, clientid: str, *topic_filters: str, **fields: Any) -> Client:
        def make() -> Client:
            client = self.playbook.connect(clientid, **fields)
            if topic_filters:
                client.subscribes(*topic_filters, qos=1)
            return client

        return self.on_loop(make)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Return a running node; what its start does to the process is undone."""
    before = sys.getswitchinterval(), gc.get_threshold()
    made = House(tmp_path)
    made.node.start()
    yield made
    made.node.stop()
    made.node._lock.release()
    sys.setswitchinterval(before[0])
    gc.set_threshold(*before[1])
    gc.unfreeze()


def rows(data: bytes) -> list[dict[str, Any]]:
    return orjson.loads(b"[" + data + b"]")


def client_row(record: ClientRecord) -> dict[str, object]:
    return {"clientid": record.clientid, "connected": record.connected}


def subscription_row(record: SubscriptionRecord) -> dict[str, object]:
    return asdict(record)


def route_row(record: RouteRecord) -> dict[str, object]:
    return asdict(record)


# -- life --------------------------------------------------------------------------------------


def test_a_node_runs_from_start_to_stop(house: House) -> None:
    node = house.node
    assert node.is_running()
    node.stop()
    assert not node.is_running()
    node.stop()
    with pytest.raises(ServiceError) as refused:
        node.kick("c")
    assert refused.value.code == ResultCode.BADRPC


def test_stopping_tells_the_clients(house: House) -> None:
    client = house.connect("c")
    listener_free_connection = client.channel  # it hangs on no listener, so it is not waited for
    house.node.stop()
    assert listener_free_connection.is_open


def test_what_hears_of_messages_ends_behind_the_broker_and_before_the_loop(house: House) -> None:
    seen: list[tuple[bool, str]] = []
    house.node.before_end = lambda: seen.append(
        (house.playbook.broker.running, house.on_loop(lambda: "the loop runs"))
    )
    house.node.stop()
    assert seen == [(False, "the loop runs")]


def test_a_second_node_in_the_same_folder_is_refused(house: House, tmp_path: Path) -> None:
    with pytest.raises(StartError):
        House(tmp_path).node.start()


def test_a_process_that_was_forked_later_has_no_node(house: House, monkeypatch) -> None:
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert not house.node.is_running()
    assert house.node.broker_info().node_status == "Stopped"


def test_bans_are_loaded_at_the_start(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.node.load_bans = lambda: [BanRecord("clientid", "c", "admin", "", 0, None)]
    house.node.start()
    try:
        assert len(house.playbook.core.banned) == 1
    finally:
        house.node.stop()
        house.node._lock.release()
        gc.unfreeze()


def test_a_cluster_of_one_knows_itself(house: House) -> None:
    node = house.node
    assert node.local is node
    assert list(node.all()) == [node]
    assert node.get(NAME) is node
    assert node.get("other@127.0.0.1") is None


# -- small reads -------------------------------------------------------------------------------


def test_a_node_says_who_it_is(house: House) -> None:
    house.clock.advance(90)
    info = house.node.broker_info()
    assert (info.node, info.version, info.sysdescr) == (NAME, VERSION, SYSDESCR)
    assert (info.uptime_s, info.node_status) == (90, "Running")


def test_a_node_says_how_it_fares(house: House) -> None:
    away = house.connect("away", properties=KEPT)
    house.on_loop(away.crashes)
    house.connect("here")
    info = house.node.node_info()
    assert (info.connections, info.live_connections) == (2, 1)
    assert 0 < info.memory_used_bytes < info.memory_total_bytes
    assert 0 < info.process_used <= info.process_available


def test_counters_gauges_and_listeners_can_be_read(house: House) -> None:
    house.connect("c")
    assert house.node.metrics()["client.connected"] == 1
    assert house.node.stats()["connections.count"] == 1
    assert [listener.protocol for listener in house.node.listeners()] == ["http:management"]


# -- lists -------------------------------------------------------------------------------------


def test_clients_are_listed_in_pages(house: House) -> None:
    for number in range(5):
        house.connect(f"c{number}")
    page = house.node.clients(ClientQuery(), PageRequest(2, 2), client_row)
    assert [row["clientid"] for row in rows(page.rows)] == ["c2", "c3"]
    assert (page.total, page.hasnext) == (5, True)
    page = house.node.clients(ClientQuery(like_clientid="4"), ALL, client_row)
    assert [row["clientid"] for row in rows(page.rows)] == ["c4"]
    assert (page.total, page.hasnext) == (-1, False)


def test_a_filtered_list_is_counted_for_those_who_ask(house: House) -> None:
    for number in range(5):
        house.connect(f"c{number}")
    query, page = ClientQuery(conn_state="connected"), PageRequest(2, 2, counted=True)
    found = house.node.clients(query, page, client_row)
    assert [row["clientid"] for row in rows(found.rows)] == ["c2", "c3"]
    assert (found.total, found.hasnext) == (5, True)
    found = house.node.clients(replace(query, clientid="c4"), ALL, client_row)
    assert [row["clientid"] for row in rows(found.rows)] == ["c4"]
    assert house.node.clients(replace(query, clientid="x"), ALL, client_row).rows == b""


def test_one_client_can_be_looked_up(house: House) -> None:
    house.connect("c")
    assert rows(house.node.client("c", client_row)) == [{"clientid": "c", "connected": True}]
    assert house.node.client("x", client_row) == b""


def test_the_clients_of_a_user_can_be_looked_up(house: House) -> None:
    for clientid, username in (("a", "u"), ("b", "v"), ("c", "u")):
        house.connect(clientid, username=username)
    found = rows(house.node.clients_of_user("u", client_row))
    assert [row["clientid"] for row in found] == ["a", "c"]
    assert house.node.clients_of_user("x", client_row) == b""


def test_subscriptions_are_listed(house: House) -> None:
    house.connect("a", "t/1", "t/+")
    house.connect("b", "$share/g/t/1")
    listed = house.node.subscriptions(SubscriptionQuery(), ALL, subscription_row)
    assert [row["topic"] for row in rows(listed.rows)] == ["t/1", "t/+", "$share/g/t/1"]
    assert listed.total == 3
    found = house.node.subscriptions(SubscriptionQuery(clientid="b"), ALL, subscription_row)
    assert ([row["share"] for row in rows(found.rows)], found.total) == (["g"], -1)
    exact = house.node.subscriptions(SubscriptionQuery(topic="t/1"), ALL, subscription_row)
    assert ([row["clientid"] for row in rows(exact.rows)], exact.total) == (["a", "b"], 2)


def test_the_subscriptions_of_a_client_can_be_looked_up(house: House) -> None:
    house.connect("a", "t")
    assert rows(house.node.subscriptions_of("a", subscription_row)) == [
        {"node": NAME, "clientid": "a", "topic": "t", "qos": 1, "share": None}
    ]
    assert house.node.subscriptions_of("x", subscription_row) == b""


def test_routes_are_listed_once_each(house: House) -> None:
    house.connect("a", "t", "u/#")
    house.connect("b", "t", "$share/g/s")
    listed = house.node.routes(ALL, route_row)
    assert [row["topic"] for row in rows(listed.rows)] == ["t", "s", "u/#"]
    assert rows(house.node.route("u/#", route_row)) == [{"topic": "u/#", "node": NAME}]
    assert house.node.route("u/1", route_row) == b""


# -- commands ----------------------------------------------------------------------------------


def test_messages_are_published_in_order_and_have_ids(house: House) -> None:
    client = house.connect("c", "t")
    commands = [
        PublishCommand("t", b"1", 1, clientid="api", properties={"content_type": "x"}),
        PublishCommand("t", b"2"),
    ]
    ids = house.node.publish(commands)
    assert len(set(ids)) == 2
    assert all(len(one) == 32 for one in ids)
    assert house.on_loop(client.receives) == [
        Publish("t", b"1", 1, packet_id=1, properties={"content_type": "x"}),
        Publish("t", b"2"),
    ]


def test_a_client_can_be_subscribed_and_unsubscribed(house: House) -> None:
    house.connect("c")
    assert house.node.subscribe("c", [SubscribeCommand("t", 1), SubscribeCommand("$queue/q", 0)])
    assert len(rows(house.node.subscriptions_of("c", subscription_row))) == 2
    assert house.node.unsubscribe("c", ["t", "$queue/q"])
    assert house.node.subscriptions_of("c", subscription_row) == b""
    assert not house.node.subscribe("x", [SubscribeCommand("t", 1)])
    assert not house.node.unsubscribe("x", ["t"])


def test_a_client_can_be_kicked_once(house: House) -> None:
    client = house.connect("c")
    assert house.node.kick("c")
    assert client.is_closed
    assert not house.node.kick("c")


def test_bans_hold_until_they_are_lifted(house: House) -> None:
    client = house.connect("c")
    house.node.ban(BanRecord("clientid", "c", "admin", "", 0, None))
    assert client.is_closed
    house.node.unban("clientid", "c")
    house.connect("c")


def test_alarms_are_read_and_ended_from_other_threads(house: House) -> None:
    alarms = house.playbook.core.alarms
    house.on_loop(alarms.activate, "hot", "it is hot", {})
    assert [alarm.name for alarm in house.node.activated_alarms()] == ["hot"]
    assert house.node.deactivate_alarm("hot")
    assert not house.node.deactivate_alarm("hot")
    assert [alarm.name for alarm in house.node.deactivated_alarms()] == ["hot"]
    house.node.delete_deactivated_alarms()
    assert house.node.deactivated_alarms() == []


def test_clients_are_listed_by_how_much_waits_for_them(house: House) -> None:
    def clientids(query: ClientQuery, page: PageRequest) -> tuple[list[str], int, bool]:
        made = house.node.clients(query, page, lambda record: {"id": record.clientid})
        return [row["id"] for row in rows(made.rows)], made.total, made.hasnext

    for name, waiting in (("a", 1), ("b", 3), ("c", 0), ("d", 2)):
        client = house.connect(name, f"to/{name}", clean_start=False, properties=KEPT)
        house.on_loop(client.crashes)
        house.node.publish([PublishCommand(f"to/{name}", b"", qos=1)] * waiting)
    by_queue = ClientQuery(sort="mqueue_len")
    assert clientids(by_queue, PageRequest(1, 2)) == (["b", "d"], 4, True)
    assert clientids(by_queue, PageRequest(2, 2)) == (["a", "c"], 4, False)
    assert clientids(by_queue, PageRequest(3, 2)) == ([], 4, False)
    narrowed = replace(by_queue, lte_mqueue_len=2)
    assert clientids(narrowed, PageRequest(1, 2)) == (["d", "a"], 3, True)
