"""The resource `web_hook`: a web server, asked over a pool of connections that stay open.

Source: EMQX 4.4 `emqx_web_hook_actions`.
"""

from __future__ import annotations

from app.broker.core import BrokerCore
from app.config.kinds import duration
from app.rules.errors import ActionFailed, TryAgain
from app.rules.params import Param, Words
from app.rules.resources.base import Resource, ResourceSpec, ResourceType
from app.rules.resources.http import HttpPool, HttpRequest, HttpSettings, load, probe_server
from app.rules.resources.tls import TLS_PARAMS, server_name, tls_context

_COME_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of a server that may do better the next time."""


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
        tls = tls_context(config) if self._url.lower().startswith("https:") else None
        # Releases before 4.3 had the headers here and not in the action (seed 004, POST /api/v4/resources).
        headers = config.get("headers")
        headers = headers if isinstance(headers, dict) else {}
        self._headers = {str(name).lower(): str(value) for name, value in headers.items()}
        self._http = HttpPool(
            HttpSettings(
                self.pool_size,
                duration(str(config["connect_timeout"])),
                duration(str(config["request_timeout"])),
                tls,
                server_name(config),
            )
        )

    def start(self) -> None:
        """Begin to look for the server."""
        self._http.open()
        self.run(self.keep_checked(lambda: probe(self.spec, self.core)))

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self.run(self._http.close())

    async def ask(self, request: HttpRequest) -> None:
        """Make a request.

        Raises:
            TryAgain: There was no answer, or one of a server that may do better.
            ActionFailed: The answer is a refusal, or the request is none.
        """
        headers = {**self._headers, **request.headers}
        made = HttpRequest(request.method, request.path, headers, request.body)
        answer = await self._http.exchange(joined(self._url, request.path), made)
        if 200 <= answer.status < 300:
            return
        kind = TryAgain if answer.status in _COME_AGAIN else ActionFailed
        raise kind(f"the server answered {answer.status}")


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
    await probe_server(str(spec.config["url"]), duration(str(spec.config["connect_timeout"])))


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
    load,
)
