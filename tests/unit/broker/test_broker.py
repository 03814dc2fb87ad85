"""The broker as a whole: what it does when it stops, and with work by the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from app.broker.broker import LAST_WORD_S, Broker
from app.clock import FakeClock
from app.config import BrokerConfig
from app.mqtt.packets import Subscribe, SubscribeFilter, Will
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import only
from tests.unit.broker.wires import House

Houses = Callable[..., House]


def stopping(here: House, timeout_s: float = 5.0) -> asyncio.Task[None]:
    """Begin to stop the broker of a house."""
    broker = here.playbook.broker
    broker.listeners = [here.listener]
    broker.running = True
    task = here.loop.turn(lambda: here.loop.create_task(broker.stop(timeout_s)))
    here.loop.turns()
    return task


def finish(here: House, task: asyncio.Task[None], seconds: float = 0.1) -> None:
    here.playbook.clock.advance(seconds)
    here.loop.advance(seconds)
    assert task.done()
    task.result()


def test_clients_are_told_that_the_server_stops(house: Houses) -> None:
    here = house()
    peer = here.connect("c")
    task = stopping(here)
    assert only(peer.receives()).reason_code == ReasonCode.SERVER_SHUTTING_DOWN
    assert peer.transport.closing
    finish(here, task)
    assert not here.playbook.broker.running
    assert here.listener.record().shutdown_count == {"server_shutdown": 1}


def test_wills_of_clients_that_the_server_leaves_are_not_published(house: Houses) -> None:
    here = house()
    witness = here.connect("witness")
    witness.sends(Subscribe(1, (SubscribeFilter("will", 0),)))
    witness.receives()
    here.connect("c", will=Will("will", b"gone"))
    finish(here, stopping(here))
    assert only(witness.receives()).reason_code == ReasonCode.SERVER_SHUTTING_DOWN


def test_connections_without_connect_are_closed_as_well(house: Houses) -> None:
    here = house()
    peer = here.peer()
    task = stopping(here)
    assert peer.transport.closing
    finish(here, task)


def test_a_client_that_does_not_take_its_last_bytes_is_cut_off_at_the_deadline(
    house: Houses,
) -> None:
    here = house()
    peer = here.connect("c")
    peer.transport.buffered = 100
    task = stopping(here, timeout_s=1.0)
    assert not task.done()
    finish(here, task, seconds=1.5)
    assert peer.transport.aborted


def test_work_by_the_way_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    broker = Broker(BrokerConfig(listeners=()), FakeClock())

    async def fails() -> None:
        raise RuntimeError("a bug of ours")

    async def main() -> None:
        broker.core.spawn(fails())
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert "A background task failed" in caplog.text


def broker_with(timeout_s: float) -> Broker:
    return Broker(BrokerConfig(listeners=(), hook_timeout_s=timeout_s), FakeClock())


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_hook_that_never_answers_is_ended_and_counted(stubborn: bool) -> None:
    ended: list[str] = []

    async def silent() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("ended")
            if not stubborn:
                raise

    async def main() -> int:
        broker = broker_with(0.001)
        with pytest.raises(TimeoutError):
            await broker.core.hooks.in_time("client.check_acl", silent())
        return broker.core.metrics.client_acl_timeout

    assert asyncio.run(main()) == 1
    assert ended == ["ended"]


def test_a_hooks_own_timeout_is_not_counted_as_ours() -> None:
    async def late() -> None:
        raise TimeoutError

    async def main() -> int:
        broker = broker_with(10.0)
        with pytest.raises(TimeoutError):
            await broker.core.hooks.in_time("client.authenticate", late())
        return broker.core.metrics.client_auth_timeout

    assert asyncio.run(main()) == 0


def test_a_peer_that_does_not_answer_the_end_of_tls_is_not_waited_for(house: Houses) -> None:
    here = house()
    peer = here.connect("c")

    def close() -> None:
        peer.transport.closing = True

    peer.transport.close = close  # type: ignore[method-assign]
    task = stopping(here, timeout_s=15.0)
    assert not task.done()
    here.playbook.clock.advance(LAST_WORD_S + 0.1)
    here.loop.advance(LAST_WORD_S + 0.1)
    assert peer.transport.aborted
    finish(here, task)
