"""The request world is held to its share while the broker is busy, and to nothing while it is not."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.broker.metrics import Metrics
from app.node.request_budget import BURST_S, LONGEST_WAIT_S, WINDOW_S, RequestBudget


@dataclass
class Machine:
    """Clocks that stand still until somebody computes or sleeps."""

    wall_s: float = 100.0
    broker_s: float = 0.0
    requests_s: float = 0.0
    slept: list[float] = field(default_factory=list)
    broker_share: float = 1.0
    """What the broker's thread takes of the time that passes."""

    def pass_time(self, seconds: float) -> None:
        self.wall_s += seconds
        self.broker_s += seconds * self.broker_share

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_time(seconds)

    def compute(self, seconds: float) -> None:
        self.requests_s += seconds
        self.wall_s += seconds


def a_budget(machine: Machine, share: float = 0.2) -> tuple[RequestBudget, Metrics]:
    metrics = Metrics()
    budget = RequestBudget(
        share,
        metrics,
        lambda: machine.broker_s,
        process_cpu_s=lambda: machine.broker_s + machine.requests_s,
        wall_s=lambda: machine.wall_s,
        sleep=machine.sleep,
    )
    return budget, metrics


def test_requests_beside_a_busy_broker_get_their_share_and_no_more() -> None:
    machine = Machine()
    budget, metrics = a_budget(machine, share=0.2)
    machine.pass_time(WINDOW_S)
    began_s = machine.wall_s
    for _ in range(1000):
        budget.wait()
        machine.compute(0.001)
    took_s = machine.wall_s - began_s
    assert 1.0 / took_s <= 0.2 + (BURST_S + 0.01) / took_s
    assert metrics.request_waits > 0


def test_requests_beside_an_idle_broker_never_wait() -> None:
    machine = Machine(broker_share=0.01)
    budget, metrics = a_budget(machine)
    for _ in range(1000):
        budget.wait()
        machine.compute(0.001)
    assert not machine.slept
    assert metrics.request_waits == 0


def test_a_pause_earns_a_short_burst_only() -> None:
    machine = Machine()
    budget, _ = a_budget(machine)
    machine.pass_time(60)
    budget.wait()
    machine.compute(BURST_S / 2)
    budget.wait()
    assert not machine.slept
    machine.compute(BURST_S)
    budget.wait()
    assert machine.slept


def test_one_long_request_never_makes_the_next_wait_longer_than_the_limit() -> None:
    machine = Machine()
    budget, _ = a_budget(machine)
    machine.pass_time(WINDOW_S)
    budget.wait()
    machine.compute(60)
    machine.pass_time(WINDOW_S)
    budget.wait()
    machine.pass_time(WINDOW_S)
    budget.wait()
    assert max(machine.slept, default=0.0) <= LONGEST_WAIT_S


def test_a_share_of_one_is_no_limit() -> None:
    machine = Machine()
    budget, _ = a_budget(machine, share=1.0)
    for _ in range(1000):
        budget.wait()
        machine.compute(0.001)
    assert not machine.slept


def test_the_wrapped_application_answers_after_the_wait() -> None:
    machine = Machine()
    budget, _ = a_budget(machine)
    answers = budget.wrap(lambda _environ, _start_response: [b"here"])
    assert list(answers({}, lambda _status, _headers: None)) == [b"here"]  # type: ignore[arg-type]
