"""`emqx_auth_redis` on the real server, with real Redis servers."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.mqtt.packets import Connack, Connect, Publish, Suback, Subscribe, SubscribeFilter
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, NodeProcess, eventually
from tests.harness.ports import free_port
from tests.harness.redis_server import RedisProcess, SentinelProcess

PLUGIN = "/api/v4/nodes/godwit@127.0.0.1/plugins/emqx_auth_redis"
WELCOME, REFUSED, STRANGER, UNAVAILABLE = 0, 0x86, 0x87, 0x88

pytestmark = pytest.mark.server("redis-server")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProcess]:
    with RedisProcess(tmp_path) as running:
        yield running


def answer(node: NodeProcess, username: str | None, password: bytes | None = None) -> int:
    with MqttClient(node.tcp) as client:
        return client.connect("c1", username=username, password=password).reason_code


def alarms(node: NodeProcess) -> list[str]:
    """Return the names of the plugin's alarms that are active; the machine may have others."""
    names = (one["name"] for each in node.data("alarms/activated") for one in each["alarms"])
    return [name for name in names if name.startswith("emqx_auth")]


def started(make_node: MakeNode, redis: RedisProcess, **settings: str) -> NodeProcess:
    node = make_node(**{"allow_anonymous": "false", "auth.redis.server": redis.address, **settings})
    assert node.api("PUT", f"{PLUGIN}/load").body == {"code": 0}
    return node


def grants(client: MqttClient, *topic_filters: str) -> list[int]:
    """Return what a client is answered that subscribes."""
    client.send(Subscribe(1, tuple(SubscribeFilter(each, 1) for each in topic_filters)))
    packet = client.receive()
    assert isinstance(packet, Suback)
    return [code if code >= 0x80 else 0 for code in packet.reason_codes]


def test_logins_superusers_and_access_rules_are_those_in_redis(
    make_node: MakeNode, redis: RedisProcess
) -> None:
    with redis.client() as stored:
        stored.hset("mqtt_user:meter", mapping={"password": "s3cret"})
        stored.hset("mqtt_user:chief", mapping={"password": "s3cret", "is_superuser": "1"})
        stored.hset("mqtt_acl:meter", mapping={"from/%u/#": 2, "to/%c-%u": 1, "both": 3})
        stored.hset("mqtt_acl:chief", mapping={"one/topic": 1})
        stored.set("mqtt_user:broken", "no hash")
        stored.hset("mqtt_user:a b", mapping={"password": "spaced"})
    node = started(make_node, redis)
    assert answer(node, "meter", b"s3cret") == WELCOME
    assert answer(node, "a b", b"spaced") == WELCOME
    assert answer(node, "meter", b"wrong") == REFUSED
    assert answer(node, "meter") == REFUSED
    assert answer(node, "stranger", b"s3cret") == STRANGER
    assert answer(node, None) == STRANGER
    assert answer(node, "broken", b"no hash") == UNAVAILABLE
    with MqttClient(node.tcp) as client:
        client.connect("c1", username="meter", password=b"s3cret")
        assert grants(client, "to/c1-meter", "both", "from/meter/x", "#") == [0, 0, 0x87, 0x87]
        client.send(Publish("both", b"1"), Publish("to/c1-meter", b"2"))
        client.expect(Publish("both", b"1"))
        client.expect_silence()
    with MqttClient(node.tcp) as client:
        client.connect("c2", username="chief", password=b"s3cret")
        assert grants(client, "#") == [0]
    assert "s3cret" not in node.log


def test_a_server_that_is_gone_refuses_and_comes_back_by_itself(
    make_node: MakeNode, redis: RedisProcess
) -> None:
    node = started(make_node, redis, **{"auth.redis.query_timeout": "500ms"})
    with redis.client() as stored:
        stored.hset("mqtt_user:meter", mapping={"password": "s3cret"})
    assert answer(node, "meter", b"s3cret") == WELCOME
    redis.stop()
    for _ in range(5):
        assert answer(node, "meter", b"s3cret") == UNAVAILABLE
    assert alarms(node) == ["emqx_auth_redis_unavailable"]
    redis.start()
    with redis.client() as stored:
        stored.hset("mqtt_user:meter", mapping={"password": "s3cret"})
    eventually(lambda: alarms(node) == [], "the end of the alarm", 10)
    assert answer(node, "meter", b"s3cret") == WELCOME


