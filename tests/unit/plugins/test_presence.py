"""Who has come and who has gone, under `$SYS`."""

from __future__ import annotations

import orjson
import pytest

from app.mqtt.packets import Publish, Unsubscribe
from app.plugins import presence
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
        "ts", "connack", "keepalive", "clean_start", "expiry_interval", "sequence",
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


def numbers(playbook: Playbook, watcher: Client, *clientids: str) -> list[int]:
    found = []
    for clientid in clientids:
        client = playbook.connect(clientid)
        found.append(told(watcher)[1]["sequence"])
        client.leaves()
        found.append(told(watcher)[1]["sequence"])
    return [int(str(number)) for number in found]


def test_each_client_s_messages_are_numbered_without_a_gap() -> None:
    playbook, watcher = watched()
    first, *others = numbers(playbook, watcher, "c1", "c1", "c2", "c1")
    of_c1 = [*others[:3], *others[5:]]
    assert of_c1 == [first + 1, first + 2, first + 3, first + 4, first + 5]


def test_what_nobody_hears_is_numbered_too_so_that_a_gap_can_be_seen() -> None:
    playbook, watcher = watched()
    *_, last = numbers(playbook, watcher, "c1")
    watcher.sends(Unsubscribe(2, ("$SYS/brokers/+/clients/#",)))
    watcher.receives()
    playbook.connect("c1").leaves()
    watcher.subscribes("$SYS/brokers/+/clients/#")
    watcher.receives()
    assert numbers(playbook, watcher, "c1") == [last + 3, last + 4]


def test_who_was_forgotten_goes_on_with_a_greater_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "MOST_COUNTED", 1)
    playbook, watcher = watched()
    *_, last = numbers(playbook, watcher, "c1", "c2")[:2]
    playbook.advance(5)
    assert numbers(playbook, watcher, "c1")[0] > last
