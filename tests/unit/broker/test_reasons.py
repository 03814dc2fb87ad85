"""Reasons are heard by whoever listens, in what is called and waited for within, and nowhere else."""

from __future__ import annotations

import asyncio

from app.broker.reasons import because, is_explaining, listening


def test_nobody_listens_as_a_rule() -> None:
    because("the sky is %s", "blue")
    assert not is_explaining()


def test_reasons_are_heard_in_their_order_and_only_within() -> None:
    with listening() as outer:
        because("first")
        with listening() as inner:
            because("of %s", "another")
        because("second")
    because("too late")
    assert (outer, inner) == (["first", "second"], ["of another"])


def test_questions_that_wait_at_the_same_time_hear_their_own_reasons_only() -> None:
    async def ask(name: str) -> list[str]:
        with listening() as heard:
            for number in range(3):
                await asyncio.sleep(0)
                because("%s%s", name, number)
            return heard

    async def both() -> list[list[str]]:
        return await asyncio.gather(ask("a"), ask("b"))

    assert asyncio.run(both()) == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]
