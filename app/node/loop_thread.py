"""The broker's thread: an event loop of its own, and the one door into it.

Commands cross once per request and have a deadline; past it the caller gets `BADRPC`, whatever becomes of the command.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import uvloop

from app.errors import ResultCode, ServiceError

T = TypeVar("T")

PARTING_S = 1.0
"""For drivers that say goodbye to their servers, when all else has ended."""


class LoopThread:
    """A thread that runs an event loop until it is told to stop."""

    def __init__(self, call_timeout_s: float) -> None:
        """Prepare; `start` makes the thread."""
        self._call_timeout_s = call_timeout_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the loop."""
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(
            target=self._run, args=(self._loop,), name="broker", daemon=True
        )
        self._thread.start()

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()
        loop.run_until_complete(_part())
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    def stop(self, timeout_s: float) -> None:
        """Stop the loop and wait for the thread."""
        loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        self._thread.join(timeout_s)

    @property
    def is_alive(self) -> bool:
        """Tell whether the thread runs."""
        return self._loop is not None and self._thread is not None and self._thread.is_alive()

    def cpu_s(self) -> float:
        """Return the seconds of processor time that the thread has used; 0 where it does not run."""
        thread = self._thread
        if thread is None or thread.ident is None or not thread.is_alive():
            return 0.0
        return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a plain function on the loop and return what it returned.

        Raises:
            ServiceError: BADRPC; the loop is not there or did not answer in time.
        """
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()

        def run() -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(function(*args))
            except BaseException as error:  # noqa: BLE001 - it is raised where the call came from
                answer.set_exception(error)

        self._running_loop().call_soon_threadsafe(run)
        return self._wait(answer, self._call_timeout_s)

    def run(self, coroutine: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run a coroutine on the loop and return what it returned.

        Raises:
            ServiceError: BADRPC; the loop is not there or did not answer in time.
        """
        try:
            loop = self._running_loop()
        except ServiceError:
            coroutine.close()
            raise
        answer = asyncio.run_coroutine_threadsafe(coroutine, loop)
        return self._wait(answer, timeout_s or self._call_timeout_s)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise ServiceError(ResultCode.BADRPC, "nodedown")
        return self._loop

    @staticmethod
    def _wait(answer: concurrent.futures.Future[T], timeout_s: float) -> T:
        try:
            return answer.result(timeout_s)
        except concurrent.futures.TimeoutError:
            if answer.done():
                raise  # it was the function that ran out of some time of its own
            answer.cancel()
            raise ServiceError(ResultCode.BADRPC, "timeout") from None


async def _part() -> None:
    """End whatever still runs; what that begins in turn may end by itself, for as long as there is time."""
    us = asyncio.current_task()
    for task in asyncio.all_tasks():
        if task is not us:
            task.cancel()
    with suppress(TimeoutError):
        async with asyncio.timeout(PARTING_S):
            while tasks := [task for task in asyncio.all_tasks() if task is not us]:
                await asyncio.wait(tasks)
