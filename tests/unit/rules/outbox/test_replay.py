"""Trying dead letters once more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from app.clock import SystemClock
from app.rules.actions.base import ActionSpec, Later
from app.rules.actions.delivery import delivery
from app.rules.actions.queue import Item, QueueLimits
from app.rules.actions.running import RunningAction
from app.rules.outbox.file import FILE, DeadLetter, Outbox, Owner
from app.rules.outbox.letters import written
from app.rules.outbox.replay import replay
from app.rules.terms.scope import Columns

LIMITS = QueueLimits(max_len=4)
LETTER = DeadLetter(7, Owner("rule:1", "a"), 1, 2, "no answer", written(Item({"n": 1}, Columns())))


def test_a_letter_whose_action_ended_while_it_was_tried_can_be_tried_again(tmp_path: Path) -> None:
    delivered: list[Any] = []
    is_there = False

    async def deliver(output: Mapping[str, Any], _event: Mapping[str, Any]) -> None:
        if not is_there:
            await asyncio.Event().wait()
        delivered.append(output["n"])

    def action() -> RunningAction:
        how = delivery(Later(deliver, 1), {}, LIMITS, LIMITS)
        return RunningAction(ActionSpec("a", "a", {}), how, ())

    async def scene() -> None:
        nonlocal is_there
        outbox = Outbox(tmp_path / FILE)
        outbox.open()
        rule = SimpleNamespace(actions=[action()])
        rules = cast("Any", {"rule:1": rule})
        assert replay(rules, outbox, [LETTER], SystemClock()) == 1
        await asyncio.sleep(0)
        assert outbox.replaying == {7}
        rule.actions[0].close()
        assert outbox.replaying == set()
        is_there = True
        rule.actions = [action()]
        assert replay(rules, outbox, [LETTER], SystemClock()) == 1
        async with asyncio.timeout(10):
            while outbox.replaying:  # noqa: ASYNC110 - who waits is a test
                await asyncio.sleep(0.001)
        assert delivered == [1]
        rule.actions[0].close()
        outbox.close()

    asyncio.run(scene())
