"""Drivers for one Redis, for one behind sentinels, for a cluster. Loading this module takes time: not on the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from app.auth.breaker import BackendError
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

RESP_VERSION = 2
"""What every Redis speaks; the younger one begins with a greeting that old servers refuse."""


class RedisDriver:
    """`app.plugins.auth_redis.server.Driver` over redis-py."""

    def __init__(self, clients: Sequence[Any]) -> None:
        """Connect nothing yet.

        Args:
            clients: The one that is asked, and behind it those that must be closed with it.
        """
        self._clients = clients

    async def execute(self, words: Sequence[str]) -> object:
        """Put a question.

        Raises:
            BackendError: Redis refused.
        """
        try:
            answer: object = await self._clients[0].execute_command(*words)
        except ResponseError as error:
            # Its first words say what is wrong; those behind them may quote what a client said.
            said = " ".join(str(error).split()[:2])
            raise BackendError(f"{words[0]}: {said}") from None
        return answer

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            await client.aclose()


def driver_for(config: Mapping[str, Any]) -> RedisDriver:
    """Make the driver that the parameters ask for; nothing is connected."""
    options = _options(config)
    servers: Sequence[Address] = config[REDIS_SERVER.key]
    places = [(_host(one), one.port) for one in servers]
    database = config[REDIS_DATABASE.key]
    match config[REDIS_TYPE.key]:
        case "cluster":
            nodes = [ClusterNode(host, port) for host, port in places]
            retry = options.pop("retry")
            return RedisDriver([RedisCluster(startup_nodes=nodes, retry=retry, **options)])
        case "sentinel":
            ways = {name: options[name] for name in options if name.startswith("socket_")}
            sentinel = Sentinel(  # type: ignore[no-untyped-call]
                places, sentinel_kwargs={**ways, "protocol": RESP_VERSION}
            )
            master = sentinel.master_for(config[REDIS_SENTINEL.key], db=database, **options)
            return RedisDriver([master, *sentinel.sentinels])
        case _:
            host, port = places[0]
            return RedisDriver([Redis(host=host, port=port, db=database, **options)])


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
        # One that is gone must leave time for the others.
        "socket_connect_timeout": timeout_s / max(1, len(config[REDIS_SERVER.key])),
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
