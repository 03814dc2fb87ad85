"""`emqx_auth_ldap` on the real server, with a real slapd."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.mqtt.packets import Connack, Connect, Suback, Subscribe, SubscribeFilter
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, NodeProcess, eventually
from tests.harness.slapd import Slapd

PLUGIN = "/api/v4/nodes/godwit@127.0.0.1/plugins/emqx_auth_ldap"
WELCOME, REFUSED, STRANGER, UNAVAILABLE = 0, 0x86, 0x87, 0x88

pytestmark = pytest.mark.server("slapd")


def hashed(scheme: str, password: bytes, salt: bytes = b"") -> str:
    name = {"SSHA": "sha1", "SHA": "sha1", "MD5": "md5", "SSHA256": "sha256"}[scheme]
    digest = hashlib.new(name, password + salt).digest() + salt
    return f"{{{scheme}}}{base64.b64encode(digest).decode()}"


def entry(uid: str, password: str | None, *lines: str, dn: str = "") -> str:
    """Return an entry as LDIF; `dn` is the uid as names of entries write it."""
    stored = [f"userPassword: {password}"] if password else []
    head = [f"dn: uid={dn or uid},ou=device,dc=emqx,dc=io", "objectClass: mqttUser", f"uid: {uid}"]
    return "\n".join([*head, *stored, *lines]) + "\n\n"


ENTRIES = "".join(
    (
        entry(
            "meter",
            hashed("SSHA", b"s3cret", b"salt"),
            "isEnabled: TRUE",
            "mqttPublishTopic: from/meter/#",
            "mqttSubscriptionTopic: to/meter",
            "mqttPubSubTopic: both/+",
        ),
        entry("md5", hashed("MD5", b"s3cret")),
        entry("sha256", hashed("SSHA256", b"s3cret", b"salt")),
        entry("plain", "s3cret"),
        entry("without", None),
        entry("off", hashed("SSHA", b"s3cret", b"salt"), "isEnabled: FALSE"),
        entry("a,b+c", hashed("SHA", b"s3cret"), dn="a\\,b\\+c"),
    )
)


@pytest.fixture
def slapd(tmp_path: Path) -> Iterator[Slapd]:
    with Slapd(tmp_path, ENTRIES) as running:
        yield running


def answer(node: NodeProcess, username: str | None, password: bytes | None = None) -> int:
    with MqttClient(node.tcp) as client:
        return client.connect("c1", username=username, password=password).reason_code


def alarms(node: NodeProcess) -> list[str]:
    """Return the names of the plugin's alarms that are active; the machine may have others."""
    names = (one["name"] for each in node.data("alarms/activated") for one in each["alarms"])
    return [name for name in names if name.startswith("emqx_auth")]


def started(make_node: MakeNode, slapd: Slapd, **settings: str) -> NodeProcess:
    node = make_node(
        **{
            "allow_anonymous": "false",
            "acl_nomatch": "deny",
            "auth.ldap.port": str(slapd.port),
            **settings,
        }
    )
    assert node.api("PUT", f"{PLUGIN}/load").body == {"code": 0}
    # What the default rules of acl.conf would allow to this machine.
    node.api("PUT", "/api/v4/modules/emqx_mod_acl_internal/unload")
    return node


def grants(client: MqttClient, *topic_filters: str) -> list[int]:
    """Return what a client is answered that subscribes."""
    client.send(Subscribe(1, tuple(SubscribeFilter(each, 1) for each in topic_filters)))
    packet = client.receive()
    assert isinstance(packet, Suback)
    return [code if code >= 0x80 else 0 for code in packet.reason_codes]


def test_logins_and_topics_are_those_of_the_directory(make_node: MakeNode, slapd: Slapd) -> None:
    node = started(make_node, slapd)
    for username in ("meter", "md5", "sha256", "a,b+c"):
        assert answer(node, username, b"s3cret") == WELCOME, username
        assert answer(node, username, b"wrong") == REFUSED, username
        assert answer(node, username) == REFUSED, username
    assert answer(node, "plain", b"s3cret") == REFUSED
    assert answer(node, "off", b"s3cret") == REFUSED
    assert answer(node, "without", b"s3cret") == STRANGER
    assert answer(node, "stranger", b"s3cret") == STRANGER
    assert answer(node, None) == STRANGER
    with MqttClient(node.tcp) as client:
        client.connect("c1", username="meter", password=b"s3cret")
        asked = ("to/meter", "both/x", "from/meter/x", "both/#", "to/other")
        assert grants(client, *asked) == [0, 0, 0x87, 0x87, 0x87]
    assert "s3cret" not in node.log


