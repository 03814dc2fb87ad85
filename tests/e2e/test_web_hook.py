"""The web hook in front of a real web server, over a broker in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from app.broker.message import Message
from app.broker.router import SubOptions
from app.config import AllowAnonymous
from app.mqtt.packets import Connect, Publish, SubscribeFilter
from app.mqtt.reason_codes import ReasonCode
from app.plugins import ExtensionError
from app.plugins.registry import read_config
from app.plugins.web_hook import WebHookPlugin
from app.plugins.web_hook.bodies import EVENTS
from app.rules.engine import RuleEngine
from app.rules.registry import Registry
from tests.harness.loaded_plugin import LoadedPlugin
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, eventually
from tests.harness.web_service import Asked, Reply, WebService

RULES = {
    f"web.hook.rule.{point}.1": f'{{"action": "on_{point.replace(".", "_")}"}}' for point in EVENTS
}
NODE = "godwit@127.0.0.1"


def a_plugin() -> WebHookPlugin:
    return WebHookPlugin(RuleEngine(Registry()))


def bodies(service: WebService) -> list[dict[str, Any]]:
    return [orjson.loads(asked.body) for asked in service.asked]


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - who waits is a test
            await asyncio.sleep(0.005)


def play(service: WebService, scene: Callable[[LoadedPlugin], Any], **settings: str) -> None:
    """Run a scene with the plugin loaded; names of settings have `__` for dots."""
    given = {"web.hook.url": service.url("/hook"), "web.hook.queue.retry_interval": "10ms"}
    given |= {key.replace("__", "."): text for key, text in settings.items()}

    async def run() -> None:
        async with LoadedPlugin(a_plugin(), given, AllowAnonymous.TRUE) as loaded:
            await scene(loaded)

    asyncio.run(run())


def a_message(topic: str = "t/1", payload: bytes = b"x", clientid: str | None = "c1") -> Message:
    return Message(topic, payload, 1, False, 1_000, clientid, None if clientid is None else "u1")


def test_every_event_is_told_in_the_members_of_emqx() -> None:
    who = {"node": NODE, "clientid": "c1", "username": None}
    connection = {**who, "ipaddress": "127.0.0.1", "keepalive": 0, "proto_ver": 4}
    message = {
        "from_client_id": "c1",
        "from_username": "u1",
        "topic": "t/1",
        "qos": 1,
        "retain": False,
        "payload": "x",
        "ts": 1_000,
    }
    opts = {"qos": 1, "nl": 0, "rap": 0, "rh": 0}

    async def scene(loaded: LoadedPlugin) -> None:
        client, point = loaded.client(), loaded.core.hooks.point
        now_ms = loaded.core.clock.wall_ms()
        packet = Connect("MQTT", 4, True, 0, "c1")
        point("client.connect").run(client, packet)
        point("client.connack").run(client, ReasonCode.NOT_AUTHORIZED)
        point("client.connected").run(client)
        point("client.subscribe").fold(client, value=(SubscribeFilter("a/#", 1),))
        point("session.subscribed").run(client, "$share/g/a/#", SubOptions(1))
        point("client.unsubscribe").fold(client, value=("a/#",))
        point("session.unsubscribed").run(client, "a/#")
        assert point("message.publish").fold(value=(said := a_message())) is said
        point("message.delivered").run("c1", a_message())
        point("message.acked").run("c1", a_message())
        point("client.disconnected").run(client, "normal")
        point("session.terminated").run(client, "normal")
        await until(lambda: len(service.asked) == len(EVENTS))
        assert bodies(service) == [
            {"action": "client_connect", **connection},
            {"action": "client_connack", **connection, "conn_ack": "not_authorized"},
            {"action": "client_connected", **connection, "connected_at": now_ms},
            {"action": "client_subscribe", **who, "topic": "a/#", "opts": opts},
            {
                "action": "session_subscribed",
                **who,
                "topic": "a/#",
                "opts": {**opts, "share": "g"},
            },
            {"action": "client_unsubscribe", **who, "topic": "a/#", "opts": {}},
            {"action": "session_unsubscribed", **who, "topic": "a/#"},
            {"action": "message_publish", "node": NODE, **message},
            {"action": "message_delivered", **who, **message},
            {"action": "message_acked", **who, **message},
            {
                "action": "client_disconnected",
                **who,
                "reason": "normal",
                "connected_at": now_ms,
                "disconnected_at": now_ms,
            },
            {"action": "session_terminated", **who, "reason": "normal"},
        ]
        counted = loaded.core.metrics.snapshot()
        assert {counted["webhook." + one.replace(".", "_")] for one in EVENTS} == {1}

    with WebService() as service:
        play(service, scene, **RULES)
    first = service.asked[0]
    assert (first.method, first.path) == ("POST", "/hook")
    assert first.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("settings", "payload", "text"),
    [
        ({}, b"\xffx", "\ufffdx"),
        ({"web.hook.body.encoding_of_payload_field": "base64"}, b"\xffx", "/3g="),
        ({"web.hook.encode_payload": "base62"}, b"\xff\xff\xff", "9C9C9C9C"),
    ],
)
def test_payloads_are_encoded_as_they_are_to_be(
    settings: dict[str, str], payload: bytes, text: str
) -> None:
    async def scene(loaded: LoadedPlugin) -> None:
        loaded.core.publish(a_message(payload=payload))
        await until(lambda: service.asked)
        assert bodies(service)[0]["payload"] == text

    with WebService() as service:
        play(service, scene, **RULES, **settings)


def test_a_rule_about_some_topics_leaves_the_others_on_the_express_lane() -> None:
    rule = '{"action": "on_message_publish", "topic": "t/+"}'

    async def scene(loaded: LoadedPlugin) -> None:
        assert loaded.core.express is not None
        (interest,) = loaded.core.interests
        assert interest("t/1") and not interest("other")
        for topic in ("other", "$SYS/t", "t/1"):
            loaded.core.publish(a_message(topic))
        await until(lambda: service.asked)
        loaded.core.publish(a_message("t/2"))
        await until(lambda: len(service.asked) == 2)
        assert [one["topic"] for one in bodies(service)] == ["t/1", "t/2"]

    with WebService() as service:
        play(service, scene, **{"web.hook.rule.message.publish.1": rule})


def test_what_one_client_says_is_told_in_order_also_after_failures() -> None:
    failures = iter([503, 500] + [200] * 100)

    def answer(_asked: Asked) -> Reply:
        return Reply(next(failures))

    async def scene(loaded: LoadedPlugin) -> None:
        for number in range(20):
            loaded.core.publish(a_message(payload=str(number).encode()))
        await until(lambda: len(service.asked) == 22)
        told = [int(one["payload"]) for one in bodies(service)]
        assert told == [0, 0, *range(20)]

    with WebService(answer) as service:
        play(service, scene, **RULES)


def test_a_server_that_does_not_answer_holds_up_nobody_and_fills_no_memory() -> None:
    async def scene(loaded: LoadedPlugin) -> None:
        service.may_answer.clear()
        for number in range(10):
            loaded.core.publish(a_message(payload=str(number).encode()))
        teller = loaded.plugin._teller  # type: ignore[attr-defined]
        assert (teller.metrics.queued, teller.metrics.dropped) == (4, 6)
        service.may_answer.set()
        await until(lambda: teller.metrics.success == 4)
        assert [one["payload"] for one in bodies(service)] == ["0", "1", "2", "3"]

    rule = {"web.hook.rule.message.publish.1": '{"action": "on_message_publish"}'}
    with WebService() as service:
        play(service, scene, **rule, **{"web.hook.queue.max_len": "4"})


def test_other_values_hold_at_once_and_none_leaves_a_hook_behind() -> None:
    async def scene(loaded: LoadedPlugin) -> None:
        point = loaded.core.hooks.point("message.publish")
        with pytest.raises(ExtensionError, match="cacertfile"):
            loaded.reload(web__hook__ssl__cacertfile=__file__, web__hook__url="https://localhost")
        loaded.core.publish(a_message(payload=b"before"))
        await until(lambda: service.asked)
        loaded.reload(
            web__hook__ssl__cacertfile="",
            web__hook__url=service.url("/new"),
            web__hook__headers__x_key="s3cret",
        )
        loaded.core.publish(a_message(payload=b"after"))
        await until(lambda: len(service.asked) == 2)
        assert [one.path for one in service.asked] == ["/hook", "/new"]
        assert service.asked[1].headers["x_key"] == "s3cret"
        loaded.reload(**{"web.hook.rule.message.publish.1": ""})
        assert point.callbacks == ()

    rule = {"web.hook.rule.message.publish.1": '{"action": "on_message_publish"}'}
    with WebService() as service:
        play(service, scene, **rule)


@pytest.mark.parametrize(
    ("key", "rule", "complaint"),
    [
        ("client.sneeze.1", '{"action": "on_client_sneeze"}', "there is no such event"),
        ("client.connect.1", '{"action": "on_client_connack"}', "is on_client_connect"),
        ("client.connect.1", "{", "not a rule of the web hook"),
        ("client.connect.1", '["on_client_connect"]', "not a rule"),
        (
            "message.publish.1",
            '{"action": "on_message_publish", "topic": "a/#/b"}',
            "no topic filter",
        ),
        ("message.publish.1", '{"action": "on_message_publish", "tpic": "a"}', "not a rule"),
    ],
)
def test_a_rule_that_is_none_is_refused(key: str, rule: str, complaint: str) -> None:
    plugin = a_plugin()
    with pytest.raises(ExtensionError, match=complaint):
        plugin.prepare(read_config(plugin, {f"web.hook.rule.{key}": rule}))


def test_rules_need_an_address_and_nothing_is_begun_without_rules() -> None:
    plugin = a_plugin()
    assert plugin.prepare(read_config(plugin, {"web.hook.url": ""})).rules == []
    with pytest.raises(ExtensionError, match=r"Set web\.hook\.url"):
        plugin.prepare(read_config(plugin, {**RULES, "web.hook.url": ""}))


def test_a_running_node_tells_until_the_plugin_is_unloaded_and_again_afterwards(
    make_node: MakeNode,
) -> None:
    rules = {
        f"web.hook.rule.{point}.1": f'{{"action": "on_{point.replace(".", "_")}"}}'
        for point in ("client.connected", "message.publish", "client.disconnected")
    }
    with WebService() as service:
        node = make_node(**{"web.hook.url": service.url()}, **rules)
        plugin = "/api/v4/nodes/godwit@127.0.0.1/plugins/emqx_web_hook"

        def visit(clientid: str) -> None:
            with MqttClient(node.tcp) as client:
                client.connect(clientid)
                client.send(Publish("t", clientid.encode(), 1, packet_id=1))
                client.receive()

        def told(clientid: str) -> list[str]:
            of_client = [
                one
                for one in bodies(service)
                if clientid in (one.get("clientid"), one.get("from_client_id"))
            ]
            return [one["action"] for one in of_client]

        whole = ["client_connected", "message_publish", "client_disconnected"]
        visit("first")
        eventually(lambda: told("first") == whole, "all events in order")
        assert node.api("PUT", f"{plugin}/unload").body == {"code": 0}
        visit("second")
        assert node.api("PUT", f"{plugin}/load").body == {"code": 0}
        visit("third")
        eventually(lambda: told("third") == whole, "all events in order")
        assert told("second") == []
        metrics = node.api("GET", "/api/v4/metrics").body["data"][0]["metrics"]
        assert metrics["webhook.message_publish"] == 2
    assert "Traceback" not in node.stop().log
