"""The circuit breaker: nobody waits for a backend that is known to be dead."""

from __future__ import annotations

import asyncio
import logging

import pytest

from app.backends.breaker import (
    BackendError,
    BreakerPolicy,
    CircuitBreaker,
    State,
    UnavailableError,
)
from app.clock import FakeClock

POLICY = BreakerPolicy(timeout_s=0.05, failures=2, pause_s=1.0, max_pause_s=3.0)


class Backend:
    """A backend that does as it is told, behind a breaker."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.asked = 0
        self.does: BaseException | str = "yes"
        self.told: list[str] = []
        self.breaker = CircuitBreaker(
            "mysql at 127.0.0.1:3306",
            POLICY,
            self.clock,
            lambda: self.told.append("open"),
            lambda: self.told.append("recovery"),
        )

    async def ask(self) -> str:
        self.asked += 1
        if isinstance(self.does, BaseException):
            raise self.does
        if self.does == "silence":
            await asyncio.Event().wait()
        return self.does

    async def is_called(self) -> str:
        try:
            return await self.breaker.call(self.ask)
        except UnavailableError:
            return "unavailable"
        except BackendError:
            return "error"

    async def dies(self) -> None:
        self.does = ConnectionRefusedError("refused")
        for _ in range(POLICY.failures):
            assert await self.is_called() == "unavailable"


async def _opens() -> None:
    backend = Backend()
    assert await backend.is_called() == "yes"
    await backend.dies()
    assert backend.breaker.state is State.OPEN
    asked = backend.asked
    assert await backend.is_called() == "unavailable"
    assert backend.asked == asked
    assert (backend.breaker.opened, backend.breaker.failed, backend.breaker.refused) == (1, 2, 1)


def test_after_some_failures_nobody_is_asked_any_more() -> None:
    asyncio.run(_opens())


async def _recovers() -> None:
    backend = Backend()
    await backend.dies()
    backend.clock.advance(1.0)
    backend.does = "yes"
    assert await backend.is_called() == "yes"
    assert backend.breaker.state is State.CLOSED
    assert backend.told == ["open", "recovery"]


def test_after_the_pause_one_answer_closes_it() -> None:
    asyncio.run(_recovers())


async def _doubles() -> None:
    backend = Backend()
    await backend.dies()
    for pause_s in (1.0, 2.0, 3.0, 3.0):
        asked = backend.asked
        backend.clock.advance(pause_s - 0.01)
        await backend.is_called()
        assert backend.asked == asked
        backend.clock.advance(0.02)
        await backend.is_called()
        assert backend.asked == asked + 1


def test_every_try_that_fails_doubles_the_pause_up_to_its_limit() -> None:
    asyncio.run(_doubles())


async def _tries_with_one() -> None:
    backend = Backend()
    await backend.dies()
    backend.clock.advance(1.0)
    backend.does = "silence"
    first = asyncio.get_running_loop().create_task(backend.is_called())
    await asyncio.sleep(0)
    asked = backend.asked
    assert await backend.is_called() == "unavailable"
    assert backend.asked == asked
    assert await first == "unavailable"
    assert backend.breaker.state is State.OPEN


def test_only_one_question_tries_and_silence_counts_as_a_failure() -> None:
    asyncio.run(_tries_with_one())


async def _cancelled_trial() -> None:
    backend = Backend()
    await backend.dies()
    backend.clock.advance(1.0)
    backend.does = "silence"
    trial = asyncio.get_running_loop().create_task(backend.is_called())
    await asyncio.sleep(0)
    trial.cancel()
    await asyncio.gather(trial, return_exceptions=True)
    backend.does = "yes"
    assert await backend.is_called() == "yes"


def test_a_try_that_nobody_waits_for_any_more_leaves_the_next_one_to_somebody_else() -> None:
    asyncio.run(_cancelled_trial())


async def _errors(backend: Backend) -> None:
    for does in (BackendError("no such table"), "yes") * 3:
        backend.does = does
        assert await backend.is_called() == ("yes" if does == "yes" else "error")
    assert backend.breaker.state is State.CLOSED
    assert backend.told == []


def test_an_error_is_an_answer_and_many_of_them_are_one_line_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asyncio.run(_errors(Backend()))
    assert [
        record.getMessage() for record in caplog.records if record.name == "app.backends.breaker"
    ] == ["mysql at 127.0.0.1:3306 answers with an error: no such table"]


async def _comes_back_with_an_error() -> None:
    backend = Backend()
    await backend.dies()
    backend.clock.advance(1.0)
    backend.does = BackendError("no such table")
    assert await backend.is_called() == "error"
    assert backend.told == ["open", "recovery"]


def test_an_error_shows_that_the_backend_is_back() -> None:
    asyncio.run(_comes_back_with_an_error())


async def _outage(backend: Backend) -> None:
    await backend.dies()
    for _ in range(5):
        await backend.is_called()
        backend.clock.advance(5.0)
    backend.does = "yes"
    await backend.is_called()


def test_an_outage_is_logged_once_at_its_beginning_and_once_at_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        asyncio.run(_outage(Backend()))
    said = [
        record.getMessage() for record in caplog.records if record.name == "app.backends.breaker"
    ]
    assert len(said) == 2
    assert "does not answer" in said[0]
    assert "answers again" in said[1]
