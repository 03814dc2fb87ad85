"""How a node fared is kept across restarts, at three resolutions that cannot grow, on every database."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from app.clock import FakeClock
from app.errors import ServiceError
from app.models import Database, HistorySample
from app.services.history import COUNTERS, GAUGES, LEVELS, NAMES, HistoryService
from app.services.nodes import UnknownNode
from tests.harness.fake_nodes import NODE, FakeNode, FakeNodes

HOUR_S = 3_600


class Process:
    """One run of the node: its counters begin at zero."""

    def __init__(self, database: Database, clock: FakeClock, node: FakeNode | None = None) -> None:
        self.node = node or FakeNode()
        self.node.metric_values = {name: 0 for of in COUNTERS.values() for name in of}
        self.node.stat_values = dict.fromkeys(GAUGES.values(), 0)
        self.clock = clock
        self.cpu_s = 1.5
        self.history = HistoryService(
            database, FakeNodes(self.node), clock, 10, cpu_s=lambda: self.cpu_s
        )

    def live(self, seconds: float, messages: int = 0, connections: int = 0) -> None:
        self.clock.advance(seconds)
        self.node.metric_values["messages.received"] += messages
        self.node.stat_values["live_connections.count"] = connections
        self.history.sample()


@pytest.fixture
def clock() -> FakeClock:
    clock = FakeClock()
    # To the beginning of a period of every level.
    clock.advance(1_800 - clock.wall_ms() % 1_800_000 / 1000)
    return clock


def test_the_latest_is_what_was_written_last_unless_that_is_long_ago(
    database: Database, clock: FakeClock
) -> None:
    process = Process(database, clock)
    assert process.history.latest(["messages_received"]) == {}
    process.live(10, messages=100)
    process.live(10, messages=500, connections=7)
    names = ("messages_received", "connections")
    assert process.history.latest(names) == {"messages_received": 50, "connections": 7}
    clock.advance(60)
    assert process.history.latest(names) == {}


def test_a_sample_shows_rates_means_and_the_processor(database: Database, clock: FakeClock) -> None:
    process = Process(database, clock)
    process.cpu_s += 2.5
    process.node.metric_values["messages.dropped"] = 10
    process.node.metric_values["delivery.dropped"] = 30
    process.live(10, messages=500, connections=7)
    found = process.history.series(NAMES, "1h")
    assert (found.node, found.span, found.period_s) == (NODE, "1h", 10)
    assert found.at_ms == [clock.wall_ms()]
    assert found.values["messages_received"] == [50]
    assert found.values["messages_dropped"] == [4]
    assert found.values["connections"] == [7]
    assert found.values["cpu"] == [25]
    (memory,) = found.values["memory"]
    assert memory is not None and memory > 1_000_000
    assert all(len(points) == 1 for points in found.values.values())


def test_samples_of_one_period_are_one_point_of_each_coarser_level(
    database: Database, clock: FakeClock
) -> None:
    process = Process(database, clock)
    for connections in (1, 2, 3):
        process.live(10, messages=100, connections=connections)
    names = ["messages_received", "connections"]
    fine = process.history.series(names, "1h").values
    assert fine == {"messages_received": [10, 10, 10], "connections": [1, 2, 3]}
    for span in ("24h", "30d"):
        coarse = process.history.series(names, span).values
        assert coarse == {"messages_received": [10], "connections": [2]}


def test_a_restart_continues_the_period_and_shows_no_fall_of_counters(
    database: Database, clock: FakeClock
) -> None:
    first = Process(database, clock)
    first.live(10, messages=1_000)
    second = Process(database, clock)
    second.live(10, messages=500)
    second.live(10, messages=500)
    assert second.history.series(["messages_received"], "1h").values["messages_received"] == [
        100,
        50,
        50,
    ]
    (rate,) = second.history.series(["messages_received"], "24h").values["messages_received"]
    assert rate == pytest.approx(2_000 / 30, abs=0.01)


def test_a_time_when_the_node_was_away_is_a_hole(database: Database, clock: FakeClock) -> None:
    Process(database, clock).live(10, connections=5)
    clock.advance(600)
    process = Process(database, clock)
    process.live(10, connections=6)
    found = process.history.series(["connections"], "1h")
    assert found.values["connections"] == [5, None, 6]
    assert found.at_ms[1] == found.at_ms[0] + 10_000
    assert found.at_ms[2] == found.at_ms[0] + 610_000


def test_a_counter_that_was_set_back_counts_from_zero(database: Database, clock: FakeClock) -> None:
    process = Process(database, clock)
    process.live(10, messages=1_000)
    process.node.metric_values["messages.received"] = 0
    process.live(10, messages=30)
    assert process.history.series(["messages_received"], "1h").values["messages_received"] == [
        100,
        3,
    ]


def test_rings_hold_no_more_than_their_rows(database: Database, clock: FakeClock) -> None:
    process = Process(database, clock)
    process.live(10, connections=1)
    # As far ahead as brings every level to the very place of the ring that it began with.
    clock.advance(30 * 24 * HOUR_S - 10)
    process.live(10, connections=9)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(HistorySample)) == len(LEVELS)
    assert process.history.series(["connections"], "30d").values["connections"] == [9]


def test_what_left_its_span_is_not_shown_and_is_swept_away(
    database: Database, clock: FakeClock
) -> None:
    gone = Process(database, clock, FakeNode(name="old@h"))
    gone.live(10, connections=1)
    clock.advance(2 * HOUR_S)
    assert gone.history.series(["connections"], "1h").at_ms == []
    Process(database, clock).history.sweep_expired()
    with database.reading() as session:
        left = session.scalars(select(HistorySample.period_s)).all()
    assert sorted(left) == [60, 1_800]
    clock.advance(31 * 24 * HOUR_S)
    Process(database, clock).history.sweep_expired()
    with database.reading() as session:
        assert session.scalars(select(HistorySample.period_s)).all() == []


def test_a_sample_that_could_not_be_written_is_part_of_the_next(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process(database, clock)
    with monkeypatch.context() as broken:
        broken.setattr(type(database), "session", lambda _self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            process.live(10, messages=100)
    process.live(10, messages=100)
    assert process.history.series(["messages_received"], "1h").values["messages_received"] == [10]


@pytest.mark.parametrize(("names", "span"), [(["uptime"], "1h"), (["cpu"], "2h"), (["cpu"], "")])
def test_a_name_or_span_that_is_none_is_refused(
    database: Database, clock: FakeClock, names: list[str], span: str
) -> None:
    with pytest.raises(ServiceError):
        Process(database, clock).history.series(names, span)


def test_a_node_that_there_is_not_is_refused(database: Database, clock: FakeClock) -> None:
    with pytest.raises(UnknownNode):
        Process(database, clock).history.series(["cpu"], "1h", node="nobody@h")
