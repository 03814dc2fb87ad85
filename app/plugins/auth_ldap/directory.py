"""The way to a directory: a bounded number of connections, each question with a time limit, behind a circuit breaker.

It knows neither clients nor what the answers are for.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from app.backends.breaker import BackendError, CircuitBreaker, UnavailableError
from app.plugins.auth_ldap.connection import Connection, LdapError
from app.plugins.auth_ldap.protocol import (
    FAULTS,
    NO_SUCH_OBJECT,
    SIZE_LIMIT_EXCEEDED,
    SUCCESS,
    Entry,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a directory is, and as whom the node searches there."""

    hosts: Sequence[str]
    port: int
    tls: ssl.SSLContext | None
    dn: str
    password: str = field(repr=False)
    limit_s: int
    """How long the server may search."""


class Directory:
    """One directory; to be used on the loop only."""

    def __init__(self, place: Place, size: int, breaker: CircuitBreaker) -> None:
        """Connect nothing yet.

        Args:
            place: Where it is.
            size: Questions at a time.
            breaker: Bounds the time, and spares a server that does not answer.
        """
        self._place = place
        self._free = asyncio.Semaphore(size)
        self._breaker = breaker
        self._idle: list[Connection] = []
        self._is_closed = False

    async def find(self, base: str, condition: bytes, attributes: tuple[str, ...]) -> Entry | None:
        """Return the only entry there that fits, or None where there is none.

        Raises:
            UnavailableError: There is no answer, or the directory was not asked.
            BackendError: The directory refused, or has several.
        """

        async def ask() -> Entry | None:
            limit_s = self._place.limit_s
            code, entries = await self._over_any(
                lambda connection: connection.search(base, condition, attributes, limit_s)
            )
            if len(entries) > 1 or code == SIZE_LIMIT_EXCEEDED:
                raise BackendError("several entries fit one client")
            if code not in (SUCCESS, NO_SUCH_OBJECT):
                raise BackendError(f"a search ended with the result {code}")
            return entries[0] if entries else None

        return await self._put(ask)

    async def lets_in(self, dn: bytes, password: bytes) -> bool:
        """Tell whether the directory takes a password for an entry's; over a connection of its own.

        Raises:
            UnavailableError: There is no answer, or the directory was not asked.
            BackendError: The directory could not say.
        """
        # Without a password a directory takes anybody for nobody, and says yes (RFC 4513, section 5.1.2).
        if not password:
            return False

        async def ask() -> bool:
            connection = await self._connect()
            try:
                code = await connection.bind(dn, password)
            finally:
                connection.close()
            if code in FAULTS:
                raise BackendError(f"the login of a client ended with the result {code}")
            # A wrong password, or an account that is locked or expired.
            return code == SUCCESS

        return await self._put(ask)

    async def probe(self) -> None:
        """Log in over a connection of its own; whether the directory agrees does not matter.

        Raises:
            UnavailableError: There is no answer, or the directory was not asked.
        """

        async def ask() -> None:
            connection = await self._connect()
            try:
                await connection.bind(self._place.dn, self._place.password.encode())
            finally:
                connection.close()

        await self._put(ask)

    async def _put(self, ask: Callable[[], Awaitable[T]]) -> T:
        self._breaker.check()
        # The time for a place to become free is not the directory's: the breaker looks at what follows.
        async with self._free:
            try:
                return await self._breaker.call(ask)
            except UnavailableError:
                # Where one connection got no answer the others will get none either.
                self._drop_idle()
                raise

    def close(self) -> None:
        """Close every connection; those in use are closed with what they are used for."""
        self._is_closed = True
        self._drop_idle()

    async def _over_any(self, question: Callable[[Connection], Awaitable[T]]) -> T:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_open:
                connection.close()
                continue
            try:
                return await self._over(connection, question)
            except (LdapError, OSError):
                # The server was started anew, or does not like idle ones: the others are no better.
                self._drop_idle()
        return await self._over(await self._logged_in(), question)

    async def _over(
        self, connection: Connection, question: Callable[[Connection], Awaitable[T]]
    ) -> T:
        try:
            answer = await question(connection)
        except BaseException:
            connection.close()
            raise
        if self._is_closed:
            connection.close()
        else:
            self._idle.append(connection)
        return answer

    async def _logged_in(self) -> Connection:
        connection = await self._connect()
        try:
            code = SUCCESS
            if self._place.dn:
                code = await connection.bind(self._place.dn, self._place.password.encode())
        except BaseException:
            connection.close()
            raise
        if code != SUCCESS:
            connection.close()
            raise BackendError(f"the login of auth.ldap.bind_dn ended with the result {code}")
        return connection

    async def _connect(self) -> Connection:
        failure: OSError | None = None
        # One that is gone must leave time for the others.
        share_s = self._place.limit_s / len(self._place.hosts)
        for host in self._place.hosts:
            try:
                async with asyncio.timeout(share_s):
                    return await Connection.open(host, self._place.port, self._place.tls)
            except OSError as error:
                # One that takes too long is such an error, too.
                failure = error
        raise failure or LdapError("no host is named")

    def _drop_idle(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
