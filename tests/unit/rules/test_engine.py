"""The engine over a broker in memory: which rules a message concerns, and what they count."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.broker.hooks import Stop
from app.mqtt.packets import Disconnect, Puback, Publish, Subscribe, SubscribeFilter, Unsubscribe
from app.mqtt.properties import Properties
from app.rules.actions.base import ActionSpec
from app.rules.engine import EngineSettings, RuleEngine
from app.rules.errors import BadArguments
from app.rules.metrics import SAMPLE_EVERY_S
from app.rules.outbox.file import FILE, Outbox
from app.rules.registry import Registry
from app.rules.resources.base import ResourceSpec
from app.rules.resources.bridge_mqtt import BRIDGE_MQTT
from app.rules.rule import MAX_RESULTS, RuleSpec
from app.rules.sql import compile_sql
from tests.harness.playbook import Playbook

NOTHING = ActionSpec("do_nothing_1", "do_nothing", {})
HOOKS = (
    "message.publish",
    "message.dropped",
    "client.connect",
    "client.connected",
    "session.subscribed",
)


def republish(topic: str, action_id: str = "republish_1", **params: Any) -> ActionSpec:
    return ActionSpec(action_id, "republish", {"target_topic": topic, **params})


def a_rule(sql: str, *actions: ActionSpec, rule_id: str = "r", **more: Any) -> RuleSpec:
    return RuleSpec(rule_id, compile_sql(sql), actions or (NOTHING,), **more)


class Setup:
    """An engine that runs."""

    def __init__(self, *rules: RuleSpec, **settings: Any) -> None:
        self.playbook = Playbook()
        hooks = self.playbook.core.hooks
        self.others = {name: len(hooks.point(name).callbacks) for name in HOOKS}
        self.engine = RuleEngine(Registry())
        self.engine.start(self.playbook.core, EngineSettings(**settings), [], rules)
        self.client = self.playbook.connect("c", username="u")

    def publish(self, topic: str, payload: bytes = b"x", qos: int = 0) -> None:
        self.client.sends(Publish(topic, payload, qos, packet_id=1 if qos else None))

    def subscribe(self, *filters: str) -> None:
        self.client.sends(Subscribe(9, tuple(SubscribeFilter(one, 2) for one in filters)))
        self.client.receives()

    def received(self) -> list[tuple[str, bytes, int, bool]]:
        return [
            (one.topic, one.payload, one.qos, one.retain)
            for one in self.client.receives()
            if isinstance(one, Publish)
        ]

    def counted(self, rule_id: str = "r") -> Mapping[str, Any]:
        metrics, _ = self.engine.figures(rule_id)
        names = ("matched", "passed", "failed", "exception", "no_result")
        return {name: getattr(metrics, name) for name in names if getattr(metrics, name)}

    def taken(self, action_id: str, rule_id: str = "r") -> tuple[int, int, int]:
        metrics = self.engine.figures(rule_id)[1][action_id]
        return metrics.taken, metrics.success, metrics.failed

    def hooked(self) -> list[str]:
        hooks = self.playbook.core.hooks
        return [name for name in HOOKS if len(hooks.point(name).callbacks) > self.others[name]]


def test_a_message_concerns_the_rules_whose_filters_match() -> None:
    setup = Setup(
        a_rule('SELECT * FROM "a/+", "a/b"', rule_id="both"),
        a_rule('SELECT * FROM "#"', rule_id="all"),
        a_rule('SELECT * FROM "b"', rule_id="other"),
        a_rule('SELECT * FROM "a/b"', rule_id="off", enabled=False),
    )
    setup.publish("a/b")
    setup.publish("a/b")
    counted = {one: setup.counted(one).get("matched", 0) for one in ("both", "all", "other", "off")}
    assert counted == {"both": 2, "all": 2, "other": 0, "off": 0}


def test_what_becomes_of_a_message_is_counted() -> None:
    setup = Setup(a_rule('SELECT payload.x AS x FROM "t" WHERE x > 1'))
    setup.publish("t", b'{"x": 2}')
    setup.publish("t", b'{"x": 1}')
    setup.publish("t", b"no JSON")
    assert setup.counted() == {
        "matched": 3,
        "passed": 1,
        "failed": 2,
        "exception": 1,
        "no_result": 1,
    }
    assert setup.taken("do_nothing_1") == (1, 1, 0)
    setup.engine.reset_metrics("r")
    assert setup.counted() == {}


def test_actions_are_taken_for_each_element_and_the_rule_passes_once() -> None:
    setup = Setup(a_rule('FOREACH payload.l DO item FROM "t"'))
    setup.publish("t", b'{"l": [1, 2, 3]}')
    assert setup.counted() == {"matched": 1, "passed": 1}
    assert setup.taken("do_nothing_1") == (3, 3, 0)


def test_a_message_of_too_many_results_fails() -> None:
    setup = Setup(a_rule('FOREACH payload.l DO item FROM "t"'))
    setup.publish("t", b'{"l": [' + b"0," * MAX_RESULTS + b"0]}")
    assert setup.counted() == {"matched": 1, "failed": 1, "exception": 1}
    setup.publish("t", b'{"l": [' + b"0," * 10 + b"0]}")
    assert setup.taken("do_nothing_1") == (11, 11, 0)


def test_hooks_are_joined_only_while_a_rule_needs_them() -> None:
    setup = Setup()
    assert setup.hooked() == []
    assert setup.playbook.core.express is not None
    message = a_rule('SELECT * FROM "t"', rule_id="m")
    event = a_rule('SELECT * FROM "$events/client_connected"', rule_id="e")
    setup.engine.put_rule(message)
    assert setup.hooked() == ["message.publish"]
    setup.engine.put_rule(event)
    assert sorted(setup.hooked()) == ["client.connect", "client.connected", "message.publish"]
    setup.engine.put_rule(a_rule('SELECT * FROM "t"', rule_id="m", enabled=False))
    assert sorted(setup.hooked()) == ["client.connect", "client.connected"]
    setup.engine.remove_rule("e")
    setup.engine.remove_rule("e")
    assert setup.hooked() == []
    assert setup.playbook.core.express is not None


def test_a_rule_hears_of_events() -> None:
    setup = Setup(
        a_rule('SELECT * FROM "$events/session_subscribed"', rule_id="s"),
        a_rule('SELECT * FROM "$events/message_dropped", "t"', rule_id="d"),
    )
    setup.subscribe("t")
    assert setup.counted("s") == {"matched": 1, "passed": 1}
    setup.publish("nobody")
    setup.publish("t")
    assert setup.counted("d") == {"matched": 2, "passed": 2}


def test_what_the_broker_says_of_itself_concerns_rules_only_where_it_should() -> None:
    for ignored in (True, False):
        setup = Setup(a_rule('SELECT * FROM "$SYS/#"'), ignore_sys_message=ignored)
        setup.playbook.core.alarms.activate("a", "m", {})
        assert bool(setup.counted()) is not ignored


def test_events_become_messages_where_they_should() -> None:
    setup = Setup(event_messages={"client.connected": 1, "message.delivered": 0})
    setup.subscribe("$events/#", "t")
    setup.playbook.connect("other")
    ((topic, payload, qos, _retain),) = setup.received()
    assert (topic, qos) == ("$events/client_connected", 1)
    assert orjson.loads(payload)["clientid"] == "other"
    setup.publish("t", b"\xff")
    told = {topic for topic, *_ in setup.received()}
    assert told == {"t", "$events/message_delivered"}
    setup.engine.stop()
    assert setup.hooked() == []


def test_that_the_broker_spoke_of_itself_is_no_event_of_a_rule() -> None:
    for ignored in (True, False):
        rule = a_rule('SELECT * FROM "$events/message_delivered"')
        setup = Setup(rule, ignore_sys_message=ignored)
        setup.subscribe("$SYS/#")
        setup.playbook.core.alarms.activate("a", "m", {})
        assert bool(setup.counted()) is not ignored


def test_a_result_is_published_anew() -> None:
    action = republish(
        "out/${x}", target_qos=-1, target_retain="${flags.retain}", payload_tmpl="${topic}"
    )
    setup = Setup(a_rule('SELECT payload.x AS x, topic, flags FROM "t"', action))
    setup.subscribe("out/#")
    setup.publish("t", b'{"x": "a"}', qos=1)
    assert setup.received() == [("out/a", b"t", 1, False)]
    assert setup.taken("republish_1") == (1, 1, 0)


@pytest.mark.parametrize(
    ("action", "why"),
    [
        (republish("out/${nasty}"), "a wildcard"),
        (republish("o", target_qos="${x}"), "no quality of service"),
    ],
)
def test_a_result_that_makes_no_message_has_failed(action: ActionSpec, why: str) -> None:
    setup = Setup(a_rule('SELECT payload.nasty AS nasty, 7 AS x FROM "t"', action))
    setup.publish("t", b'{"nasty": "#"}')
    assert setup.taken("republish_1") == (1, 0, 1), why


def test_a_message_that_comes_back_to_its_action_is_stopped() -> None:
    setup = Setup(a_rule('SELECT * FROM "t/#"', republish("t/again")))
    setup.subscribe("t/again")
    setup.publish("t/1")
    assert len(setup.received()) == 1
    assert setup.taken("republish_1") == (2, 1, 1)


def test_rules_that_cause_each_other_come_to_an_end() -> None:
    setup = Setup(
        a_rule('SELECT * FROM "a"', republish("b", "republish_1"), rule_id="a"),
        a_rule('SELECT * FROM "b"', republish("a", "republish_2"), rule_id="b"),
    )
    setup.publish("a")
    assert setup.taken("republish_1", "a") == (2, 1, 1)
    chain = [
        a_rule(f'SELECT * FROM "n/{n}"', republish(f"n/{n + 1}", f"republish_{n}"), rule_id=str(n))
        for n in range(20)
    ]
    long = Setup(*chain)
    long.publish("n/0")
    assert long.taken("republish_16", "16") == (1, 0, 1)
    assert long.counted("17") == {}


def test_a_rule_that_changes_keeps_what_it_has_counted_and_actions_that_stay_keep_theirs() -> None:
    setup = Setup(a_rule('SELECT * FROM "t"'))
    setup.publish("t")
    other = ActionSpec("do_nothing_2", "do_nothing", {})
    setup.engine.put_rule(a_rule('SELECT * FROM "u"', NOTHING, other))
    setup.publish("u")
    assert setup.counted() == {"matched": 2, "passed": 2}
    assert setup.taken("do_nothing_1") == (2, 2, 0)
    assert setup.taken("do_nothing_2") == (1, 1, 0)


def test_speeds_are_sampled() -> None:
    setup = Setup(a_rule('SELECT * FROM "t"'))
    for _ in range(20):
        setup.publish("t")
    setup.playbook.advance(SAMPLE_EVERY_S + 1)
    assert setup.engine.figures("r")[0].speed.current == 2.0


def test_a_stopped_engine_hears_nothing_and_can_start_again() -> None:
    setup = Setup(a_rule('SELECT * FROM "t"'))
    setup.engine.stop()
    setup.engine.stop()
    assert setup.hooked() == []
    assert not setup.engine.is_running
    setup.engine.start(setup.playbook.core, EngineSettings(), [], [a_rule('SELECT * FROM "t"')])
    setup.publish("t")
    assert setup.counted() == {"matched": 1, "passed": 1}


def test_an_action_rests_while_its_plugin_is_not_loaded() -> None:
    hook = ActionSpec("w", "data_to_webserver", {"$resource": "resource:1"})
    setup = Setup(a_rule('SELECT * FROM "t"', hook))
    setup.publish("t")
    assert setup.taken("w") == (1, 0, 1)
    assert not setup.engine.resources.is_alive("resource:1")
    setup.engine.registry.provide("emqx_web_hook")
    with pytest.raises(BadArguments):
        setup.engine.resources.put(ResourceSpec("resource:1", "web_hook", {"url": "no url"}))


def test_resources_are_counted_while_the_engine_runs() -> None:
    setup = Setup()
    core = setup.playbook.core
    assert setup.playbook.broker.stats.snapshot()["resources.count"] == 0
    core.gauges["resources"] = lambda: 3
    assert setup.playbook.broker.stats.snapshot()["resources.count"] == 3
    setup.engine.stop()
    assert setup.playbook.broker.stats.snapshot()["resources.count"] == 0
    assert setup.playbook.broker.stats.snapshot()["resources.max"] == 3


def test_a_rule_about_connections_hears_what_connect_said_but_no_password() -> None:
    sql = 'SELECT conn_props FROM "$events/client_connected"'
    setup = Setup(a_rule(sql, republish("out", payload_tmpl="${conn_props}")))
    setup.subscribe("out")
    properties: Properties = {"user_property": (("a", "b"),), "session_expiry_interval": 7}
    setup.playbook.connect("other", properties=properties)
    ((_topic, payload, _qos, _retain),) = setup.received()
    assert orjson.loads(payload) == {
        "User-Property": {"a": "b"},
        "User-Property-Pairs": [{"key": "a", "value": "b"}],
        "Session-Expiry-Interval": 7,
    }


@pytest.mark.parametrize(
    ("event", "column"),
    [
        ("message_acked", "puback_props"),
        ("client_disconnected", "disconn_props"),
        ("session_subscribed", "sub_props"),
        ("session_unsubscribed", "unsub_props"),
    ],
)
def test_a_rule_hears_what_a_client_said_with_a_packet(event: str, column: str) -> None:
    sql = f"SELECT {column} FROM \"$events/{event}\" WHERE clientid = 'other'"
    setup = Setup(a_rule(sql, republish("out", payload_tmpl=f"${{{column}}}")))
    setup.subscribe("out")
    said: Properties = {"user_property": (("of", event),)}
    other = setup.playbook.connect("other")
    other.sends(Subscribe(1, (SubscribeFilter("t", 1),), said))
    setup.playbook.publish("t", b"m", 1)
    other.sends(Puback(1, properties=said))
    other.sends(Unsubscribe(2, ("t",), said))
    other.sends(Disconnect(properties=said))
    ((_topic, payload, _qos, _retain),) = setup.received()
    assert orjson.loads(payload)["User-Property"] == {"of": event}


def test_a_rule_is_told_which_verdicts_were_remembered() -> None:
    sql = "SELECT is_cache FROM \"$events/client_check_acl_complete\" WHERE clientid = 'other'"
    setup = Setup(a_rule(sql, republish("out", payload_tmpl="${is_cache}")))
    setup.playbook.always("client.check_acl", Stop(True))
    setup.subscribe("out")
    other = setup.playbook.connect("other")
    other.sends(Publish("t", b"1", 0))
    other.sends(Publish("t", b"2", 0))
    assert [payload for _topic, payload, *_ in setup.received()] == [b"false", b"true"]


def test_a_rule_hears_of_verdicts_where_nothing_else_asks_for_them() -> None:
    sql = "SELECT action FROM \"$events/client_check_acl_complete\" WHERE clientid = 'other'"
    setup = Setup(a_rule(sql, republish("out", payload_tmpl="${action} ${nothing}")))
    setup.subscribe("out")
    other = setup.playbook.connect("other")
    other.sends(Publish("t", b"1", 0))
    other.sends(Subscribe(1, (SubscribeFilter("t", 1),)))
    heard = [payload for _topic, payload, *_ in setup.received()]
    assert heard == [b"publish undefined", b"subscribe undefined"]
    setup.engine.remove_rule("r")
    assert not setup.playbook.core.on_check_acl.callbacks


def test_what_a_statement_keeps_for_a_connection_is_for_all_rules_and_ends_with_it() -> None:
    put = "SELECT proc_dict_put('n', payload) AS before FROM \"put\""
    get = "SELECT proc_dict_get('n') AS n FROM \"get\""
    setup = Setup(
        a_rule(put, rule_id="put"),
        a_rule(get, republish("out", payload_tmpl="${n}"), rule_id="get"),
    )
    setup.subscribe("out")
    setup.publish("put", b"kept")
    setup.publish("get")
    assert [payload for _, payload, _, _ in setup.received()] == [b"kept"]
    setup.client.crashes()
    setup.playbook.advance(20)
    setup.client = setup.playbook.connect("c")
    setup.subscribe("out")
    setup.publish("get")
    assert [payload for _, payload, _, _ in setup.received()] == [b"undefined"]


def test_a_rule_records_while_it_is_told_to_and_no_more_than_it_may() -> None:
    setup = Setup(a_rule('SELECT * FROM "t"', enabled=False), recorder_max_len=2)
    setup.publish("t", b"before")
    assert setup.engine.recorded("r") is None
    setup.engine.record("r", is_on=True)
    for payload in (b"1", b"2", b"3"):
        setup.publish("t", payload)
    setup.engine.put_rule(a_rule('SELECT * FROM "t"', enabled=True))
    recorded = setup.engine.recorded("r") or ()
    assert [one["payload"] for one in recorded] == ["2", "3"]
    assert setup.counted() == {}
    setup.publish("t", b"4")
    assert setup.counted() == {"matched": 1, "passed": 1}
    setup.engine.record("r", is_on=False)
    assert setup.engine.recorded("r") is None


def test_a_recorder_that_is_off_records_nothing() -> None:
    setup = Setup(a_rule('SELECT * FROM "t"'))
    with pytest.raises(BadArguments, match="recorder_is_off"):
        setup.engine.record("r", is_on=True)
    with pytest.raises(BadArguments, match="rule_does_not_run"):
        setup.engine.record("other", is_on=True)


def test_who_publishes_waits_until_results_are_on_disk_where_they_have_to_be(
    tmp_path: Path,
) -> None:
    async def play() -> None:
        playbook, registry, outbox = Playbook(), Registry(), Outbox(tmp_path / FILE)
        registry.provide("emqx_web_hook")
        outbox.open()
        engine = RuleEngine(registry, outbox)
        params = {"$resource": "w", "disk_cache": True}
        rules = [
            a_rule('SELECT * FROM "kept"', ActionSpec("a", "data_to_webserver", params)),
            a_rule('SELECT * FROM "other"', rule_id="other"),
        ]
        engine.start(playbook.core, EngineSettings(), [], rules)
        gate, client = playbook.core.storage, playbook.connect("c")
        before = gate.mark
        client.sends(Publish("other", b"x", 1, packet_id=1))
        assert gate.mark == before
        client.sends(Publish("kept", b"x", 1, packet_id=2))
        assert (gate.mark, gate.safe) == (before + 1, before)
        assert client.wire.waits_for == gate.mark
        assert engine.figures("r")[1]["a"].queued == 0
        async with asyncio.timeout(10):
            while gate.safe < gate.mark:  # noqa: ASYNC110 - who waits is a test
                await asyncio.sleep(0.001)
        engine.stop()
        outbox.close()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("resource", "action", "is_kept"),
    [("on", {}, True), ("off", {}, False), ("on", {"disk_cache": False}, False)],
)
def test_a_bridge_may_have_results_wait_on_disk_where_the_action_does_not_say(
    tmp_path: Path, resource: str, action: dict[str, bool], is_kept: bool
) -> None:
    async def nobody(*_where: object, **_how: object) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    async def play() -> None:
        loop = asyncio.get_running_loop()
        loop.create_connection = nobody  # type: ignore[method-assign, assignment]
        playbook, registry, outbox = Playbook(), Registry(), Outbox(tmp_path / FILE)
        registry.provide("emqx_bridge_mqtt")
        outbox.open()
        engine = RuleEngine(registry, outbox)
        config = BRIDGE_MQTT.checked({"address": "h", "pool_size": 1, "disk_cache": resource})
        bridge = ResourceSpec("b", "bridge_mqtt", config)
        spec = ActionSpec("a", "data_to_mqtt_broker", {"$resource": "b", **action})
        rules = [a_rule('SELECT * FROM "t"', spec)]
        engine.start(playbook.core, EngineSettings(), [bridge], rules)
        client = playbook.connect("c")
        before = getattr(playbook.core.storage, "mark", 0)
        client.sends(Publish("t", b"x", 1, packet_id=1))
        assert (getattr(playbook.core.storage, "mark", 0) > before) == is_kept
        engine.stop()
        outbox.close()
        await asyncio.sleep(0)

    asyncio.run(play())


def test_what_waits_for_an_action_that_is_removed_becomes_a_dead_letter(tmp_path: Path) -> None:
    async def play() -> None:
        playbook, registry, outbox = Playbook(), Registry(), Outbox(tmp_path / FILE)
        registry.provide("emqx_web_hook")
        outbox.open()
        engine = RuleEngine(registry, outbox)
        kept = ActionSpec("a", "data_to_webserver", {"$resource": "w", "disk_cache": True})
        engine.start(playbook.core, EngineSettings(), [], [a_rule('SELECT * FROM "t"', kept)])
        client = playbook.connect("c")
        client.sends(Publish("t", b"x"))
        engine.put_rule(a_rule('SELECT * FROM "t"'))
        async with asyncio.timeout(10):
            while not (letters := outbox.read_dead("r", 0, 10)):  # noqa: ASYNC110 - who waits is a test
                await asyncio.sleep(0.001)
        (letter,) = letters
        assert letter.reason == "the action is there no more"
        assert engine.replay([letter]) == 0
        engine.stop()
        outbox.close()

    asyncio.run(play())
