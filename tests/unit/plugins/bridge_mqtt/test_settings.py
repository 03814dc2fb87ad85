"""Bridges as the parameters describe them."""

from __future__ import annotations

import pytest

from app.config.bridges import BRIDGE_ROWS
from app.mqtt.packets import MQTT_3_1_1, MQTT_5
from app.plugins import ExtensionError
from app.plugins.bridge_mqtt import BridgeMqttPlugin
from app.plugins.bridge_mqtt.settings import BridgeSettings, bridges_of
from app.plugins.registry import read_config
from app.rules.engine import RuleEngine
from app.rules.registry import Registry

ADDRESS = {"bridge.mqtt.aws.address": "h:1884"}


def bridges(given: dict[str, str]) -> dict[str, BridgeSettings]:
    plugin = BridgeMqttPlugin(RuleEngine(Registry()))
    assert plugin.parameters == BRIDGE_ROWS
    return bridges_of(read_config(plugin, given))


def test_there_are_as_many_bridges_as_there_are_names() -> None:
    found = bridges({**ADDRESS, "bridge.mqtt.b.address": "i", "bridge.mqtt.b.proto_ver": "mqttv5"})
    assert list(found) == ["aws", "b"]
    first = found["aws"].client("n@h", 1_000)
    assert (first.host, first.port, first.proto_ver) == ("h", 1884, MQTT_3_1_1)
    assert (first.clientid, first.clean_start, first.keepalive_s) == ("bridge_aws:n@h", True, 60)
    assert (first.reconnect_interval_s, first.retry_interval_s, first.max_inflight) == (30, 20, 32)
    assert first.tls is None and first.max_packet_bytes == 1_000
    second = found["b"].client("n@h", 1_000)
    assert (second.port, second.proto_ver) == (1883, MQTT_5)
    assert found["b"].given["start_type"] == "manual"
    assert bridges({}) == {}


def test_topics_and_mountpoints_are_read() -> None:
    (one,) = bridges(
        {
            **ADDRESS,
            "bridge.mqtt.aws.clientid": "c-${node}",
            "bridge.mqtt.aws.forwards": "a/#, b ,,b",
            "bridge.mqtt.aws.forward_mountpoint": "from/${node}/",
            "bridge.mqtt.aws.subscription.2.topic": "y",
            "bridge.mqtt.aws.subscription.2.qos": "2",
            "bridge.mqtt.aws.subscription.1.topic": "$share/g/x",
            "bridge.mqtt.aws.ssl": "on",
        }
    ).values()
    assert one.forwards == ("a/#", "b")
    assert list(one.subscriptions.items()) == [("$share/g/x", 1), ("y", 2)]
    assert one.mountpoint("forward", "n@h") == "from/n@h/"
    assert one.mountpoint("receive", "n@h") == ""
    assert one.queue_dir is None
    options = one.client("n@h", 1_000)
    assert options.clientid == "c-n@h" and options.tls is not None


@pytest.mark.parametrize(
    ("key", "text", "complaint"),
    [
        ("address", "", r"Set bridge\.mqtt\.aws\.address"),
        ("forwards", "a/#/b", "forwards: .* is no topic filter"),
        ("forwards", "$share/g/a", "not part of a group"),
        ("forward_mountpoint", "a/+/", "forward_mountpoint"),
        ("subscription.1.qos", "1", r"Set bridge\.mqtt\.aws\.subscription\.1\.topic"),
        ("subscription.1.topic", "#/a", "is no topic filter"),
        ("subscription.1.topic", "$share/+/a", "is no topic filter"),
        ("subscription.1.qos", "3", "not a whole number"),
        ("proto_ver", "mqttv6", "not a known choice"),
        ("queue.replayq_dir", "data", "the whole path"),
        ("queue.replayq_size", "1", "has no parameter"),
    ],
)
def test_what_cannot_be_is_refused(key: str, text: str, complaint: str) -> None:
    with pytest.raises(ExtensionError, match=complaint):
        bridges({**ADDRESS, f"bridge.mqtt.aws.{key}": text})


def test_an_address_that_is_none_is_refused() -> None:
    (one,) = bridges({"bridge.mqtt.aws.address": "emqx@127.0.0.1:x"}).values()
    with pytest.raises(ExtensionError, match="address"):
        one.client("n@h", 1_000)


def test_a_password_is_a_secret() -> None:
    (row,) = [row for row in BRIDGE_ROWS if row.key.endswith(".password")]
    assert row.secret
