"""The resources `backend_pgsql` and `backend_mysql`: databases that rules write to, over a pool of connections.

Source: EMQX Enterprise 4.4, `emqx_backend_pgsql_actions`, `emqx_backend_mysql_actions`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from app.backends.breaker import BreakerPolicy, CircuitBreaker, UnavailableError
from app.backends.pool import Connector, Pool
from app.backends.statements import Bound, Statement
from app.broker.core import BrokerCore
from app.rules.addresses import address_of
from app.rules.params import Param, Words
from app.rules.resources.base import Resource, ResourceSpec, ResourceType
from app.rules.resources.targets import (
    CONNECT_TIMEOUT_S,
    GRACE_S,
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

C = TypeVar("C")

PROBE = "select 1"
MAX_PAUSE_S = 15.0
PGSQL_PORT, MYSQL_PORT = 5432, 3306


class SqlTarget(Target):
    """A database."""

    @abstractmethod
    async def write(self, statement: Statement, rows: Sequence[Sequence[Bound]]) -> None:
        """Have a statement done for each row: for all of them, or for none.

        Raises:
            TryAgain: The database is not there, or busy.
            ActionFailed: It refused.
        """


class Writer(Connector[C], Protocol[C]):
    """A driver that writes."""

    async def write(
        self, connection: C, statement: Statement, rows: Sequence[Sequence[Bound]]
    ) -> None:
        """Have a statement done for each row, or for none; raises `BackendError`."""


Connect = Callable[[Mapping[str, Any], KeptFiles], Writer[Any]]
"""Makes a driver of a configuration, and of the files that it brings along."""


class PooledDatabase(SqlTarget):
    """A database server."""

    def __init__(self, spec: ResourceSpec, core: BrokerCore, connect: Connect) -> None:
        """Take the configuration; nothing is connected.

        Raises:
            BadArguments: A file of TLS cannot be used.
        """
        super().__init__(spec, core)
        self._files = KeptFiles(spec.config)
        self._driver = connect(spec.config, self._files)
        policy = BreakerPolicy(REQUEST_TIMEOUT_S + GRACE_S, max_pause_s=MAX_PAUSE_S)
        breaker = CircuitBreaker(f"The resource {spec.id}", policy, core.clock)
        self._pool = Pool(self._driver, breaker, spec.config["pool_size"])

    async def look(self) -> None:
        """Ask the server for nothing."""
        await self._pool.fetch(PROBE, ())

    async def write(self, statement: Statement, rows: Sequence[Sequence[Bound]]) -> None:
        """Have a statement done for each row: for all of them, or for none."""

        def work(connection: Any) -> Awaitable[None]:
            return self._driver.write(connection, statement, rows)

        await self.ask(lambda: self._pool.use(work))

    def close(self) -> None:
        """Close the connections."""
        super().close()
        self._pool.close()
        self._files.close()


def _pgsql(config: Mapping[str, Any], files: KeptFiles) -> Writer[Any]:
    from app.backends.pgsql import PgsqlConnector  # loaded by `_load_pgsql`

    host, port = address_of(config["server"], PGSQL_PORT, "server")
    options = {
        "host": host,
        "port": str(port),
        "user": config["username"],
        "password": config["password"],
        "dbname": config["database"],
        "client_encoding": "utf8",
        "application_name": "godwit",
        "connect_timeout": str(CONNECT_TIMEOUT_S),
        **_libpq_tls(config, files),
    }
    return PgsqlConnector(options, REQUEST_TIMEOUT_S)


def _libpq_tls(config: Mapping[str, Any], files: KeptFiles) -> dict[str, str]:
    if not config["ssl"]:
        return {"sslmode": "disable"}
    tls_context(config)  # says by name which file is to blame
    certificate = files.path("certfile")
    key = files.path("keyfile") or certificate
    options = {word: path for word, path in (("sslcert", certificate), ("sslkey", key)) if path}
    if not config["verify"]:
        return {"sslmode": "require", **options}
    return {
        "sslmode": "verify-full",
        "sslrootcert": files.path("cacertfile") or "system",
        **options,
    }


def _mysql(config: Mapping[str, Any], files: KeptFiles) -> Writer[Any]:
    from app.backends.mysql import MysqlConnector  # loaded by `_load_mysql`

    del files  # the context reads them itself
    host, port = address_of(config["server"], MYSQL_PORT, "server")
    return MysqlConnector(
        {
            "host": host,
            "port": port,
            "user": config["user"],
            "password": config["password"],
            "database": config["database"],
            "connect_timeout": CONNECT_TIMEOUT_S,
            "ssl": tls_context(config) if config["ssl"] else None,
        }
    )


def _load_pgsql() -> None:
    import app.backends.pgsql as _loaded  # noqa: F401 - longer than the loop may stand still


def _load_mysql() -> None:
    import app.backends.mysql as _loaded  # noqa: F401 - longer than the loop may stand still


def _params(server: str, user: str, database: str) -> tuple[Param, ...]:
    return (
        address_param(
            "server", server, Words("Server", "服务器"),
            Words("Host and port of the server.", "服务器地址与端口"),
        ),
        text_param(
            "database", Words("Database", "数据库名"),
            Words("The name of the database.", "数据库名称"), database,
        ),
        text_param(
            user, Words("User", "用户名"), Words("Who logs in there.", "登录用户名"), "root",
        ),
        PASSWORD,
        pool_size_param(8),
        *SSL_PARAMS,
    )  # fmt: skip


def _kind(
    name: str,
    title: str,
    params: tuple[Param, ...],
    connect: Connect,
    load: Callable[[], None],
) -> ResourceType:
    def make(spec: ResourceSpec, core: BrokerCore) -> Resource:
        return PooledDatabase(spec, core, connect)

    async def probe(spec: ResourceSpec, core: BrokerCore) -> None:
        del core
        files = KeptFiles(spec.config)
        driver = connect(spec.config, files)

        async def look() -> None:
            try:
                connection = await driver.open()
            except Exception as error:
                raise UnavailableError(name) from error
            try:
                await driver.fetch(connection, PROBE, ())
            finally:
                driver.close(connection)

        try:
            await looked(look)
        finally:
            files.close()

    return ResourceType(
        name,
        "emqx_rule_engine",
        Words(title, title),
        Words(f"A {title} database.", f"{title} 数据库"),
        params,
        make,
        probe,
        load,
    )


BACKEND_PGSQL = _kind(
    "backend_pgsql",
    "PostgreSQL",
    _params("127.0.0.1:5432", "username", "mqtt"),
    _pgsql,
    _load_pgsql,
)
BACKEND_MYSQL = _kind(
    "backend_mysql", "MySQL", _params("127.0.0.1:3306", "user", "mqtt"), _mysql, _load_mysql
)
