"""The resource `web_hook`: a web server, asked over a pool of connections that stay open.

Source: EMQX 4.4 `emqx_web_hook_actions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.broker.core import BrokerCore
from app.config.kinds import duration
from app.rules.errors import ActionFailed, ResourceDown, TryAgain
from app.rules.params import Param, Words
from app.rules.resources.base import Resource, ResourceSpec, ResourceType
from app.rules.resources.tls import TLS_PARAMS, server_name, tls_context

if TYPE_CHECKING:
    import aiohttp

ANSWER_READ_BYTES = 65_536
"""Of an answer; a longer one costs its connection."""
_COME_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of a server that may do better the next time."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request, filled in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None


class WebHook(Resource):
    """A web server."""

    def __init__(self, spec: ResourceSpec, core: BrokerCore) -> None:
        """Take the configuration.

        Raises:
            BadArguments: A file of TLS cannot be used.
        """
        super().__init__(spec, core)
        config = spec.config
        self._url = str(config["url"])
        self.pool_size: int = config["pool_size"]
        self._tls = tls_context(config) if self._url.lower().startswith("https:") else None
        # Releases before 4.3 had the headers here and not in the action (seed 004, POST /api/v4/resources).
        headers = config.get("headers")
        headers = headers if isinstance(headers, dict) else {}
        self._headers = {str(name).lower(): str(value) for name, value in headers.items()}
        self._session: aiohttp.ClientSession | None = None
        # Waited for here, so that waiting takes nothing of a request's own time.
        self._room = asyncio.Semaphore(self.pool_size)

    def start(self) -> None:
        """Begin to look for the server."""
        import aiohttp  # loaded by `_load`, and not at all where nobody needs it

        config = self.spec.config
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.pool_size),
            timeout=aiohttp.ClientTimeout(
                total=duration(str(config["request_timeout"])),
                sock_connect=duration(str(config["connect_timeout"])),
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        self.run(self.keep_checked(lambda: probe(self.spec, self.core)))

    def close(self) -> None:
        """Close the connections."""
        super().close()
        session, self._session = self._session, None
        if session is not None:
            self.run(session.close())

    async def ask(self, request: HttpRequest) -> None:
        """Make a request.

        Raises:
            TryAgain: There was no answer, or one of a server that may do better.
            ActionFailed: The answer is a refusal, or the request is none.
        """
        import aiohttp  # as in `start`

        try:
            async with self._room:
                status = await self._status_of(request)
        except aiohttp.InvalidURL as error:
            raise ActionFailed(f"the request cannot be made: {error}") from None
        except TimeoutError:
            raise TryAgain("the server did not answer in time") from None
        except (aiohttp.ClientError, OSError) as error:
            raise TryAgain(str(error) or type(error).__name__) from None
        except ValueError as error:  # behind ClientError: a refused certificate is both
            raise ActionFailed(f"the request cannot be made: {error}") from None
        if 200 <= status < 300:
            return
        kind = TryAgain if status in _COME_AGAIN else ActionFailed
        raise kind(f"the server answered {status}")

    async def _status_of(self, request: HttpRequest) -> int:
        if self._session is None:
            raise TryAgain("the resource is closed")
        async with self._session.request(
            request.method,
            joined(self._url, request.path),
            data=request.body,
            headers={**self._headers, **request.headers},
            ssl=self._tls if self._tls is not None else True,
            server_hostname=server_name(self.spec.config),
            allow_redirects=False,
        ) as answer:
            await answer.content.read(ANSWER_READ_BYTES)
            return answer.status


def _load() -> None:
    """Load the library: that takes longer than the loop may stand still."""
    import aiohttp as _loaded  # noqa: F401


def joined(url: str, path: str) -> str:
    """Return an address with a path behind it, one slash between them."""
    if not path:
        return url
    return url if path == "/" and url.endswith("/") else f"{url.rstrip('/')}/{path.lstrip('/')}"


async def probe(spec: ResourceSpec, core: BrokerCore) -> None:
    """Open a connection to the server and close it.

    Raises:
        ResourceDown: It cannot be opened.
    """
    del core
    parts = urlsplit(str(spec.config["url"]))
    port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
    timeout_s = duration(str(spec.config["connect_timeout"]))
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except TimeoutError:
        raise ResourceDown(f"no connection within {timeout_s:g} s") from None
    except OSError as error:
        raise ResourceDown(error.strerror or str(error)) from None
    writer.close()


def _make(spec: ResourceSpec, core: BrokerCore) -> Resource:
    return WebHook(spec, core)


def _time(name: str, en: str, zh: str, text: Words) -> Param:
    return Param(name, "string", Words(en, zh), text, default="5s", format="duration")


PARAMS: tuple[Param, ...] = (
    Param(
        "url", "string", Words("Request URL", "请求 URL"),
        Words("The address of the web server, with the beginning of the path.", "Web 服务的 URL"),
        required=True, format="url",
    ),
    _time(
        "connect_timeout", "Connect Timeout", "连接超时时间",
        Words("How long a connection may take.", "建立连接的超时时间"),
    ),
    _time(
        "request_timeout", "Request Timeout", "请求超时时间",
        Words("How long a request may take, its answer included.", "请求的超时时间，包含应答"),
    ),
    Param(
        "pool_size", "number", Words("Pool Size", "连接池大小"),
        Words("The most connections to the server.", "到服务器的最大连接数"),
        default=8, format="count",
    ),
    *TLS_PARAMS,
)  # fmt: skip

WEB_HOOK = ResourceType(
    "web_hook",
    "emqx_web_hook",
    Words("WebHook", "WebHook"),
    Words("A web server.", "Web 服务"),
    PARAMS,
    _make,
    probe,
    _load,
)
