"""Who has come and who has gone, under `$SYS`."""

from __future__ import annotations

import orjson

from app.mqtt.packets import Publish
from app.plugins.host import ExtensionHost
from app.plugins.presence import Presence
from tests.harness.playbook import Client, Playbook, connect_packet, only

CONFIG = {"module.presence.qos": 0}


def watched() -> tuple[Playbook, Client]:
    playbook = Playbook()
    ExtensionHost(playbook.core).load(Presence(), CONFIG, None)
    watcher = playbook.connect("watcher")
    watcher.subscribes("$SYS/brokers/+/clients/#")
    watcher.receives()
    return playbook, watcher


def told(watcher: Client) -> tuple[str, dict[str, object]]:
    message = only(watcher.receives())
    assert isinstance(message, Publish)
    return message.topic.rpartition("/")[2], orjson.loads(message.payload)


def test_a_client_s_coming_and_going_are_told_with_emqx_s_members() -> None:
    playbook, watcher = watched()
    client = playbook.client(peerhost="10.0.0.9")
    client.sends(connect_packet("c1", username="u1"))
    event, members = told(watcher)
    assert event == "connected"
    assert members.keys() == {
        "clientid", "username", "ipaddress", "sockport", "proto_name", "proto_ver", "connected_at",
        "ts", "connack", "keepalive", "clean_start", "expiry_interval",
    }  # fmt: skip
    assert (members["clientid"], members["username"]) == ("c1", "u1")
    assert members["ipaddress"] == "10.0.0.9"
    client.leaves()
    event, gone = told(watcher)
    assert event == "disconnected"
    assert gone["connected_at"] == members["connected_at"]
    assert gone["reason"] == "normal"
    assert "keepalive" not in gone


def test_a_missing_user_name_is_undefined_as_in_emqx() -> None:
    playbook, watcher = watched()
    playbook.connect("c1")
    assert told(watcher)[1]["username"] == "undefined"


def test_a_client_id_that_no_topic_can_hold_is_not_told() -> None:
    playbook, watcher = watched()
    playbook.connect("a+b")
    assert watcher.receives() == []
