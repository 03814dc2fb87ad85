"""Traces of clients, topics and addresses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from app.broker.trace import FULL, Tracer, TraceSpec
from app.broker.trace_files import TraceFiles
from app.mqtt.packets import Puback, Publish, Unsubscribe
from tests.harness.playbook import Playbook, connect_packet

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d \[(debug|info)\] (\S+@\S+:\d+ )?\S.*"
)


class Traced:
    """A broker with a trace."""

    def __init__(self, folder: Path, kind: str, what: str, **changes: Any) -> None:
        self.playbook = Playbook()
        self.tracer = Tracer()
        self.path = folder / "t.log"
        now_s = self.playbook.clock.wall_ms() // 1_000
        self.spec = TraceSpec("t", kind, what, now_s, now_s + 600, self.path)._replace(**changes)
        self.max_bytes = 1_000_000

    def start(self) -> Traced:
        self.tracer.start(self.playbook.core, [self.spec], self.max_bytes)
        return self

    def lines(self) -> list[str]:
        self.tracer.flush()
        return self.path.read_text().splitlines() if self.path.exists() else []

    def is_hooked(self) -> bool:
        return bool(self.playbook.core.hooks.point("message.publish").callbacks)


@pytest.fixture
def traced(tmp_path: Path) -> Any:
    """Return a maker of traced brokers, which are stopped afterwards."""
    made: list[Traced] = []

    def make(kind: str = "clientid", what: str = "c", **changes: Any) -> Traced:
        made.append(Traced(tmp_path, kind, what, **changes))
        return made[-1].start()

    yield make
    for one in made:
        one.tracer.stop()


def has(lines: list[str], *words: str) -> bool:
    return any(all(word in line for word in words) for line in lines)


def test_a_client_is_followed_from_connect_to_its_end(traced: Any) -> None:
    trace = traced()
    client = trace.playbook.client()
    client.sends(connect_packet("c", username="u", password=b"secret"))
    client.receives()
    client.subscribes("t/1", qos=1)
    client.sends(Publish("t/1", b"hello", 1, False, False, 1))
    for packet in client.receives():
        if isinstance(packet, Publish):
            client.sends(Puback(packet.packet_id))
    client.sends(Unsubscribe(9, ("t/1",)))
    client.leaves()
    lines = trace.lines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert has(lines, "c@127.0.0.1:50000 [MQTT] RECV CONNECT(", "Username=u", "Password=******")
    assert has(lines, "SEND CONNACK(Q0, R0, D0, ReasonCode=0)")
    assert has(lines, "RECV SUBSCRIBE(", "TopicFilters=[t/1(1)]")
    assert has(lines, "RECV PUBLISH(Q1, R0, D0, Topic=t/1, Payload=hello)")
    assert has(lines, "SEND PUBLISH(", "Payload=hello")
    assert has(lines, "Acknowledged")
    assert has(lines, "RECV UNSUBSCRIBE(")
    assert has(lines, "Terminated due to normal")
    assert not has(lines, "secret")


def test_others_are_not_in_the_trace(traced: Any) -> None:
    trace = traced()
    other = trace.playbook.connect("d")
    other.subscribes("t")
    other.sends(Publish("t", b"x"))
    assert trace.lines() == []


def test_a_topic_is_followed_by_its_filter(traced: Any) -> None:
    trace = traced("topic", "a/#")
    client = trace.playbook.connect("c")
    client.subscribes("a/+")
    client.sends(Publish("a/b", b"x"), Publish("b", b"y"), Unsubscribe(1, ("a/+",)))
    client.sends(Publish("a/b", b"z"))
    lines = trace.lines()
    assert has(lines, "[info] c SUBSCRIBE a/+: Options: {qos: 0")
    assert has(lines, "[info] PUBLISH to a/b: x")
    assert has(lines, "c UNSUBSCRIBE a/+")
    assert has(lines, "Dropped (no_subscribers)", "Payload=z")
    assert not has(lines, "to b:")


def test_an_address_is_followed_whoever_comes_from_it(traced: Any) -> None:
    trace = traced("ip_address", "10.0.0.7")
    near, far = trace.playbook.connect("near"), trace.playbook.connect("far", peerhost="10.0.0.7")
    far.subscribes("t")
    near.sends(Publish("t", b"x"))
    near.sends(Publish("u", b"not for far"))
    lines = trace.lines()
    assert has(lines, "far@10.0.0.7:50000 [MQTT] SEND PUBLISH(", "Topic=t")
    assert not has(lines, "near")


def test_lines_cannot_be_made_up(traced: Any) -> None:
    trace = traced()
    client = trace.playbook.connect("c")
    client.sends(Publish("t", b"x\n2026-01-01 [debug] made up\x1b[2J"))
    lines = trace.lines()
    assert has(lines, r"Payload=x\x0a2026-01-01 [debug] made up\x1b[2J")
    assert [line for line in lines if not LINE.fullmatch(line)] == []


def test_long_payloads_are_cut(traced: Any) -> None:
    trace = traced()
    trace.playbook.connect("c").sends(Publish("t", b"x" * 1_030))
    assert has(trace.lines(), "x... and 6 bytes")


def test_a_full_file_says_so_once_and_takes_no_more(traced: Any, tmp_path: Path) -> None:
    trace = Traced(tmp_path, "clientid", "c", size=100)
    trace.max_bytes = 1_100
    trace.start()
    client = trace.playbook.connect("c")
    for _ in range(20):
        client.sends(Publish("t", b"x" * 50))
    trace.tracer.flush()
    data = trace.path.read_bytes()
    assert data.endswith(FULL) and data.count(FULL) == 1
    assert len(data) <= 1_000 + len(FULL)
    trace.tracer.stop()


def test_a_trace_begins_and_ends_by_the_clock(traced: Any) -> None:
    now_s = Playbook().clock.wall_ms() // 1_000
    trace = traced(start_s=now_s + 10, end_s=now_s + 20)
    client = trace.playbook.connect("c")
    assert not trace.is_hooked()
    trace.playbook.advance(10.5)
    assert trace.is_hooked()
    client.sends(Publish("t", b"x"))
    assert has(trace.lines(), "Payload=x")
    trace.playbook.advance(10)
    assert not trace.is_hooked()


def test_without_a_running_trace_no_hook_is_taken(traced: Any) -> None:
    trace = traced()
    second = trace.spec._replace(name="u")
    trace.tracer.add(second)
    assert trace.is_hooked()
    trace.tracer.end("t")
    assert trace.is_hooked()
    trace.tracer.end("u")
    assert not trace.is_hooked()
    trace.tracer.end("u")


def test_a_removed_trace_leaves_no_file(traced: Any) -> None:
    trace = traced()
    trace.playbook.connect("c")
    trace.tracer.remove("t", trace.path)
    trace.tracer.flush()
    assert not trace.path.exists()


def test_a_stop_ends_everything_and_keeps_the_files(traced: Any) -> None:
    trace = traced()
    trace.playbook.connect("c")
    trace.lines()
    trace.tracer.stop()
    assert not trace.is_hooked()
    assert not trace.tracer.is_running
    assert trace.path.exists()
    trace.tracer.remove("t", trace.path)
    assert not trace.path.exists()


def test_a_disk_that_refuses_costs_the_lines_only(tmp_path: Path, caplog: Any) -> None:
    files = TraceFiles()
    files.open()
    files.open()
    files.append(tmp_path / "nowhere" / "t.log", b"x")
    files.append(tmp_path / "t.log", b"y")
    files.flush()
    assert (tmp_path / "t.log").read_bytes() == b"y"
    assert "cannot be written to t.log" in caplog.text
    files.close()
    files.flush()
