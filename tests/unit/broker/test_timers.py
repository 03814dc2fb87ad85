"""The timer wheel: everything fires once, never early, at most one tick late."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.broker.timers import RESOLUTION_S, TimerWheel


def test_a_timer_fires_on_the_first_tick_at_its_time() -> None:
    wheel, fired = TimerWheel(100.0), []
    wheel.after(100.0, 1.0, lambda: fired.append(1))
    wheel.advance(100.75)
    assert fired == []
    wheel.advance(101.0)
    assert fired == [1]


def test_a_timer_fires_once() -> None:
    wheel, fired = TimerWheel(0.0), []
    wheel.after(0.0, 1.0, lambda: fired.append(1))
    for now_s in (2.0, 3.0, 4.0):
        wheel.advance(now_s)
    assert fired == [1]


def test_a_cancelled_timer_stays_silent_and_cancelling_again_is_no_error() -> None:
    wheel, fired = TimerWheel(0.0), []
    timer = wheel.after(0.0, 1.0, lambda: fired.append(1))
    timer.cancel()
    timer.cancel()
    wheel.advance(5.0)
    assert fired == []


def test_timers_fire_in_the_order_of_their_times() -> None:
    wheel, fired = TimerWheel(0.0), []
    for delay_s in (3.0, 1.0, 2.0):
        wheel.after(0.0, delay_s, lambda delay_s=delay_s: fired.append(delay_s))
    wheel.advance(10.0)
    assert fired == [1.0, 2.0, 3.0]


def test_a_timer_may_cancel_another_of_the_same_tick() -> None:
    wheel, fired = TimerWheel(0.0), []
    timers = []
    wheel.after(0.0, 1.0, lambda: [timer.cancel() for timer in timers])
    timers.append(wheel.after(0.0, 1.0, lambda: fired.append(2)))
    wheel.advance(2.0)
    assert fired == []


def test_a_timer_may_cancel_another_that_is_due_in_the_same_turn() -> None:
    wheel, fired = TimerWheel(0.0), []
    timers = []
    wheel.after(0.0, 1.0, lambda: [timer.cancel() for timer in timers])
    timers.append(wheel.after(0.0, 2.0, lambda: fired.append(2)))
    wheel.advance(5.0)
    assert fired == []


def test_a_timer_may_arm_itself_again_without_holding_up_the_turn() -> None:
    wheel, fired = TimerWheel(0.0), []

    def again() -> None:
        fired.append(1)
        wheel.after(0.0, 0.0, again)

    again()
    wheel.advance(RESOLUTION_S)
    assert len(fired) == 2
    wheel.advance(2 * RESOLUTION_S)
    assert len(fired) == 3


def test_a_failing_timer_is_logged_and_does_not_stop_the_others(caplog) -> None:
    wheel, fired = TimerWheel(0.0), []
    wheel.after(0.0, 1.0, lambda: 1 / 0)
    wheel.after(0.0, 1.0, lambda: fired.append(1))
    wheel.advance(2.0)
    assert fired == [1]
    assert "A timer failed" in caplog.text


def test_a_clock_that_stands_still_or_runs_back_fires_nothing() -> None:
    wheel, fired = TimerWheel(100.0), []
    wheel.after(100.0, 1.0, lambda: fired.append(1))
    wheel.advance(100.0)
    wheel.advance(50.0)
    assert fired == []
    wheel.advance(101.0)
    assert fired == [1]


@pytest.mark.parametrize("jump_s", [3600.0, 30 * 86_400.0])
def test_a_long_sleep_of_the_machine_costs_no_walk_over_every_tick(jump_s: float) -> None:
    wheel, fired = TimerWheel(0.0), []
    wheel.after(0.0, 1.0, lambda: fired.append(1))
    wheel.advance(jump_s)
    assert fired == [1]
    assert not wheel._buckets


times = st.integers(0, 4_000).map(lambda ms: ms / 1000)


@given(st.lists(st.tuples(times, times, st.booleans()), max_size=30))
def test_a_wheel_agrees_with_a_list_of_times(steps: list[tuple[float, float, bool]]) -> None:
    now_s = 1_000.0
    wheel = TimerWheel(now_s)
    fired: list[int] = []
    due: dict[int, float] = {}
    timers = {}
    for number, (wait_s, delay_s, cancel_first) in enumerate(steps):
        if cancel_first and due:
            oldest = next(iter(due))
            timers[oldest].cancel()
            del due[oldest]
        timers[number] = wheel.after(now_s, delay_s, lambda number=number: fired.append(number))
        tick = math.ceil((now_s + delay_s) / RESOLUTION_S)
        due[number] = max(tick, int(now_s / RESOLUTION_S) + 1)
        now_s += wait_s
        fired.clear()
        wheel.advance(now_s)
        expected = [one for one, at in due.items() if at <= int(now_s / RESOLUTION_S)]
        assert sorted(fired) == expected
        assert [due[one] for one in fired] == sorted(due[one] for one in fired)
        for one in expected:
            del due[one]
