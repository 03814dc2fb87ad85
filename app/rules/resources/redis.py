"""The resources `backend_redis_single`, `backend_redis_sentinel` and `backend_redis_cluster`.

Source: EMQX Enterprise 4.4, `emqx_backend_redis_actions`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.backends.breaker import UnavailableError
from app.broker.core import BrokerCore
from app.rules.addresses import addresses_of
from app.rules.errors import ActionFailed, TryAgain
from app.rules.params import Param, Words
from app.rules.resources.base import ResourceSpec, ResourceType
from app.rules.resources.targets import (
    CONNECT_TIMEOUT_S,
    PASSWORD,
    REQUEST_TIMEOUT_S,
    SSL_PARAMS,
    Target,
    address_param,
    looked,
    pool_size_param,
    text_param,
)
from app.rules.resources.tls import KeptFiles, tls_context

if TYPE_CHECKING:
    from app.backends.redis import Deployment

PROBED_KEY = "godwit"
SERVER_PORT, SENTINEL_PORT = 6379, 26379
_PASSING = (
    "BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "READONLY",
    "TRYAGAIN",
)  # fmt: skip
"""First words of refusals that may pass."""
_KINDS = {
    "backend_redis_single": "single",
    "backend_redis_sentinel": "sentinel",
    "backend_redis_cluster": "cluster",
}


class RedisTarget(Target):
    """One Redis, or what stands for one."""

    def __init__(self, spec: ResourceSpec, core: BrokerCore) -> None:
        """Take the configuration; nothing is connected.

        Raises:
            BadArguments: A file of TLS cannot be used.
        """
        super().__init__(spec, core)
        self._files = KeptFiles(spec.config)
        self._clients = _clients(spec, self._files)
        self._room = asyncio.Semaphore(spec.config["pool_size"])

    async def look(self) -> None:
        """Ask for nothing."""
        await _look(self._clients[0])

    async def send(self, commands: Sequence[Sequence[bytes]]) -> list[ActionFailed | None]:
        """Send commands together, and return what became of each, in their order.

        Raises:
            TryAgain: There was no answer.
        """
        async with self._room:
            answers = await self.ask(lambda: _sent(self._clients[0], commands))
        outcome = [_outcome(answer) for answer in answers]
        if any(isinstance(one, TryAgain) for one in outcome):
            # A server that may only be read now has a successor: it is looked for over a new connection.
            await _hang_up(self._clients[0])
        return outcome

    def close(self) -> None:
        """Close the connections."""
        super().close()
        asyncio.get_running_loop().create_task(self._closed())

    async def _closed(self) -> None:
        for client in self._clients:
            await client.aclose()
        self._files.close()


async def _sent(client: Any, commands: Sequence[Sequence[bytes]]) -> list[object]:
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            pipeline = client.pipeline(transaction=False)
            for name, *words in commands:
                # By its name the driver looks up where the key is.
                pipeline.execute_command(name.decode("utf-8", "replace"), *words)
            answers: list[object] = await pipeline.execute(raise_on_error=False)
    except Exception as error:  # whatever the driver raises
        raise UnavailableError(PROBED_KEY) from error
    return answers


async def _look(client: Any) -> None:
    try:
        # Of a cluster that asks one node; PING would ask all of them, and one that is gone would count for all.
        await client.execute_command("EXISTS", PROBED_KEY)
    except Exception as error:  # whatever the driver raises
        raise UnavailableError(PROBED_KEY) from error


async def _hang_up(client: Any) -> None:
    pool = getattr(client, "connection_pool", None)
    if pool is not None:
        await pool.disconnect(inuse_connections=False)


def _outcome(answer: object) -> ActionFailed | None:
    from redis.exceptions import (  # loaded by `_load`
        ClusterDownError,
        OutOfMemoryError,
        ReadOnlyError,
        ResponseError,
        TryAgainError,
    )

    if not isinstance(answer, Exception):
        return None
    passing = (ClusterDownError, OutOfMemoryError, ReadOnlyError, TryAgainError)
    is_refused = isinstance(answer, ResponseError) and not isinstance(answer, passing)
    text = str(answer) or type(answer).__name__
    is_passing = not is_refused or text.startswith(_PASSING)
    return (TryAgain if is_passing else ActionFailed)(text)


def _clients(spec: ResourceSpec, files: KeptFiles) -> list[Any]:
    from app.backends.redis import clients_for  # loaded by `_load`

    return clients_for(_deployment(spec, files))


def _deployment(spec: ResourceSpec, files: KeptFiles) -> Deployment:
    from app.backends.redis import Deployment  # loaded by `_load`

    config = spec.config
    name = "servers" if "servers" in config else "server"
    port = SENTINEL_PORT if config.get("sentinel") else SERVER_PORT
    return Deployment(
        kind=_KINDS[spec.type],
        places=[*addresses_of(config[name], port, name)],
        timeout_s=CONNECT_TIMEOUT_S,
        password=config["password"] or None,
        database=int(config["database"]),
        sentinel=config.get("sentinel", ""),
        tls=_tls(config, files) if config["ssl"] else {},
    )


def _tls(config: Mapping[str, Any], files: KeptFiles) -> dict[str, Any]:
    tls_context(config)  # says by name which file is to blame
    return {
        "ssl": True,
        "ssl_cert_reqs": "required" if config["verify"] else "none",
        "ssl_check_hostname": bool(config["verify"]),
        "ssl_ca_certs": files.path("cacertfile") or None,
        "ssl_certfile": files.path("certfile") or None,
        "ssl_keyfile": files.path("keyfile") or None,
    }


async def _probe(spec: ResourceSpec, core: BrokerCore) -> None:
    del core
    files = KeptFiles(spec.config)
    clients = _clients(spec, files)
    try:
        await looked(lambda: _look(clients[0]))
    finally:
        for client in clients:
            await client.aclose()
        files.close()


def _load() -> None:
    import app.backends.redis as _loaded  # noqa: F401 - longer than the loop may stand still


_SERVER = address_param(
    "server", "127.0.0.1:6379", Words("Redis Server", "Redis 服务器"),
    Words("Host and port of the server.", "服务器地址与端口"),
)  # fmt: skip
_SERVERS = address_param(
    "servers", "127.0.0.1:6379", Words("Redis Servers", "Redis 服务器列表"),
    Words(
        "Hosts and ports, with commas between them; one that answers is enough.",
        "服务器地址与端口，以逗号分隔，其中一个可用即可",
    ),
)  # fmt: skip
_SENTINEL = text_param(
    "sentinel", Words("Sentinel", "Sentinel 集群名称"),
    Words("The name by which the sentinels know the server.", "哨兵监控的主节点名称"), "mymaster",
)  # fmt: skip
_SHARED = (
    Param(
        "database", "number", Words("Database", "数据库"),
        Words("The number of the database.", "数据库编号"), default=0,
    ),
    PASSWORD,
    pool_size_param(8),
    *SSL_PARAMS,
)  # fmt: skip


def _kind(name: str, en: str, zh: str, *params: Param) -> ResourceType:
    return ResourceType(
        name,
        "emqx_rule_engine",
        Words(f"Redis {en}", f"Redis {zh}"),
        Words(f"Redis, {en.lower()}.", f"Redis {zh}"),
        (*params, *_SHARED),
        RedisTarget,
        _probe,
        _load,
    )


BACKEND_REDIS_SINGLE = _kind("backend_redis_single", "Single Mode", "单节点模式", _SERVER)
BACKEND_REDIS_SENTINEL = _kind(
    "backend_redis_sentinel", "Sentinel Mode", "哨兵模式", _SERVERS, _SENTINEL
)
BACKEND_REDIS_CLUSTER = _kind("backend_redis_cluster", "Cluster Mode", "集群模式", _SERVERS)
