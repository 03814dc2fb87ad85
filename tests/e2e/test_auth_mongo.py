"""`emqx_auth_mongo` on the real server. The driver is the real one; MongoDB is a double that speaks its protocol."""

from __future__ import annotations

import hashlib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.mqtt.packets import (
    MQTT_3_1_1,
    Connack,
    Connect,
    Publish,
    Suback,
    Subscribe,
    SubscribeFilter,
)
from tests.harness.certificates import Authority
from tests.harness.mongo_double import MongoDouble
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, NodeProcess, eventually
from tests.harness.playbook import connect_packet
from tests.harness.ports import free_port

PLUGIN = "/api/v4/nodes/godwit@127.0.0.1/plugins/emqx_auth_mongo"
WELCOME, REFUSED, STRANGER, UNAVAILABLE = 0, 0x86, 0x87, 0x88
USERS, RULES = ("mqtt", "mqtt_user"), ("mqtt", "mqtt_acl")
PLAIN = {"auth.mongo.auth_query.password_hash": "plain"}
METER = {"username": "meter", "password": "s3cret"}


@pytest.fixture
def mongo() -> Iterator[MongoDouble]:
    with MongoDouble() as running:
        running.collections[USERS] = [METER]
        yield running


def answer(node: NodeProcess, username: str | None, password: bytes | None = None) -> int:
    with MqttClient(node.tcp) as client:
        return client.connect("c1", username=username, password=password).reason_code


def alarms(node: NodeProcess) -> list[str]:
    """Return the names of the plugin's alarms that are active; the machine may have others."""
    names = (one["name"] for each in node.data("alarms/activated") for one in each["alarms"])
    return [name for name in names if name.startswith("emqx_auth")]


def started(make_node: MakeNode, *servers: MongoDouble, **settings: str) -> NodeProcess:
    places = ",".join(one.address for one in servers)
    given = {"allow_anonymous": "false", "auth.mongo.server": places, **PLAIN, **settings}
    node = make_node(**given)
    assert node.api("PUT", f"{PLUGIN}/load").body == {"code": 0}
    return node


def grants(client: MqttClient, *topic_filters: str) -> list[int]:
    """Return what a client is answered that subscribes."""
    client.send(Subscribe(1, tuple(SubscribeFilter(each, 1) for each in topic_filters)))
    packet = client.receive()
    assert isinstance(packet, Suback)
    return [code if code >= 0x80 else 0 for code in packet.reason_codes]


def test_logins_superusers_and_access_rules_are_those_in_mongodb(
    make_node: MakeNode, mongo: MongoDouble
) -> None:
    mongo.collections[USERS] += [
        {"username": "chief", "password": "s3cret", "is_superuser": True},
        {"username": "empty"},
        {"username": "number", "password": 7},
        {"username": "broken", "password": "s3cret"},
    ]
    mongo.collections[RULES] = [
        {"username": "meter", "publish": ["from/%u/#"], "subscribe": ["to/%c-%u"]},
        {"username": "meter", "pubsub": ["both"]},
        {"username": "chief", "publish": ["one/topic"]},
        {"username": "broken", "publish": "no list", "subscribe": ["x"]},
    ]
    node = started(make_node, mongo)
    assert answer(node, "meter", b"s3cret") == WELCOME
    assert answer(node, "meter", b"wrong") == REFUSED
    assert answer(node, "meter") == REFUSED
    assert answer(node, "empty", b"") == REFUSED
    assert answer(node, "number", b"7") == REFUSED
    assert answer(node, "stranger", b"s3cret") == STRANGER
    assert answer(node, None) == STRANGER
    with MqttClient(node.tcp) as client:
        client.connect("c1", username="meter", password=b"s3cret")
        assert grants(client, "to/c1-meter", "both", "from/meter/x", "#") == [0, 0, 0x87, 0x87]
        client.send(Publish("both", b"1"), Publish("to/c1-meter", b"2"))
        client.expect(Publish("both", b"1"))
        client.expect_silence()
    with MqttClient(node.tcp) as client:
        client.connect("c2", username="chief", password=b"s3cret")
        assert grants(client, "#") == [0]
    with MqttClient(node.tcp) as client:
        client.connect("c3", username="broken", password=b"s3cret")
        assert grants(client, "x") == [0]
        client.send(Publish("no list", b"", qos=1, packet_id=1))
        assert client.receive().reason_code == 0x87
    assert "s3cret" not in node.log


def test_no_name_is_taken_for_an_operator(make_node: MakeNode, mongo: MongoDouble) -> None:
    node = started(make_node, mongo)
    names = ["$ne", '{"$ne": ""}', "{$gt: ''}", ".*", "meter\n"]
    for name in names:
        assert answer(node, name, b"s3cret") == STRANGER
    filters = [one["filter"] for one in mongo.asked if "find" in one]
    assert filters == [{"username": name} for name in names]


