"""The way to Redis: a bounded number of questions at a time, each with a time limit, behind a circuit breaker.

It knows neither clients nor what the answers are for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from app.auth.breaker import BackendError, CircuitBreaker
from app.config.auth_redis import (
    REDIS_DATABASE,
    REDIS_PASSWORD,
    REDIS_QUERY_TIMEOUT,
    REDIS_SENTINEL,
    REDIS_SERVER,
    REDIS_SSL,
    REDIS_SSL_CACERTFILE,
    REDIS_SSL_CERTFILE,
    REDIS_SSL_KEYFILE,
    REDIS_SSL_VERIFY,
    REDIS_TYPE,
)
from app.config.kinds import Address

T = TypeVar("T")
RESP_VERSION = 2
"""What every Redis speaks; the younger one begins with a greeting that old servers refuse."""


class Driver(Protocol):
    """What is used of a driver."""

    async def execute_command(self, *words: str) -> object:
        """Put a question."""

    async def aclose(self) -> None:
        """Close all connections."""


class RedisServer:
    """One server, or what stands for one; to be used on the loop only."""

    def __init__(self, drivers: Sequence[Any], places: int, breaker: CircuitBreaker) -> None:
        """Connect nothing yet.

        Args:
            drivers: The one that is asked, and behind it those that must be closed with it.
            places: Questions at a time.
            breaker: Bounds the time, and spares a server that does not answer.
        """
        self._drivers = drivers
        self._places = places
        self._free = asyncio.Semaphore(places)
        self._breaker = breaker

    async def ask(self, words: Sequence[str], read: Callable[[object], T]) -> T:
        """Put a question and read the answer.

        Raises:
            UnavailableError: There is no answer, or the server was not asked.
            BackendError: The server refused, or `read` did.
        """
        async with self._free:
            return await self._breaker.call(lambda: self._ask(words, read))

    async def close(self) -> None:
        """Let the questions that are under way be answered, then close the connections."""
        for _ in range(self._places):
            await self._free.acquire()
        for driver in self._drivers:
            await driver.aclose()

    async def _ask(self, words: Sequence[str], read: Callable[[object], T]) -> T:
        try:
            answer = await self._drivers[0].execute_command(*words)
        except ResponseError as error:
            # Its first words say what is wrong; those behind them may quote what a client said.
            said = " ".join(str(error).split()[:2])
            raise BackendError(f"{words[0]}: {said}") from None
        return read(answer)


def drivers_for(config: Mapping[str, Any]) -> list[Any]:
    """Make the driver that the parameters ask for, with those that it stands on behind it; nothing is connected."""
    options = _options(config)
    servers: Sequence[Address] = config[REDIS_SERVER.key]
    places = [(_host(one), one.port) for one in servers]
    database = config[REDIS_DATABASE.key]
    match config[REDIS_TYPE.key]:
        case "cluster":
            nodes = [ClusterNode(host, port) for host, port in places]
            retry = options.pop("retry")
            return [RedisCluster(startup_nodes=nodes, retry=retry, **options)]
        case "sentinel":
            ways = {name: options[name] for name in options if name.startswith("socket_")}
            sentinel = Sentinel(  # type: ignore[no-untyped-call]
                places, sentinel_kwargs={**ways, "protocol": RESP_VERSION}
            )
            master = sentinel.master_for(config[REDIS_SENTINEL.key], db=database, **options)
            return [master, *sentinel.sentinels]
        case _:
            host, port = places[0]
            return [Redis(host=host, port=port, db=database, **options)]


def missing_file(config: Mapping[str, Any]) -> str | None:
    """Return the key of a file that is named and not there."""
    if not config[REDIS_SSL.key]:
        return None
    for row in (REDIS_SSL_CACERTFILE, REDIS_SSL_CERTFILE, REDIS_SSL_KEYFILE):
        if config[row.key] and not Path(config[row.key]).is_file():
            return row.key
    return None


def _options(config: Mapping[str, Any]) -> dict[str, Any]:
    timeout_s = config[REDIS_QUERY_TIMEOUT.key]
    options: dict[str, Any] = {
        "password": config[REDIS_PASSWORD.key] or None,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "protocol": RESP_VERSION,
        # Once more over a fresh connection: the server may have been started anew since the last question.
        "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    }
    if config[REDIS_SSL.key]:
        verifies = config[REDIS_SSL_VERIFY.key]
        options |= {
            "ssl": True,
            "ssl_cert_reqs": "required" if verifies else "none",
            "ssl_check_hostname": verifies,
            "ssl_ca_certs": config[REDIS_SSL_CACERTFILE.key] or None,
            "ssl_certfile": config[REDIS_SSL_CERTFILE.key] or None,
            "ssl_keyfile": config[REDIS_SSL_KEYFILE.key] or None,
        }
    return options


def _host(address: Address) -> str:
    # EMQX lets a bare port stand for the machine itself.
    return "127.0.0.1" if address.host == "0.0.0.0" else address.host  # noqa: S104 - compared, not bound
