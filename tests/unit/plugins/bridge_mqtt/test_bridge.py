"""What a bridge takes from this broker, and what it gives it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.broker.message import Message
from app.mqtt.packets import MQTT_5, Publish
from app.mqtt.properties import NO_PROPERTIES, Properties
from app.plugins.bridge_mqtt.bridge import VIA, Bridge
from app.plugins.bridge_mqtt.promises import Promises
from app.plugins.bridge_mqtt.settings import bridges_of
from app.plugins.registry import read_config
from app.rules.engine import RuleEngine
from app.rules.registry import Registry
from tests.harness.playbook import Playbook

NODE = "godwit@127.0.0.1"


def play(
    scene: Callable[[Playbook, Bridge], Any],
    attempts: list[object] | None = None,
    **given: str,
) -> None:
    """Run a scene with a started bridge whose other broker does not answer; its attempts to connect are noted."""
    from app.plugins.bridge_mqtt import BridgeMqttPlugin

    async def run() -> None:
        loop = asyncio.get_running_loop()

        async def nobody(*where: object, **_how: object) -> None:
            if attempts is not None:
                attempts.append(where)
            raise ConnectionRefusedError(111, "Connection refused")

        loop.create_connection = nobody  # type: ignore[method-assign, assignment]
        values = {"address": "h", "forwards": "t/#,t/1", "proto_ver": "mqttv5", **given}
        plugin = BridgeMqttPlugin(RuleEngine(Registry()))
        keys = {f"bridge.mqtt.b.{key}": text for key, text in values.items()}
        settings = bridges_of(read_config(plugin, keys))["b"]
        playbook = Playbook()
        for counter in ("sent_to", "received_from"):
            playbook.core.metrics.of_plugins[f"bridge.mqtt.message_{counter}_remote"] = 0
        bridge = Bridge(settings, settings.client(NODE, 1_000), playbook.core, Promises())
        assert bridge.start() and not bridge.start()
        try:
            await asyncio.sleep(0)
            scene(playbook, bridge)
            await asyncio.sleep(0)
        finally:
            bridge.close()
            await asyncio.sleep(0)

    asyncio.run(run())


def say(playbook: Playbook, topic: str, properties: Properties = NO_PROPERTIES) -> None:
    now_ms = playbook.core.clock.wall_ms()
    message = Message(topic, b"x", 1, False, now_ms, "c", properties=properties)
    playbook.core.publish(message)


def waiting(bridge: Bridge) -> list[Publish]:
    return [one.packet for one in bridge._queue._waiting]  # type: ignore[attr-defined]


def test_a_message_that_two_filters_match_goes_there_once() -> None:
    def scene(playbook: Playbook, bridge: Bridge) -> None:
        say(playbook, "t/1", Properties(content_type="a"))
        say(playbook, "other")
        (packet,) = waiting(bridge)
        assert (packet.topic, packet.qos, packet.properties) == (
            f"from/{NODE}/t/1",
            1,
            {"content_type": "a"},
        )

    play(scene, forward_mountpoint="from/${node}/")


def test_a_bridge_that_is_stopped_takes_nothing_and_keeps_what_it_has() -> None:
    def scene(playbook: Playbook, bridge: Bridge) -> None:
        say(playbook, "t/1")
        assert bridge.stop() and not bridge.stop()
        say(playbook, "t/2")
        assert len(playbook.core.router) == 0
        assert bridge.row()["queued"] == 1

    play(scene)


@pytest.mark.parametrize(("passed_s", "count"), [(0, 0), (1, 1)])
def test_a_bridge_connects_when_timers_run_which_is_when_sessions_and_rules_are_back(
    passed_s: int, count: int
) -> None:
    attempts: list[object] = []
    play(lambda playbook, _bridge: playbook.advance(passed_s), attempts)
    assert len(attempts) == count


def test_what_has_been_here_or_is_too_long_goes_no_further() -> None:
    def scene(playbook: Playbook, bridge: Bridge) -> None:
        say(playbook, "t/1", Properties(user_property=[(VIA, NODE)]))
        say(playbook, "t/" + "x" * 65_530)
        bridge._bring(Publish("t/2", b"x"))
        bridge._bring(Publish("t/3", b"x", properties=Properties(user_property=[(VIA, NODE)])))
        bridge._bring(Publish("unwanted", b"x"))
        counts = bridge.counts
        assert (counts.looped, counts.dropped, counts.received) == (3, 2, 1)
        assert waiting(bridge) == []

    play(scene, **{"forward_mountpoint": "from/", "subscription.1.topic": "t/#"})


def test_a_message_that_has_waited_is_sent_with_what_is_left_of_its_time() -> None:
    def scene(playbook: Playbook, bridge: Bridge) -> None:
        say(playbook, "t/1", Properties(message_expiry_interval=10))
        (one,) = bridge._queue._waiting  # type: ignore[attr-defined]
        playbook.advance(4)
        packet = bridge._due(one)
        assert packet is not None and bridge._options.proto_ver == MQTT_5
        assert packet.properties == {
            "message_expiry_interval": 6,
            "user_property": [(VIA, NODE)],
        }
        playbook.advance(6)
        assert bridge._due(one) is None

    play(scene)


def test_a_publisher_is_answered_when_its_message_is_in_the_file(tmp_path: Path) -> None:
    def scene(playbook: Playbook, bridge: Bridge) -> None:
        core = playbook.core
        alice = playbook.connect("alice")
        alice.sends(Publish("other", b"x", 1, packet_id=1))
        assert alice.wire.waits_for <= core.storage.safe
        alice.sends(Publish("t/1", b"x", 1, packet_id=2))
        assert alice.wire.waits_for == core.storage.mark > core.storage.safe
        bridge.close()
        assert core.storage.mark == core.storage.safe

    play(scene, **{"queue.replayq_dir": str(tmp_path)})
