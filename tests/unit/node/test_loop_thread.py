"""The broker's thread and the door into it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from app.errors import ResultCode, ServiceError
from app.node.loop_thread import LoopThread


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    """Return a running thread."""
    made = LoopThread(call_timeout_s=5.0)
    made.start()
    yield made
    made.stop(5.0)
    assert not made.is_alive


async def coroutine_on_the_loop(value: int) -> tuple[int, str]:
    await asyncio.sleep(0)
    return value, threading.current_thread().name


def test_functions_run_on_the_loops_thread(thread: LoopThread) -> None:
    assert thread.call(lambda value: (value, threading.current_thread().name), 7) == (7, "broker")


def test_coroutines_run_there_too(thread: LoopThread) -> None:
    assert thread.run(coroutine_on_the_loop(7)) == (7, "broker")


def test_what_is_raised_there_is_raised_here(thread: LoopThread) -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        thread.call(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        thread.run(fails())
    assert thread.call(lambda: "still there") == "still there"


def test_a_call_that_takes_too_long_is_given_up() -> None:
    thread = LoopThread(call_timeout_s=0.01)
    thread.start()
    release = threading.Event()
    with pytest.raises(ServiceError) as refused:
        thread.call(release.wait, 5)
    assert (refused.value.code, refused.value.message) == (ResultCode.BADRPC, "timeout")
    late: list[int] = []
    with pytest.raises(ServiceError):
        thread.call(late.append, 1)
    release.set()
    thread.stop(5.0)
    assert late == []  # a caller that has gone is not obeyed any more


def test_a_time_out_of_the_callees_own_is_not_ours(thread: LoopThread) -> None:
    def times_out() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        thread.call(times_out)


def test_a_coroutine_that_takes_too_long_is_cancelled(thread: LoopThread) -> None:
    cancelled = threading.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(ServiceError):
        thread.run(waits(), timeout_s=0.01)
    assert cancelled.wait(5)


def test_nobody_answers_before_the_start_and_after_the_stop() -> None:
    thread = LoopThread(call_timeout_s=1.0)
    for _ in range(2):
        with pytest.raises(ServiceError) as refused:
            thread.call(lambda: 1)
        assert (refused.value.code, refused.value.message) == (ResultCode.BADRPC, "nodedown")
        with pytest.raises(ServiceError):
            thread.run(coroutine_on_the_loop(1))
        assert not thread.is_alive
        thread.start()
        thread.stop(5.0)
        thread.stop(5.0)


def test_the_time_the_thread_computes_is_known(thread: LoopThread) -> None:
    before = thread.cpu_s()
    thread.call(lambda: sum(range(2_000_000)))
    assert thread.cpu_s() > before
    assert LoopThread(1.0).cpu_s() == 0.0


def test_what_a_task_does_in_parting_is_waited_for() -> None:
    thread = LoopThread(5.0)
    thread.start()
    began, parted = threading.Event(), threading.Event()

    async def goodbye() -> None:
        await asyncio.sleep(0.01)
        parted.set()

    async def work() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            kept.append(asyncio.get_running_loop().create_task(goodbye()))

    kept: list[asyncio.Task[None]] = []
    thread.call(lambda: kept.append(asyncio.get_running_loop().create_task(work())))
    assert began.wait(5)
    thread.stop(5)
    assert parted.is_set()
