"""The web service at the other end: asked over connections that stay open, behind a circuit breaker.

It knows statuses and bodies, not what they mean for a client.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from app.auth.placeholders import Subject
from app.backends.breaker import BreakerPolicy, CircuitBreaker
from app.clock import Clock
from app.plugins.auth_http.form import Filled, RequestForm

MAX_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """How long is waited, how often, on how many connections, and how the service proves who it is."""

    timeout_s: float
    connect_timeout_s: float
    pool_size: int
    retry_times: int
    tls: ssl.SSLContext | None = None
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """What was answered."""

    status: int
    body: bytes


class NoAnswer(Exception):
    """What came back is none; the text says why, and shows nothing of what was asked."""


class HttpService:
    """Whoever answers one kind of request. To be used on one loop, on which it is made."""

    def __init__(
        self,
        name: str,
        form: RequestForm,
        limits: ServiceLimits,
        clock: Clock,
        on_open: Callable[[], None],
        on_recovery: Callable[[], None],
    ) -> None:
        """Open a pool; nothing is connected yet.

        Args:
            name: What the log calls it.
            form: Of its requests.
            limits: How long, how often.
            clock: Tells when a service that did not answer is tried again.
            on_open: Told when it does not answer and is left alone.
            on_recovery: Told with the first answer after a failure.
        """
        self._form = form
        self._limits = limits
        policy = BreakerPolicy(timeout_s=limits.timeout_s)
        self._breaker = CircuitBreaker(name, policy, clock, on_open, on_recovery)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limits.pool_size),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=form.headers,
            auto_decompress=False,
        )

    async def ask(self, subject: Subject) -> ServiceAnswer:
        """Ask about a client.

        Raises:
            UnusableValueError: Something that the client says cannot be asked about.
            UnavailableError: There is no answer, or the service was not asked.
        """
        filled = self._form.fill(subject)
        return await self._breaker.call(lambda: self._persist(filled))

    async def close(self) -> None:
        """Close the connections, and end what is under way."""
        await self._session.close()

    async def _persist(self, filled: Filled) -> ServiceAnswer:
        for _ in range(self._limits.retry_times):
            try:
                return await self._request(filled)
            except aiohttp.ClientConnectorError:
                # It is not there; whether it comes back is the breaker's affair.
                raise
            except aiohttp.ClientConnectionError:
                # A connection that was kept open ends when the service likes.
                continue
        return await self._request(filled)

    async def _request(self, filled: Filled) -> ServiceAnswer:
        try:
            return await self._exchange(filled)
        except (aiohttp.ClientResponseError, aiohttp.InvalidURL) as error:
            # Their texts hold the address, which may hold a password, and would come into the log.
            raise NoAnswer(f"what came back is no HTTP ({type(error).__name__})") from None

    async def _exchange(self, filled: Filled) -> ServiceAnswer:
        async with self._session.request(
            filled.method,
            filled.url,
            data=filled.body,
            ssl=self._limits.tls if self._limits.tls is not None else True,
            server_hostname=self._limits.server_name,
            allow_redirects=False,
        ) as answer:
            body = bytearray()
            async for chunk in answer.content.iter_any():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    answer.close()
                    raise NoAnswer(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
            return ServiceAnswer(answer.status, bytes(body))
