"""Every limit has a setting and a metric: one row each, and the packet that trips it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from app.config import Rate
from app.config.tree import all_rows
from app.mqtt.packets import Packet, Publish, Subscribe, SubscribeFilter, Will
from tests.harness.playbook import connect_packet
from tests.unit.broker.test_acceptor import Door, Knock
from tests.unit.broker.wires import House, Peer

Houses = Callable[..., House]


class Limit(NamedTuple):
    """What is limited, and what a connected client does to hear of it."""

    setting: str
    metric: str
    settings: dict[str, Any]
    packets: tuple[Packet | bytes, ...]


def wants(topic_filter: str) -> Subscribe:
    return Subscribe(1, (SubscribeFilter(topic_filter, 1),))


def says(topic: str = "t", size: int = 1, qos: int = 0, **fields: Any) -> Publish:
    return Publish(topic, b"x" * size, qos, packet_id=1 if qos else None, **fields)


ONCE = Rate(1, 10.0)
LIMITS = [
    Limit(
        "mqtt.max_packet_size",
        "limit.packet_size",
        {"mqtt": {"max_packet_size": 100}},
        (says(size=200),),
    ),
    Limit(
        "mqtt.max_topic_levels",
        "limit.topic_levels",
        {"mqtt": {"max_topic_levels": 2}},
        (wants("a/b/c"),),
    ),
    Limit(
        "mqtt.max_topic_alias",
        "limit.topic_alias",
        {"mqtt": {"max_topic_alias": 1}},
        (says(properties={"topic_alias": 2}),),
    ),
    Limit("mqtt.max_qos_allowed", "limit.qos", {"mqtt": {"max_qos_allowed": 1}}, (says(qos=2),)),
    Limit(
        "mqtt.retain_available",
        "limit.retain",
        {"mqtt": {"retain_available": False}},
        (says(retain=True),),
    ),
    Limit(
        "mqtt.wildcard_subscription",
        "limit.wildcard",
        {"mqtt": {"wildcard_subscription": False}},
        (wants("#"),),
    ),
    Limit(
        "mqtt.shared_subscription",
        "limit.shared",
        {"mqtt": {"shared_subscription": False}},
        (wants("$share/g/t"),),
    ),
    Limit(
        "zone.$name.max_subscriptions",
        "limit.subscriptions",
        {"zone": {"max_subscriptions": 1}},
        (wants("a"), wants("b")),
    ),
    Limit(
        "mqtt.max_topic_levels",
        "limit.topic_levels",
        {"mqtt": {"max_topic_levels": 2}},
        (says("a/b/c"),),
    ),
    Limit(
        "zone.$name.rate_limit.conn_messages_in",
        "client.rate_limited",
        {"zone": {"conn_messages_in": ONCE}},
        (says(), says()),
    ),
    Limit(
        "zone.$name.rate_limit.conn_bytes_in",
        "client.rate_limited",
        {"zone": {"conn_bytes_in": replace(ONCE, amount=100)}},
        (says(size=200),),
    ),
    Limit(
        "zone.$name.max_awaiting_rel",
        "packets.publish.dropped",
        {"zone": {"max_awaiting_rel": 1}},
        (says(qos=2), Publish("t", b"", 2, packet_id=2)),
    ),
    Limit(
        "zone.$name.max_inflight",
        "limit.inflight",
        {"zone": {"max_inflight": 1}},
        (wants("t"), *(Publish("t", b"", 1, packet_id=number) for number in (1, 2))),
    ),
    Limit(
        "zone.$name.max_mqueue_len",
        "delivery.dropped.queue_full",
        {"zone": {"max_mqueue_len": 1, "max_inflight": 1}},
        (wants("t"), *(Publish("t", b"", 1, packet_id=number) for number in (1, 2, 3))),
    ),
    Limit(
        "zone.$name.max_output_buffer",
        "delivery.dropped.qos0_msg",
        {"zone": {"max_output_buffer": 100, "mqueue_store_qos0": False}},
        (wants("t"), says(size=200), says()),
    ),
    Limit(
        "retainer.max_retained_messages",
        "messages.retained.refused",
        {"retainer": {"max_retained_messages": 1}},
        (says("a", retain=True), says("b", retain=True)),
    ),
    Limit(
        "retainer.max_payload_size",
        "messages.retained.refused",
        {"retainer": {"max_payload_size": 10}},
        (says(size=11, retain=True),),
    ),
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.setting)
def test_what_goes_beyond_a_limit_is_counted(house: Houses, limit: Limit) -> None:
    here = house(**limit.settings)
    peer = here.connect()
    here.playbook.counted()
    peer.sends(*limit.packets)
    here.loop.turns()
    assert here.playbook.counted()[limit.metric] == 1


def has_no_connect(here: House) -> None:
    here.peer()
    here.playbook.advance(20)


def has_a_long_name(here: House) -> None:
    here.peer().sends(connect_packet("c" * 24))


def has_a_deep_will(here: House) -> None:
    here.peer().sends(connect_packet("c", will=Will("a/b/c", b"")))


def comes_while_memory_is_short(here: House) -> None:
    here.core.memory_is_short = True
    here.peer().sends(connect_packet("c"))


def is_one_too_many(here: House) -> None:
    here.connect("a")
    Peer(here)


DOORS = [
    ("zone.$name.idle_timeout", "limit.idle_timeout", {}, has_no_connect),
    (
        "mqtt.max_clientid_len",
        "limit.clientid_len",
        {"mqtt": {"max_clientid_len": 23}},
        has_a_long_name,
    ),
    (
        "mqtt.max_topic_levels",
        "limit.topic_levels",
        {"mqtt": {"max_topic_levels": 2}},
        has_a_deep_will,
    ),
    ("os_mon.refuse_watermark", "client.refused.high_memory", {}, comes_while_memory_is_short),
    (
        "listener.$protocol.$name.max_connections",
        "listener.refused.max_connections",
        {"listener": {"max_connections": 1}},
        is_one_too_many,
    ),
]


@pytest.mark.parametrize(("_setting", "metric", "settings", "comes"), DOORS)
def test_who_does_not_come_in_is_counted(
    house: Houses, _setting: str, metric: str, settings: Any, comes: Callable[[House], None]
) -> None:
    here = house(**settings)
    comes(here)
    here.loop.turns()
    assert here.playbook.counted()[metric] == 1


def test_a_listener_that_pauses_for_its_rate_is_counted() -> None:
    door = Door(max_conn_rate=1)
    door.knock(Knock(), Knock())
    assert door.metrics.listener_paused_conn_rate == 1
    door.acceptor.close()
    door.loop.close()


def test_the_settings_of_all_limits_exist() -> None:
    keys = {row.key for row in all_rows()}
    named = [limit.setting for limit in LIMITS] + [door[0] for door in DOORS]
    assert {*named, "listener.$protocol.$name.max_conn_rate"} <= keys
