"""Hook points: order, answers, failures."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from typing import Any

import pytest

from app.broker.hooks import HOOK_POINTS, HookFailed, HookPoint, HookPointSpec, Hooks, Ok, Stop
from tests.harness.playbook import Later


async def patient(_point: str, answer: Awaitable[Any]) -> Any:
    """Wait as long as it takes."""
    return await answer


async def impatient(_point: str, _answer: Awaitable[Any]) -> Any:
    raise TimeoutError


def point(*callbacks: Any, strict: bool = False, in_time: Any = patient) -> HookPoint:
    spec = HookPointSpec("test", ("value",), folds=True, may_wait=True, strict=strict)
    made = HookPoint(spec, Hooks(in_time))
    for callback in callbacks:
        made.add(callback)
    return made


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


def fails(*_: object) -> None:
    raise RuntimeError("a bug in a plugin")


def test_a_point_that_nobody_declared_cannot_be_used() -> None:
    with pytest.raises(KeyError):
        Hooks(patient).point("client.conected")


def test_names_are_declared_once() -> None:
    names = [spec.name for spec in HOOK_POINTS]
    assert len(names) == len(set(names))


def test_higher_priority_runs_first_and_equal_ones_in_the_order_they_came() -> None:
    ran: list[str] = []
    made = point()
    for name, priority in (("a", 0), ("b", -1), ("c", 1000), ("d", 0)):
        made.add(lambda name=name: ran.append(name), priority)
    made.run()
    assert ran == ["c", "a", "d", "b"]


def test_the_order_holds_when_callbacks_come_and_go() -> None:
    ran: list[str] = []
    made = point()
    callbacks = {name: lambda name=name: ran.append(name) for name in "abcd"}
    for name in "abc":
        made.add(callbacks[name])
    made.remove(callbacks["a"])
    made.add(callbacks["d"])
    made.remove(callbacks["a"])
    made.run()
    assert ran == ["b", "c", "d"]


def test_who_comes_after_others_went_is_still_the_last() -> None:
    ran: list[str] = []
    made = point()
    callbacks = {name: lambda name=name: ran.append(name) for name in "abcd"}
    for name in "abc":
        made.add(callbacks[name])
    for name in "ab":
        made.remove(callbacks[name])
    made.add(callbacks["d"])
    made.run()
    assert ran == ["c", "d"]


def test_a_callback_may_remove_itself_while_it_runs() -> None:
    ran: list[str] = []
    made = point()

    def once() -> None:
        ran.append("once")
        made.remove(once)

    made.add(once)
    made.add(lambda: ran.append("always"))
    made.run()
    made.run()
    assert ran == ["once", "always", "always"]


def test_one_callbacks_failure_does_not_reach_the_others(caplog) -> None:
    ran: list[int] = []
    point(fails, lambda: ran.append(1)).run()
    assert ran == [1]
    assert "A callback of test failed" in caplog.text


FOLDS = [
    ([], 1),
    ([lambda _: None], 1),
    ([lambda value: Ok(value + 1), lambda value: Ok(value * 10)], 20),
    ([lambda value: Stop(value + 1), lambda value: Ok(value * 10)], 2),
    ([lambda _: Stop(None), lambda value: Ok(value * 10)], None),
    ([fails, lambda value: Ok(value + 1)], 2),
]


@pytest.mark.parametrize(("callbacks", "expected"), FOLDS)
def test_a_fold_passes_the_value_on_until_somebody_stops_it(
    callbacks: list[Any], expected: object
) -> None:
    assert point(*callbacks).fold(value=1) == expected
    assert run(point(*callbacks).fold_waiting(value=1)) == expected


def test_a_strict_point_fails_where_a_callback_does() -> None:
    made = point(fails, lambda _: Ok(2), strict=True)
    with pytest.raises(HookFailed):
        made.fold(value=1)
    with pytest.raises(HookFailed):
        run(made.fold_waiting(value=1))


def test_who_does_not_answer_in_time_counts_as_one_that_failed() -> None:
    callbacks = (lambda _: Later(), lambda value: Ok(value + 1))
    assert run(point(*callbacks, in_time=impatient).fold_waiting(value=1)) == 2
    with pytest.raises(HookFailed):
        run(point(*callbacks, strict=True, in_time=impatient).fold_waiting(value=1))


def test_a_fold_waits_for_answers_that_come_later() -> None:
    first, second = Later(), Later()
    coroutine = point(lambda _: first, lambda _: second).fold_waiting(value=1)
    coroutine.send(None)
    first.answers(Ok(2))
    coroutine.send(None)
    second.answers(None)
    assert run(coroutine) == 2


def test_arguments_come_before_the_value() -> None:
    seen: list[tuple[object, ...]] = []
    point(lambda *args: seen.append(args)).fold("a", "b", value="v")
    assert seen == [("a", "b", "v")]


def test_a_fold_that_waits_for_nobody_gives_its_value_at_once() -> None:
    assert point(lambda value: Ok(value + 1)).fold_promptly(value=1) == 2