def test_clients_are_left_to_others_meanwhile_where_it_is_told_to(
    make_node: MakeNode, redis: RedisProcess
) -> None:
    node = started(make_node, redis, **{"auth.redis.unavailable": "ignore"})
    redis.stop()
    assert answer(node, "meter", b"s3cret") == STRANGER


def test_a_server_that_hangs_keeps_nobody_else_waiting(
    make_node: MakeNode, redis: RedisProcess
) -> None:
    node = started(make_node, redis, **{"auth.redis.query_timeout": "1s"})
    with redis.client() as stored:
        stored.hset("mqtt_user:meter", mapping={"password": "s3cret"})
    with MqttClient(node.tcp) as inside, MqttClient(node.tcp) as waiting:
        inside.connect("inside", username="meter", password=b"s3cret")
        os.kill(redis.pid, signal.SIGSTOP)
        try:
            waiting.send(Connect("MQTT", 5, True, 0, "w", "meter", b"s3cret"))
            since_s = time.monotonic()
            inside.expect_silence()
            assert time.monotonic() - since_s < 0.5
            refused = waiting.receive()
            assert isinstance(refused, Connack)
            assert refused.reason_code == UNAVAILABLE
        finally:
            os.kill(redis.pid, signal.SIGCONT)
    eventually(lambda: answer(node, "meter", b"s3cret") == WELCOME, "a welcome", 10)


def test_loading_and_unloading_act_at_once(make_node: MakeNode, redis: RedisProcess) -> None:
    with redis.client() as stored:
        stored.hset("mqtt_user:meter", mapping={"password": "s3cret"})
        node = started(make_node, redis)
        assert answer(node, "meter", b"s3cret") == WELCOME
        assert node.api("PUT", f"{PLUGIN}/unload").body == {"code": 0}
        assert answer(node, "meter", b"s3cret") == STRANGER
        eventually(lambda: stored.info("clients")["connected_clients"] == 1, "no connection")
        assert node.api("PUT", f"{PLUGIN}/load").body == {"code": 0}
        assert answer(node, "meter", b"s3cret") == WELCOME


def test_what_the_parameters_say_holds(make_node: MakeNode, tmp_path: Path) -> None:
    with RedisProcess(tmp_path, "--requirepass", "redis-secret") as redis:
        digest = hashlib.sha256(b"salty" + b"s3cret").hexdigest()
        with redis.client() as stored:
            stored.select(3)
            stored.hset("device:c1", mapping={"hash": digest, "salt": "salty"})
        node = started(
            make_node,
            redis,
            **{
                "auth.redis.database": "3",
                "auth.redis.password": "redis-secret",
                "auth.redis.auth_cmd": "HMGET device:%c hash salt",
                "auth.redis.super_cmd": "",
                "auth.redis.acl_cmd": "",
                "auth.redis.password_hash": "salt,sha256",
            },
        )
        assert answer(node, None, b"s3cret") == WELCOME
        assert answer(node, None, b"wrong") == REFUSED
        with MqttClient(node.tcp) as client:
            client.connect("c1", password=b"s3cret")
            assert grants(client, "anything") == [0]
        assert "redis-secret" not in node.log


def test_a_server_is_found_through_its_sentinels(
    make_node: MakeNode, redis: RedisProcess, tmp_path: Path
) -> None:
    with redis.client() as stored:
        stored.hset("mqtt_user:meter", mapping={"password": "s3cret"})
    with SentinelProcess(tmp_path, redis) as sentinel:
        node = started(
            make_node,
            sentinel,
            **{"auth.redis.type": "sentinel", "auth.redis.sentinel": "mymaster"},
        )
        assert answer(node, "meter", b"s3cret") == WELCOME
        assert answer(node, "meter", b"wrong") == REFUSED


def test_a_cluster_is_asked_where_the_key_is(make_node: MakeNode, tmp_path: Path) -> None:
    # By itself it would take a port of the range that outgoing connections have theirs from.
    bus = ["--cluster-port", str(free_port())]
    with RedisProcess(tmp_path, "--cluster-enabled", "yes", *bus) as redis:
        with redis.client() as stored:
            stored.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            eventually(
                lambda: stored.cluster("info")["cluster_state"] == "ok",
                "a cluster",
                10,
            )
            stored.hset("mqtt_user:meter", mapping={"password": "s3cret"})
        node = started(make_node, redis, **{"auth.redis.type": "cluster"})
        assert answer(node, "meter", b"s3cret") == WELCOME
        assert answer(node, "meter", b"wrong") == REFUSED