def test_a_server_that_is_gone_refuses_and_comes_back_by_itself(
    make_node: MakeNode, mongo: MongoDouble
) -> None:
    node = started(make_node, mongo, **{"auth.mongo.query_timeout": "500ms"})
    assert answer(node, "meter", b"s3cret") == WELCOME
    mongo.stop()
    for _ in range(5):
        assert answer(node, "meter", b"s3cret") == UNAVAILABLE
    assert alarms(node) == ["emqx_auth_mongo_unavailable"]
    mongo.start()
    eventually(lambda: alarms(node) == [], "the end of the alarm", 15)
    assert answer(node, "meter", b"s3cret") == WELCOME
    assert "s3cret" not in node.log


def test_clients_are_left_to_others_meanwhile_where_it_is_told_to(
    make_node: MakeNode, mongo: MongoDouble
) -> None:
    settings = {"auth.mongo.unavailable": "ignore", "auth.mongo.query_timeout": "500ms"}
    node = started(make_node, mongo, **settings)
    mongo.stop()
    assert answer(node, "meter", b"s3cret") == STRANGER


def test_a_server_that_hangs_keeps_nobody_else_waiting(
    make_node: MakeNode, mongo: MongoDouble
) -> None:
    node = started(make_node, mongo, **{"auth.mongo.query_timeout": "1s"})
    with MqttClient(node.tcp) as inside, MqttClient(node.tcp) as waiting:
        inside.connect("inside", username="meter", password=b"s3cret")
        mongo.hangs = True
        waiting.send(Connect("MQTT", 5, True, 0, "w", "meter", b"s3cret"))
        since_s = time.monotonic()
        inside.expect_silence()
        assert time.monotonic() - since_s < 0.5
        refused = waiting.receive()
        assert isinstance(refused, Connack)
        assert refused.reason_code == UNAVAILABLE
        mongo.hangs = False
    eventually(lambda: answer(node, "meter", b"s3cret") == WELCOME, "a welcome", 10)


def cut(answer: bytes) -> bytes:
    return answer[:-3]


def no_document(answer: bytes) -> bytes:
    return answer[:21] + b"\xff" * (len(answer) - 21)


def test_an_answer_that_is_none_refuses(make_node: MakeNode, mongo: MongoDouble) -> None:
    node = started(make_node, mongo, **{"auth.mongo.query_timeout": "500ms"})
    for mangle in (cut, no_document):
        eventually(lambda: answer(node, "meter", b"s3cret") == WELCOME, "a welcome", 15)
        mongo.mangle = mangle
        assert answer(node, "meter", b"s3cret") == UNAVAILABLE
        mongo.mangle = bytes


def test_an_error_refuses_and_is_told_without_its_text(
    make_node: MakeNode, mongo: MongoDouble
) -> None:
    node = started(make_node, mongo)
    mongo.error = {"ok": 0, "code": 2, "codeName": "BadValue", "errmsg": "about s3cret"}
    assert answer(node, "meter", b"s3cret") == UNAVAILABLE
    assert "error 2 BadValue" in node.log
    assert "s3cret" not in node.log


def test_loading_and_unloading_act_at_once(make_node: MakeNode, mongo: MongoDouble) -> None:
    node = started(make_node, mongo)
    assert answer(node, "meter", b"s3cret") == WELCOME
    assert node.api("PUT", f"{PLUGIN}/unload").body == {"code": 0}
    assert answer(node, "meter", b"s3cret") == STRANGER
    eventually(lambda: mongo.connections == 0, "no connection")
    assert node.api("PUT", f"{PLUGIN}/load").body == {"code": 0}
    assert answer(node, "meter", b"s3cret") == WELCOME


def test_what_the_parameters_say_holds(make_node: MakeNode, mongo: MongoDouble) -> None:
    digest = hashlib.sha256(b"salty" + b"s3cret").hexdigest()
    mongo.add_user("godwit", "mongo-secret")
    mongo.collections[("plant", "devices")] = [
        {"id": "c1", "login": {"hash": digest, "salt": "salty"}}
    ]
    mongo.collections[("plant", "rules")] = [
        {"device": "c1", "publish": ["own"]},
        {"device": "$all", "subscribe": ["news/#"]},
        {"device": "c2", "subscribe": ["others"]},
    ]
    node = started(
        make_node,
        mongo,
        **{
            "auth.mongo.database": "plant",
            "auth.mongo.username": "godwit",
            "auth.mongo.password": "mongo-secret",
            "auth.mongo.auth_source": "admin",
            "auth.mongo.auth_query.collection": "devices",
            "auth.mongo.auth_query.selector": "id=%c",
            "auth.mongo.auth_query.password_field": "login.hash,login.salt",
            "auth.mongo.auth_query.password_hash": "salt,sha256",
            "auth.mongo.super_query": "off",
            "auth.mongo.acl_query.collection": "rules",
            "auth.mongo.acl_query.selector": "device=%c",
            "auth.mongo.acl_query.selector.2": "device=$all",
        },
    )
    assert answer(node, None, b"s3cret") == WELCOME
    assert answer(node, None, b"wrong") == REFUSED
    with MqttClient(node.tcp) as client:
        client.connect("c1", password=b"s3cret")
        assert grants(client, "news/today", "others", "own") == [0, 0x87, 0x87]
    assert "mongo-secret" not in node.log


