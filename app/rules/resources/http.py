"""Requests to a web server over a bounded pool of connections that stay open; what an answer means others say."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.rules.errors import ActionFailed, ResourceDown, TryAgain

if TYPE_CHECKING:
    import aiohttp

ANSWER_READ_BYTES = 65_536
"""Of an answer; a longer one costs its connection."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request, filled in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The beginning of an answer."""

    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How a server is asked."""

    pool_size: int
    connect_s: float
    request_s: float
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    """That the server's certificate must have, where it is not the one of its address."""


class HttpPool:
    """The connections to one server; to be used on the loop."""

    def __init__(self, settings: HttpSettings) -> None:
        """Connect nothing yet."""
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        # Waited for here, so that waiting takes nothing of a request's own time.
        self._room = asyncio.Semaphore(settings.pool_size)

    def open(self) -> None:
        """Be ready."""
        import aiohttp  # loaded by `load`, and not at all where nobody needs it

        settings = self._settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.pool_size),
            timeout=aiohttp.ClientTimeout(
                total=settings.request_s, sock_connect=settings.connect_s
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def exchange(self, url: str, request: HttpRequest) -> HttpAnswer:
        """Make a request and return the answer, whatever it says.

        Raises:
            TryAgain: There was none.
            ActionFailed: The request is none.
        """
        import aiohttp  # as in `open`

        try:
            async with self._room:
                return await self._answer(url, request)
        except aiohttp.InvalidURL as error:
            raise ActionFailed(f"the request cannot be made: {error}") from None
        except TimeoutError:
            raise TryAgain("the server did not answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise TryAgain(str(error) or type(error).__name__) from None
        except ValueError as error:  # behind ClientError: a refused certificate is both
            raise ActionFailed(f"the request cannot be made: {error}") from None

    async def _answer(self, url: str, request: HttpRequest) -> HttpAnswer:
        if self._session is None:
            raise TryAgain("the resource is closed")
        settings = self._settings
        async with self._session.request(
            request.method,
            url,
            data=request.body,
            headers=request.headers,
            ssl=settings.tls if settings.tls is not None else True,
            server_hostname=settings.server_name,
            allow_redirects=False,
        ) as answer:
            body = await answer.content.read(ANSWER_READ_BYTES)
            return HttpAnswer(answer.status, body)


def load() -> None:
    """Load the library: that takes longer than the loop may stand still."""
    import aiohttp as _loaded  # noqa: F401


async def probe_server(url: str, timeout_s: float) -> None:
    """Open a connection to a server and close it.

    Raises:
        ResourceDown: It cannot be opened.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except TimeoutError:
        raise ResourceDown(f"no connection within {timeout_s:g} s") from None
    except OSError as error:
        raise ResourceDown(error.strerror or str(error)) from None
    writer.close()
