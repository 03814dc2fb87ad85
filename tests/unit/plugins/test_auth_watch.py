"""The watch over a backend: what the operator is told, and what is not remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from app.backends.breaker import BackendError, State, UnavailableError
from app.plugins.auth_watch import Watch
from tests.harness.playbook import Playbook

ALARM = "emqx_auth_fake_unavailable"


class Backend:
    """A backend that does as it is told, and its watch on a broker whose clock is the test's."""

    def __init__(self) -> None:
        self.playbook = Playbook()
        self.core = self.playbook.core
        self.core.spawn = self._spawn
        self.does: Exception | None = None
        self.probes = 0
        self._tasks: list[asyncio.Task[None]] = []
        self.watch = Watch(self.core, "emqx_auth_fake", "The backend", 1.0, 1)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(coroutine))

    async def ask(self) -> None:
        if self.does is not None:
            raise self.does

    async def probe(self) -> None:
        self.probes += 1
        await self.watch.breaker.call(self.ask)

    async def passes(self, seconds: float) -> None:
        """Let time pass, and what comes of it be done."""
        self.playbook.advance(seconds)
        await asyncio.gather(*self._tasks)

    @property
    def alarms(self) -> list[str]:
        return [one.name for one in self.core.alarms.activated()]


async def _outage() -> None:
    backend = Backend()
    backend.does = OSError("gone")
    backend.watch.begin(backend.probe)
    await backend.passes(0)
    assert backend.probes == 1
    for _ in range(2):
        assert backend.alarms == []
        await backend.passes(1.5)
    assert backend.alarms == [ALARM]
    backend.does = None
    await backend.passes(1.5)
    assert backend.alarms == []
    assert backend.watch.breaker.state is State.CLOSED
    probes = backend.probes
    await backend.passes(60)
    assert backend.probes == probes


def test_an_outage_is_an_alarm_and_its_end_is_seen_without_a_client() -> None:
    asyncio.run(_outage())


async def _refusal() -> None:
    backend = Backend()
    backend.does = BackendError("no such account")
    backend.watch.begin(backend.probe)
    await backend.passes(60)
    assert backend.probes == 1
    assert backend.alarms == []


def test_a_login_that_is_refused_is_not_repeated() -> None:
    asyncio.run(_refusal())


async def _ended() -> None:
    backend = Backend()
    backend.does = OSError("gone")
    backend.watch.begin(backend.probe)
    await backend.passes(0)
    backend.watch.end()
    for _ in range(5):
        with pytest.raises(UnavailableError):
            await backend.watch.breaker.call(backend.ask)
    await backend.passes(60)
    assert backend.probes == 1
    assert backend.alarms == []


def test_nothing_is_tried_or_told_once_the_plugin_is_gone() -> None:
    asyncio.run(_ended())


def test_what_nobody_has_said_is_forgotten_after_a_second_once() -> None:
    backend = Backend()
    drained: list[str] = []
    backend.core.access.on_drain = lambda: drained.append("drained")
    client = backend.playbook.client().channel.client
    for _ in range(100):
        backend.watch.forget_soon(client)
    backend.playbook.advance(2)
    assert len(drained) == 1
    backend.watch.forget_soon(client)
    backend.playbook.advance(2)
    assert len(drained) == 2


@pytest.mark.parametrize(("in_a_row", "most_s"), [(1, 9.0), (2, 4.5)])
def test_questions_end_before_the_hook_does(in_a_row: int, most_s: float) -> None:
    core = Playbook().core
    assert core.config.hook_timeout_s == 10
    watch = Watch(core, "emqx_auth_fake", "The backend", 60.0, in_a_row)
    assert watch.timeout_s == most_s
    assert Watch(core, "emqx_auth_fake", "The backend", 0.5, in_a_row).timeout_s == 0.5
