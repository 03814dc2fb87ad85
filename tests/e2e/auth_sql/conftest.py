"""Both servers, with EMQX's tables in them, and a broker that asks one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterator
from typing import Any

import pytest

from app.broker.access_control import Credentials
from app.broker.client_info import ClientInfo
from app.config import AllowAnonymous
from app.plugins.auth_mysql import AuthMysql
from app.plugins.auth_pgsql import AuthPgsql
from app.plugins.auth_sql.plugin import SqlAuth
from app.plugins.host import ExtensionHost
from app.plugins.registry import read_config
from tests.harness.playbook import Playbook
from tests.harness.sql_servers import PASSWORD, SqlServer, serve_mariadb, serve_postgresql

PLUGINS: dict[str, type[SqlAuth]] = {"mariadb": AuthMysql, "postgresql": AuthPgsql}
SERVES = {"mariadb": serve_mariadb, "postgresql": serve_postgresql}
HOOK_TIMEOUT_S = 10
TABLES = (
    """create table mqtt_user (id serial primary key, username varchar(100), password varchar(200),
    salt varchar(100), is_superuser {flag})""",
    """create table mqtt_acl (id serial primary key, allow int, ipaddr varchar(60), username varchar(100),
    clientid varchar(100), access int, topic varchar(200))""",
)


@pytest.fixture(
    scope="package",
    params=[
        pytest.param("mariadb", marks=pytest.mark.server("mariadb")),
        pytest.param("postgresql", marks=pytest.mark.server("postgresql")),
    ],
)
def sql_server(request: pytest.FixtureRequest) -> Iterator[SqlServer]:
    """Give each kind of server in turn."""
    with SERVES[request.param]() as server:
        make_tables(server)
        yield server


def make_tables(server: SqlServer) -> None:
    """Make the tables that EMQX's queries ask for."""
    use = "mqtt." if server.name == "mariadb" else ""
    flag = "tinyint(1)" if server.name == "mariadb" else "boolean"
    for statement in TABLES:
        made = statement.replace("create table ", f"create table {use}").format(flag=flag)
        server.execute(made)


async def _in_time(_point: str, answer: Awaitable[Any]) -> Any:
    async with asyncio.timeout(HOOK_TIMEOUT_S):
        return await answer


class Admission:
    """A broker with the plugin loaded; its clock stands still unless it is told to move."""

    def __init__(self, server: SqlServer) -> None:
        self.server = server
        self.plugin = PLUGINS[server.name]()
        self.prefix = self.plugin.rows.server.key.removesuffix(".server")
        self.playbook = Playbook(allow_anonymous=AllowAnonymous.FALSE)
        self.core = self.playbook.core
        self.core.spawn = self._spawn
        self.core.hooks.in_time = _in_time
        self.host = ExtensionHost(self.core)
        self._tasks: set[asyncio.Task[None]] = set()
        self._table = "mqtt." if server.name == "mariadb" else ""

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def load(self, **parameters: str) -> None:
        """Load the plugin; double underscores in names are dots."""
        given = {"server": f"127.0.0.1:{self.server.port}", "username": "mqtt"}
        given |= {"password": PASSWORD, "pool": "4"}
        given |= {name.replace("__", "."): value for name, value in parameters.items()}
        config = read_config(self.plugin, {f"{self.prefix}.{k}": v for k, v in given.items()})
        self.host.load(self.plugin, config, self.plugin.prepare(config))

    async def settle(self) -> None:
        """Wait for what the plugin does by the way."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def has_user(
        self, username: str, password: str, salt: str | None = None, *, superuser: bool = False
    ) -> None:
        self.server.execute(
            f"insert into {self._table}mqtt_user (username, password, salt, is_superuser) values (%s, %s, %s, %s)",
            username,
            password,
            salt,
            superuser,
        )

    def has_rule(self, allow: int, who: dict[str, str], access: int, topic: str) -> None:
        self.server.execute(
            f"insert into {self._table}mqtt_acl (allow, ipaddr, username, clientid, access, topic) "
            "values (%s, %s, %s, %s, %s, %s)",
            allow,
            who.get("ipaddr"),
            who.get("username"),
            who.get("clientid"),
            access,
            topic,
        )

    def client(self, username: str | None, clientid: str = "c1") -> ClientInfo:
        info = self.playbook.client().channel.client
        info.clientid, info.username = clientid, username
        return info

    async def enters(
        self, username: str | None, password: bytes | None = b"public", clientid: str = "c1"
    ) -> Any:
        """Return the verdict about a client."""
        credentials = Credentials(self.client(username, clientid), password)
        verdict = self.core.access.authenticate(credentials)
        return await verdict if asyncio.iscoroutine(verdict) else verdict

    async def may(self, client: ClientInfo, action: str, topic: str) -> bool:
        """Return what the access rules say."""
        allowed = self.core.access.may(client, action, topic)
        return allowed if isinstance(allowed, bool) else await allowed

    def empty(self) -> None:
        """Forget users and rules."""
        for table in ("mqtt_user", "mqtt_acl"):
            self.server.execute(f"delete from {self._table}{table}")


@pytest.fixture
def admission(sql_server: SqlServer) -> Iterator[Admission]:
    """Give a broker whose database is empty; the plugin is for the test to load."""
    made = Admission(sql_server)
    made.empty()
    yield made
    assert not made.host.is_loaded(made.plugin), "the test must unload what it loaded"
