"""What the answers of a web server mean, and who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Self

import aiohttp
import pytest

from app.rules.errors import ActionFailed, TryAgain
from app.rules.resources.base import ResourceSpec
from app.rules.resources.http import HttpRequest
from app.rules.resources.web_hook import WEB_HOOK, WebHook
from tests.harness.playbook import Playbook

REQUEST = HttpRequest("POST", "/p", {"a": "b"}, b"body")


class Session:
    """Stands for aiohttp's: it answers as it is told."""

    def __init__(self, status: int = 200, error: Exception | None = None) -> None:
        self.status = status
        self.error = error
        self.asked: list[tuple[Any, ...]] = []
        self.is_open = asyncio.Event()
        self.is_open.set()

    def request(self, method: str, url: str, **options: Any) -> Self:
        self.asked.append((method, url, options["data"], options["headers"]))
        return self

    async def __aenter__(self) -> Any:
        await self.is_open.wait()
        if self.error is not None:
            raise self.error
        return self

    async def __aexit__(self, *_error: object) -> None:
        pass

    @property
    def content(self) -> Any:
        return self

    async def read(self, _most: int) -> bytes:
        return b""


def play(scene: Callable[[WebHook], Coroutine[Any, Any, None]], **config: Any) -> None:
    async def run() -> None:
        checked = WEB_HOOK.checked({"url": "http://h/base", **config})
        hook = WEB_HOOK.make(ResourceSpec("r", "web_hook", checked), Playbook().core)
        assert isinstance(hook, WebHook)
        await scene(hook)

    asyncio.run(run())


def answered(hook: WebHook, session: Session) -> Session:
    hook._http._session = session  # type: ignore[assignment]
    return session


def test_an_answer_of_the_two_hundreds_is_a_success() -> None:
    async def scene(hook: WebHook) -> None:
        session = answered(hook, Session(204))
        await hook.ask(REQUEST)
        assert session.asked == [("POST", "http://h/base/p", b"body", {"a": "b"})]

    play(scene)


def test_headers_of_the_resource_go_with_every_request() -> None:
    async def scene(hook: WebHook) -> None:
        session = answered(hook, Session())
        await hook.ask(REQUEST)
        assert session.asked[0][-1] == {"token": "t", "a": "b"}

    play(scene, headers={"Token": "t", "A": "other"})


@pytest.mark.parametrize(
    ("session", "kind"),
    [
        (lambda: Session(404), ActionFailed),
        (lambda: Session(302), ActionFailed),
        (lambda: Session(503), TryAgain),
        (lambda: Session(429), TryAgain),
        (lambda: Session(error=TimeoutError()), TryAgain),
        (lambda: Session(error=aiohttp.ClientConnectionError("gone")), TryAgain),
        (lambda: Session(error=ConnectionResetError()), TryAgain),
        (lambda: Session(error=aiohttp.InvalidURL("x")), ActionFailed),
        (lambda: Session(error=ValueError("header")), ActionFailed),
    ],
)
def test_what_may_go_better_the_next_time_is_told_from_what_will_not(
    session: Callable[[], Session], kind: type[ActionFailed]
) -> None:
    async def scene(hook: WebHook) -> None:
        answered(hook, session())
        with pytest.raises(ActionFailed) as failed:
            await hook.ask(REQUEST)
        assert type(failed.value) is kind

    play(scene)


def test_a_closed_resource_may_be_there_again_later() -> None:
    async def scene(hook: WebHook) -> None:
        with pytest.raises(TryAgain):
            await hook.ask(REQUEST)

    play(scene)


def test_no_more_requests_are_under_way_than_there_are_connections() -> None:
    async def scene(hook: WebHook) -> None:
        session = answered(hook, Session())
        session.is_open.clear()
        tasks = [asyncio.get_running_loop().create_task(hook.ask(REQUEST)) for _ in range(5)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert len(session.asked) == 2
        session.is_open.set()
        await asyncio.gather(*tasks)
        assert len(session.asked) == 5

    play(scene, pool_size=2)