def test_a_login_that_mongodb_refuses_refuses_clients(
    make_node: MakeNode, mongo: MongoDouble
) -> None:
    mongo.add_user("godwit", "mongo-secret")
    login = {"auth.mongo.username": "godwit", "auth.mongo.password": "mistaken"}
    node = started(make_node, mongo, **login)
    assert answer(node, "meter", b"s3cret") == UNAVAILABLE
    assert "AuthenticationFailed" in node.log
    assert "mistaken" not in node.log


@pytest.mark.parametrize(("mode", "asked"), [("master", 0), ("slave_ok", 1)])
def test_a_replica_set_is_asked_at_its_primary_or_at_a_secondary(
    make_node: MakeNode, mode: str, asked: int
) -> None:
    with MongoDouble() as primary, MongoDouble() as secondary:
        members = [primary, secondary]
        for number, member in enumerate(members):
            member.hello |= {
                "ismaster": not number,
                "isWritablePrimary": not number,
                "secondary": bool(number),
                "setName": "rs0",
                "setVersion": 1,
                "hosts": [one.address for one in members],
                "me": member.address,
            }
            member.collections[USERS] = [METER]
        settings = {"type": "rs", "rs_set_name": "rs0", "r_mode": mode}
        named = {f"auth.mongo.{key}": value for key, value in settings.items()}
        # The driver finds the other member by itself.
        node = started(make_node, secondary, **named)
        assert answer(node, "meter", b"s3cret") == WELCOME
        for number, member in enumerate(members):
            assert any("find" in one for one in member.asked) is (number == asked)


def test_routers_of_a_cluster_stand_in_for_each_other(make_node: MakeNode) -> None:
    with MongoDouble() as one, MongoDouble() as other:
        one.hello["msg"] = other.hello["msg"] = "isdbgrid"
        one.collections[USERS] = other.collections[USERS] = [METER]
        node = started(make_node, one, other, **{"auth.mongo.type": "sharded"})
        assert answer(node, "meter", b"s3cret") == WELCOME
        one.stop()
        eventually(lambda: answer(node, "meter", b"s3cret") == WELCOME, "a welcome", 10)


def test_a_client_is_found_by_its_certificate(
    make_node: MakeNode, mongo: MongoDouble, tmp_path: Path
) -> None:
    mongo.collections[USERS] = [
        {"cn": "device-7", "dn": "CN=device-7,O=Works", "password": "s3cret"}
    ]
    authority, port = Authority(tmp_path / "ca"), free_port()
    own, device = authority.issue("node"), authority.issue("device", O="Works", CN="device-7")
    listener = {
        "": f"127.0.0.1:{port}",
        ".certfile": str(own.certfile),
        ".keyfile": str(own.keyfile),
        ".cacertfile": str(authority.certfile),
        ".verify": "verify_peer",
    }
    selector = {"auth.mongo.auth_query.selector": "cn=%C,dn=%d"}
    settings = {f"listener.ssl.external{name}": value for name, value in listener.items()}
    started(make_node, mongo, **settings, **selector)
    context = ssl.create_default_context(cafile=str(authority.certfile))
    packet = connect_packet("c1", MQTT_3_1_1, password=b"s3cret", username="").encode(MQTT_3_1_1)
    answers = []
    for shows in (False, True):
        if shows:
            context.load_cert_chain(device.certfile, device.keyfile)
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as link,
        ):
            link.sendall(packet)
            answers.append(link.recv(4))
    assert answers == [b"\x20\x02\x00\x05", b"\x20\x02\x00\x00"]


def tls_of(authority: Authority, *, asks: bool = False) -> ssl.SSLContext:
    pair = authority.issue("mongod")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certfile, pair.keyfile)
    if asks:
        context.load_verify_locations(authority.certfile)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def test_tls_is_spoken_with_a_server_that_is_trusted(make_node: MakeNode, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    own = authority.issue("godwit")
    with MongoDouble(tls_of(authority, asks=True)) as mongo:
        mongo.collections[USERS] = [METER]
        settings = {
            "auth.mongo.ssl": "on",
            "auth.mongo.ssl.cacertfile": str(authority.certfile),
            "auth.mongo.ssl.certfile": str(own.certfile),
            "auth.mongo.ssl.keyfile": str(own.keyfile),
        }
        assert answer(started(make_node, mongo, **settings), "meter", b"s3cret") == WELCOME


def test_a_server_that_is_not_trusted_is_told_nothing(make_node: MakeNode, tmp_path: Path) -> None:
    trusted = Authority(tmp_path / "ca")
    with MongoDouble(tls_of(Authority(tmp_path / "other"))) as mongo:
        mongo.collections[USERS] = [METER]
        settings = {
            "auth.mongo.ssl": "on",
            "auth.mongo.ssl.cacertfile": str(trusted.certfile),
            "auth.mongo.query_timeout": "3s",
        }
        node = started(make_node, mongo, **settings)
        for _ in range(3):
            assert answer(node, "meter", b"s3cret") == UNAVAILABLE
        assert mongo.asked == []
        assert "certificate verify failed" in node.log
        assert "s3cret" not in node.log
