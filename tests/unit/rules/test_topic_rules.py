"""Rules on the express lane: messages stay there, and nobody can tell it from the ordinary way."""

from __future__ import annotations

import sys
from contextlib import closing
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.mqtt.packets import MQTT_5, Publish, Subscribe, SubscribeFilter
from app.rules.actions.base import ActionSpec
from app.rules.engine import EngineSettings, RuleEngine
from app.rules.registry import Registry
from app.rules.rule import RuleSpec
from app.rules.sql import compile_sql
from app.rules.topic_rules import ON_LANE_MAX, TopicRules
from tests.unit.broker.wires import House, Peer

NOTHING = (ActionSpec("nothing", "do_nothing", {}),)
COPIES = ActionSpec("copies", "republish", {"target_topic": "copies", "payload_tmpl": ""})
BACK = ActionSpec("back", "republish", {"target_topic": "${topic}", "payload_tmpl": "${x}!"})
FIELDS = "timestamp, payload, event, publish_received_at, topic, qos, clientid, flags, headers"
SHOWN = RuleSpec("shown", compile_sql(f'SELECT {FIELDS}, username FROM "t/#"'), (COPIES,))
FILTER = RuleSpec(
    "filter", compile_sql('SELECT payload.x AS x FROM "t/1" WHERE payload.x > 1'), NOTHING
)
TWO_WAYS = RuleSpec(
    "two ways",
    compile_sql('FOREACH payload.l AS l DO l.x AS x, payload, upper(topic) AS t FROM "t/1", "#"'),
    (BACK, *NOTHING),
    on_action_failed="stop",
)
FAILING = RuleSpec("failing", compile_sql('SELECT 1 / qos AS x FROM "t/+"'), NOTHING)
LATE = RuleSpec(
    "late",
    compile_sql('SELECT payload.x AS x, 1 AS one FROM "t/1", "$events/delivery_dropped"'),
    (*NOTHING, ActionSpec("shows", "inspect", {})),
    on_action_failed="stop",
)
RULES = (SHOWN, FILTER, TWO_WAYS, FAILING, LATE)
COUNTS = ("matched", "passed", "failed", "exception", "no_result")


class Place:
    """A house with an engine: one publisher, and one who hears everything."""

    def __init__(self, *rules: RuleSpec, express: bool = True) -> None:
        self.house = House(zone={"max_inflight": 100})
        self.core = self.house.core
        if not express:
            self.core.hooks.point("message.acked").add(lambda *_: None)
        self.engine = RuleEngine(Registry())
        self.engine.start(self.core, EngineSettings(recorder_max_len=100), [], rules)
        self.publisher, self.subscriber = self.house.connect("p"), self.house.connect("s")
        self.subscriber.sends(Subscribe(1, (SubscribeFilter("#", qos=2),)))
        self.subscriber.receives()
        for topic in ("t/1", "t/2", "other"):
            # The second time a topic is remembered.
            self.publisher.sends(*(Publish(topic, b"{}"),) * 2)
        self.subscriber.receives()

    def close(self) -> None:
        self.engine.stop()
        self.house.close()

    def counted(self, rule: RuleSpec) -> dict[str, int]:
        metrics, _ = self.engine.figures(rule.id)
        return {name: getattr(metrics, name) for name in COUNTS}

    def heard(self) -> list[tuple[str, bytes, int]]:
        return [
            (one.topic, one.payload, one.qos)
            for one in self.subscriber.receives()
            if isinstance(one, Publish)
        ]

    def on_lane(self) -> int:
        return sum(self.core.metrics.lane_received)


def received(peer: Peer) -> bytes:
    writes, peer.transport.writes = peer.transport.writes, []
    return b"".join(writes)


MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(("t/1", "t/1", "t/2", "other")),
        st.integers(0, 2),
        st.sampled_from(
            (b'{"x":1}', b'{"x":2}', b'{"l":[{"x":3},4]}', b"no JSON", b"\xff\xfe", b"", b"[1,2]")
        ),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(RULES), unique_by=lambda rule: rule.id, min_size=1),
    st.lists(MESSAGES, min_size=1, max_size=4),
    st.lists(st.integers(0, 400), max_size=2),
)
def test_nobody_can_tell_rules_on_the_lane_from_those_of_the_ordinary_way(
    rules: list[RuleSpec], turns: list[Any], cuts: list[int]
) -> None:
    told = []
    for express in (True, False):
        with closing(Place(*rules, express=express)) as place:
            said, last_id = [], 0
            for messages in turns:
                frames = []
                for topic, qos, payload, times in messages:
                    for _ in range(times):
                        last_id += 1
                        packet = Publish(topic, payload, qos, packet_id=last_id if qos else None)
                        frames.append(packet.encode(MQTT_5))
                data = b"".join(frames)
                places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
                for start, end in pairwise(places):
                    place.publisher.sends(data[start:end])
                place.house.loop.turns(4)
                place.house.playbook.advance(1)
                said.append([received(one) for one in (place.subscriber, place.publisher)])
            counted = [place.counted(rule) for rule in rules]
            actions = [
                {
                    name: metrics.row("n")
                    for name, metrics in place.engine.figures(rule.id)[1].items()
                }
                for rule in rules
            ]
            told.append((said, counted, actions, place.core.metrics.snapshot()))
    assert told[0] == told[1]


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_messages_that_a_rule_is_about_stay_on_the_lane(qos: int) -> None:
    with closing(Place(FILTER)) as place:
        place.publisher.sends(Publish("t/1", b"{}", qos, packet_id=9 if qos else None))
        place.heard()
        before, earlier = place.on_lane(), place.counted(FILTER)
        packets = [
            Publish("t/1", b'{"x":%d}' % x, qos, packet_id=x + 1 if qos else None) for x in range(5)
        ]
        place.publisher.sends(*packets)
        assert place.on_lane() - before == 5
        assert [payload for _, payload, _ in place.heard()] == [one.payload for one in packets]
        counted = place.counted(FILTER)
        gone_up = {name: counted[name] - earlier[name] for name in COUNTS}
        assert gone_up == {"matched": 5, "passed": 3, "failed": 2, "exception": 0, "no_result": 2}


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("names", [("do_nothing",), ("inspect",), ("do_nothing", "inspect")])
def test_a_run_counts_and_does_what_its_messages_would_one_by_one(
    qos: int, names: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    actions = tuple(ActionSpec(name, name, {}) for name in names)
    rule = RuleSpec("filter", FILTER.query, actions)
    told = []
    for express in (True, False):
        with closing(Place(rule, express=express)) as place, caplog.at_level("INFO"):
            caplog.clear()
            for turn in range(3):
                packets = [
                    Publish(
                        "t/1", b'{"x":%d}' % x, qos, packet_id=10 * turn + x + 1 if qos else None
                    )
                    for x in range(6)
                ]
                place.publisher.sends(*packets)
            ways = [metrics.row("n") for metrics in place.engine.figures("filter")[1].values()]
            lines = [line.split(", event ")[0] for line in caplog.messages if "inspect" in line]
            told.append((place.counted(rule), ways, lines))
    assert told[0] == told[1]
    assert told[0][0]["passed"] == 12


@pytest.mark.parametrize("qos", [0, 1])
def test_who_does_not_publish_hears_of_a_run_in_one_go_before_any_of_it_is_acknowledged(
    qos: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []
    with closing(Place(FILTER)) as place:
        hear = TopicRules.hear

        def note(self: TopicRules, *arguments: Any) -> None:
            waits = place.publisher.connection.lane.out  # type: ignore[attr-defined]
            heard.append((list(arguments[-1]), list(waits)))
            hear(self, *arguments)

        monkeypatch.setattr(TopicRules, "hear", note)
        packets = [
            Publish("t/1", b'{"x":%d}' % x, qos, packet_id=x + 1 if qos else None) for x in range(5)
        ]
        place.publisher.sends(*packets)
    told = [payload for payloads, _ in heard for payload in payloads]
    assert told == [packet.payload for packet in packets]
    if qos:
        assert len(heard) == 1
        assert heard[0][1] == []


def test_a_rule_about_dropped_deliveries_as_well_hears_of_each_message_in_its_turn() -> None:
    with closing(Place(LATE)) as place:
        hearer = place.core.hearer_of("t/1")
        assert isinstance(hearer, TopicRules)
        assert hearer.publishes
    with closing(Place(FILTER)) as place:
        hearer = place.core.hearer_of("t/1")
        assert isinstance(hearer, TopicRules)
        assert not hearer.publishes


def test_a_message_that_is_published_again_goes_out_right_before_what_it_was_made_of() -> None:
    rule = RuleSpec("r", compile_sql('SELECT payload AS x FROM "t/1"'), (BACK,))
    with closing(Place(rule)) as place:
        place.publisher.sends(*(Publish("t/1", text) for text in (b"a", b"b")))
        assert [payload for _, payload, _ in place.heard()] == [b"a!", b"a", b"b!", b"b"]


def test_a_rule_that_comes_or_goes_holds_from_the_next_message_on() -> None:
    with closing(Place()) as place:
        place.engine.put_rule(FILTER)
        place.publisher.sends(*(Publish("t/1", b'{"x":2}'),) * 3)
        assert place.counted(FILTER)["passed"] == 3
        place.engine.record(FILTER.id, is_on=True)
        place.publisher.sends(*(Publish("t/1", b'{"x":3}'),) * 3)
        kept = place.engine.recorded(FILTER.id) or ()
        assert [row["payload"] for row in kept] == ['{"x":3}'] * 3
        assert len({row["id"] for row in kept}) == 3
        place.engine.reset_metrics(FILTER.id)
        place.publisher.sends(Publish("t/1", b'{"x":2}'))
        assert place.counted(FILTER)["passed"] == 1
        place.engine.remove_rule(FILTER.id)
        before = place.on_lane()
        place.publisher.sends(*(Publish("t/1", b'{"x":2}'),) * 3)
        place.publisher.sends(*(Publish("t/1", b'{"x":2}'),) * 3)
        assert place.on_lane() - before >= 3


def test_a_topic_of_many_rules_takes_the_ordinary_way_where_their_cost_is_spread() -> None:
    rules = [RuleSpec(f"r{n}", FILTER.query, NOTHING) for n in range(ON_LANE_MAX + 1)]
    with closing(Place(*rules)) as place:
        before = place.on_lane()
        place.publisher.sends(*(Publish("t/1", b'{"x":2}'),) * 3)
        assert place.on_lane() == before
        assert [place.counted(rule)["passed"] for rule in rules] == [3] * len(rules)


def test_a_bug_in_one_rule_reaches_neither_the_message_nor_other_rules(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = RuleSpec("other", FILTER.query, NOTHING)
    with closing(Place(FILTER, other)) as place:
        monkeypatch.setattr(place.engine._rules[FILTER.id], "metrics", None)
        place.publisher.sends(Publish("t/1", b'{"x":2}'))
        assert len(place.heard()) == 1
        assert place.counted(other)["matched"] > 0
    assert "The rule filter failed over a message on t/1" in caplog.text


def test_a_rule_about_other_topics_costs_a_topic_one_question() -> None:
    with closing(Place(FILTER)) as place:
        assert place.core.hearer_of("other") is False
        before = place.on_lane()
        place.publisher.sends(*(Publish("other", b"x"),) * 3)
        assert place.on_lane() - before == 3
        raw = b"\x00\x05other"
        assert place.core.router.by_packet[raw].hearer is None


def test_an_engine_without_a_rule_leaves_nothing_in_the_way_of_a_message() -> None:
    with closing(Place()) as place:
        core = place.core
        assert core.interests == ()
        assert core.on_publish.callbacks == ()
        assert core.express is not None
        assert all(route.hearer is None for route in core.router.by_packet.values())


def steps_of(peer: Peer, data: bytes) -> int:
    """Return how many instructions the interpreter runs for what a client sends."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        peer.connection.data_received(data)
    finally:
        sys.settrace(before)
    peer.loop.turns(2)
    return count


@pytest.mark.parametrize("qos", [0, 1])
def test_an_engine_without_a_rule_costs_not_one_instruction(qos: int) -> None:
    frame = Publish("t/1", b"x", qos, packet_id=7 if qos else None).encode(MQTT_5)
    steps = []
    for is_loaded in (True, False):
        with closing(Place()) as place:
            if not is_loaded:
                place.engine.stop()
            place.publisher.sends(frame)
            steps.append(steps_of(place.publisher, frame))
    assert steps[0] == steps[1]
