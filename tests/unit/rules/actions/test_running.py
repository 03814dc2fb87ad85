"""Actions at work: what they count, and what is done where they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from app.rules.actions.base import ActionSpec, Later, Now, Work
from app.rules.actions.delivery import delivery
from app.rules.actions.queue import Item, QueueLimits
from app.rules.actions.running import RunningAction, in_line
from app.rules.errors import ActionFailed
from app.rules.terms.scope import Columns

LIMITS = QueueLimits(max_len=1)


def an_action(work: Work | None, *fallbacks: RunningAction, name: str = "a") -> RunningAction:
    how = work if work is None or isinstance(work, Now) else delivery(work, {}, LIMITS, LIMITS)
    return RunningAction(ActionSpec(name, name, {}), how, fallbacks)


def noting(notes: list[str], name: str) -> RunningAction:
    return an_action(Now(lambda _output, _event: notes.append(name)), name=name)


def failing(*fallbacks: RunningAction, error: Exception | None = None) -> RunningAction:
    def fail(_output: Mapping[str, Any], _event: Mapping[str, Any]) -> None:
        raise error or ActionFailed("no")

    return an_action(Now(fail), *fallbacks)


def counted(action: RunningAction) -> tuple[int, int, int]:
    metrics = action.metrics
    return metrics.taken, metrics.success, metrics.failed


def test_what_is_done_at_once_is_counted_at_once() -> None:
    notes: list[str] = []
    action = noting(notes, "a")
    action.take({}, Columns())
    assert (notes, counted(action)) == (["a"], (1, 1, 0))


def test_a_failure_and_a_bug_are_counted_and_fallen_back_from() -> None:
    for error in (ActionFailed("no"), KeyError("bug")):
        notes: list[str] = []
        fallback = noting(notes, "fallback")
        action = failing(fallback, error=error)
        action.take({}, Columns())
        assert (notes, counted(action), counted(fallback)) == (["fallback"], (1, 0, 1), (1, 1, 0))


def test_who_has_a_dead_letter_tried_once_more_hears_of_an_action_that_ends_first() -> None:
    async def scene() -> None:
        async def wait(_output: Mapping[str, Any], _event: Mapping[str, Any]) -> None:
            await asyncio.Event().wait()

        action = an_action(Later(wait, 1))
        heard: list[str | None] = []
        assert action.replay(Item({}, Columns()), heard.append)
        await asyncio.sleep(0)
        assert heard == []
        action.close()
        action.close()
        assert heard == [None]

    asyncio.run(scene())


def test_an_action_that_nobody_knows_fails() -> None:
    action = an_action(None)
    action.take({}, Columns())
    assert counted(action) == (1, 0, 1)
    assert not action.is_known


def test_what_is_done_later_is_counted_then_and_refused_where_there_is_no_room() -> None:
    async def play() -> RunningAction:
        opened = asyncio.Event()

        async def deliver(_output: Mapping[str, Any], _event: Mapping[str, Any]) -> None:
            await opened.wait()

        action = an_action(Later(deliver, 1))
        action.take({}, Columns())
        action.take({}, Columns())
        assert counted(action) == (2, 0, 1)
        assert action.metrics.dropped == 1
        opened.set()
        while action.metrics.queued:  # noqa: ASYNC110 - who waits is a test
            await asyncio.sleep(0)
        return action

    assert counted(asyncio.run(play())) == (2, 1, 1)


def take_all(actions: list[RunningAction], *, stop_at_failure: bool) -> None:
    for action in in_line(actions, stop_at_failure=stop_at_failure):
        action.take({}, Columns())


def chain(notes: list[str], broken: Callable[[], RunningAction]) -> list[RunningAction]:
    return [noting(notes, "first"), broken(), noting(notes, "last")]


def test_actions_go_on_after_a_failure_unless_they_are_to_stop() -> None:
    notes: list[str] = []
    take_all(chain(notes, failing), stop_at_failure=False)
    assert notes == ["first", "last"]
    notes.clear()
    take_all(chain(notes, failing), stop_at_failure=True)
    assert notes == ["first"]


def test_an_action_that_must_not_run_after_a_failure_waits_for_the_one_before_it() -> None:
    async def play() -> list[str]:
        notes: list[str] = []

        async def deliver(_output: Mapping[str, Any], _event: Mapping[str, Any]) -> None:
            await asyncio.sleep(0)
            notes.append("later")

        take_all([an_action(Later(deliver, 1)), noting(notes, "after")], stop_at_failure=True)
        assert notes == []
        while len(notes) < 2:  # noqa: ASYNC110 - who waits is a test
            await asyncio.sleep(0)
        return notes

    assert asyncio.run(play()) == ["later", "after"]
