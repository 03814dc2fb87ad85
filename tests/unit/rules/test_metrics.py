"""Counters and speeds."""

from __future__ import annotations

from app.rules.metrics import SAMPLES_KEPT, ActionMetrics, RuleMetrics, Speed


def test_a_speed_is_what_was_counted_since_the_sample_before() -> None:
    speed = Speed()
    speed.sample(100, 10.0)
    assert (speed.current, speed.highest, speed.last5m) == (10.0, 10.0, 10.0)
    speed.sample(120, 10.0)
    assert (speed.current, speed.highest, speed.last5m) == (2.0, 10.0, 6.0)


def test_the_mean_forgets_what_is_older_than_five_minutes() -> None:
    speed = Speed()
    speed.sample(1_000, 10.0)
    for _ in range(SAMPLES_KEPT):
        speed.sample(1_000, 10.0)
    assert (speed.highest, speed.last5m) == (100.0, 0.0)


def test_the_figures_of_a_rule_have_the_words_and_types_that_exporters_read() -> None:
    metrics = RuleMetrics()
    metrics.matched = 3
    row = metrics.row("n@h")
    assert row == {
        "node": "n@h",
        "matched": 3,
        "passed": 0,
        "failed": 0,
        "exception": 0,
        "no_result": 0,
        "speed": 0.0,
        "speed_max": 0.0,
        "speed_last5m": 0.0,
    }
    assert all(isinstance(row[name], float) for name in row if name.startswith("speed"))


def test_an_action_that_counts_anew_still_knows_what_waits() -> None:
    metrics = ActionMetrics()
    metrics.taken = metrics.success = metrics.queued = 2
    metrics.reset()
    assert metrics.row("n") == {
        "node": "n",
        "taken": 0,
        "success": 0,
        "failed": 0,
        "retried": 0,
        "dropped": 0,
        "queued": 2,
        "recovered": 0,
        "dead_letters": 0,
    }