BY_FILTERS = {
    "auth.ldap.custom_base_dn": "${device_dn}",
    "auth.ldap.filters.1.key": "${username_attr}",
    "auth.ldap.filters.1.value": "${user}",
    "auth.ldap.filters.1.op": "and",
    "auth.ldap.filters.2.key": "objectClass",
    "auth.ldap.filters.2.value": "mqttUser",
}


@pytest.mark.parametrize("settings", [{}, BY_FILTERS], ids=["by name", "by filters"])
def test_no_name_makes_another_question(
    make_node: MakeNode, slapd: Slapd, settings: dict[str, str]
) -> None:
    node = started(make_node, slapd, **settings)
    assert answer(node, "meter", b"s3cret") == WELCOME
    for username in (
        "*",
        "m*",
        "meter)(uid=*",
        "meter,ou=device",
        "meter+uid=x",
        "\\6deter",
        "meter\\",
    ):
        assert answer(node, username, b"s3cret") == STRANGER, username


def test_the_directory_checks_passwords_where_it_is_told_to(
    make_node: MakeNode, slapd: Slapd
) -> None:
    node = started(make_node, slapd, **{"auth.ldap.bind_as_user": "on"})
    assert answer(node, "meter", b"s3cret") == WELCOME
    assert answer(node, "plain", b"s3cret") == WELCOME
    assert answer(node, "meter", b"wrong") == REFUSED
    assert answer(node, "meter", b"") == REFUSED
    assert answer(node, "meter") == REFUSED
    assert answer(node, "off", b"s3cret") == REFUSED
    assert answer(node, "stranger", b"s3cret") == STRANGER


def test_a_wrong_login_of_the_node_itself_refuses_everybody(
    make_node: MakeNode, slapd: Slapd
) -> None:
    node = started(make_node, slapd, **{"auth.ldap.bind_password": "wrong-bind-word"})
    assert answer(node, "meter", b"s3cret") == UNAVAILABLE
    assert "auth.ldap.bind_dn" in node.log
    assert "wrong-bind-word" not in node.log


def test_a_directory_that_is_gone_refuses_and_comes_back_by_itself(
    make_node: MakeNode, slapd: Slapd
) -> None:
    node = started(make_node, slapd)
    assert answer(node, "meter", b"s3cret") == WELCOME
    slapd.stop()
    for _ in range(5):
        assert answer(node, "meter", b"s3cret") == UNAVAILABLE
    assert alarms(node) == ["emqx_auth_ldap_unavailable"]
    slapd.start()
    eventually(lambda: alarms(node) == [], "the end of the alarm", 10)
    assert answer(node, "meter", b"s3cret") == WELCOME
    assert answer(node, "u" * 60_000, b"s3cret") == REFUSED


def test_connections_that_a_new_server_does_not_know_are_replaced_at_once(
    make_node: MakeNode, slapd: Slapd
) -> None:
    node = started(make_node, slapd)
    assert answer(node, "meter", b"s3cret") == WELCOME
    slapd.stop()
    slapd.start()
    assert answer(node, "meter", b"s3cret") == WELCOME


def test_a_directory_that_hangs_keeps_nobody_else_waiting(
    make_node: MakeNode, slapd: Slapd
) -> None:
    node = started(make_node, slapd, **{"auth.ldap.timeout": "1s"})
    with MqttClient(node.tcp) as inside, MqttClient(node.tcp) as waiting:
        inside.connect("inside", username="meter", password=b"s3cret")
        os.kill(slapd.pid, signal.SIGSTOP)
        try:
            waiting.send(Connect("MQTT", 5, True, 0, "w", "meter", b"s3cret"))
            since_s = time.monotonic()
            inside.expect_silence()
            assert time.monotonic() - since_s < 0.5
            refused = waiting.receive()
            assert isinstance(refused, Connack)
            assert refused.reason_code == UNAVAILABLE
        finally:
            os.kill(slapd.pid, signal.SIGCONT)
    eventually(lambda: answer(node, "meter", b"s3cret") == WELCOME, "a welcome", 10)


def test_loading_and_unloading_act_at_once(make_node: MakeNode, slapd: Slapd) -> None:
    node = started(make_node, slapd)
    assert answer(node, "meter", b"s3cret") == WELCOME
    assert node.api("PUT", f"{PLUGIN}/unload").body == {"code": 0}
    assert answer(node, "meter", b"s3cret") == STRANGER
    assert node.api("PUT", f"{PLUGIN}/load").body == {"code": 0}
    assert answer(node, "meter", b"s3cret") == WELCOME
