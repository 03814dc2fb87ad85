"""The driver that the parameters ask for. Loading this module takes time: not on the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redis.exceptions import ResponseError

from app.backends.breaker import BackendError
from app.backends.redis import Deployment, clients_for
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
    servers: Sequence[Address] = config[REDIS_SERVER.key]
    deployment = Deployment(
        kind=config[REDIS_TYPE.key],
        places=[(_host(one), one.port) for one in servers],
        timeout_s=config[REDIS_QUERY_TIMEOUT.key],
        password=config[REDIS_PASSWORD.key] or None,
        database=config[REDIS_DATABASE.key],
        sentinel=config[REDIS_SENTINEL.key],
        tls=_tls(config),
    )
    return RedisDriver(clients_for(deployment))


def missing_file(config: Mapping[str, Any]) -> str | None:
    """Return the key of a file that is named and not there."""
    if not config[REDIS_SSL.key]:
        return None
    for row in (REDIS_SSL_CACERTFILE, REDIS_SSL_CERTFILE, REDIS_SSL_KEYFILE):
        if config[row.key] and not Path(config[row.key]).is_file():
            return row.key
    return None


def _tls(config: Mapping[str, Any]) -> dict[str, Any]:
    if not config[REDIS_SSL.key]:
        return {}
    verifies = config[REDIS_SSL_VERIFY.key]
    return {
        "ssl": True,
        "ssl_cert_reqs": "required" if verifies else "none",
        "ssl_check_hostname": verifies,
        "ssl_ca_certs": config[REDIS_SSL_CACERTFILE.key] or None,
        "ssl_certfile": config[REDIS_SSL_CERTFILE.key] or None,
        "ssl_keyfile": config[REDIS_SSL_KEYFILE.key] or None,
    }


def _host(address: Address) -> str:
    # EMQX lets a bare port stand for the machine itself.
    return "127.0.0.1" if address.host == "0.0.0.0" else address.host  # noqa: S104 - compared, not bound
