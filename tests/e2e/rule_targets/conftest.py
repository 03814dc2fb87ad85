"""Both SQL servers with a table that rules may write to, and one action at work on one resource, without a node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest

from app.rules.actions.base import ActionSpec, Batches, Surroundings
from app.rules.actions.queue import Item, Outcome
from app.rules.registry import ACTION_TYPES, RESOURCE_TYPES
from app.rules.resources.base import Resource, ResourceSpec
from app.rules.terms.scope import Columns
from tests.harness.playbook import Playbook
from tests.harness.sockets_end import open_sockets, sockets_end
from tests.harness.sql_servers import PASSWORD, SqlServer, serve_mariadb, serve_postgresql

ACTIONS = {one.name: one for one in ACTION_TYPES}
RESOURCES = {one.name: one for one in RESOURCE_TYPES}
KINDS = {"mariadb": "mysql", "postgresql": "pgsql"}
USERS = {"mariadb": "user", "postgresql": "username"}
TABLE = {
    "mariadb": "create table mqtt.msg (id int primary key, name varchar(200), body longblob, at double) engine=InnoDB",
    "postgresql": "create table msg (id int primary key, name varchar(200), body bytea, at double precision)",
}
SERVES = {"mariadb": serve_mariadb, "postgresql": serve_postgresql}
INSERT = "insert into msg (id, name, body, at) values (${id}, ${name}, ${body}, ${at})"


@pytest.fixture(
    scope="package",
    params=[
        pytest.param("mariadb", marks=pytest.mark.server("mariadb")),
        pytest.param("postgresql", marks=pytest.mark.server("postgresql")),
    ],
)
def server(request: pytest.FixtureRequest) -> Iterator[SqlServer]:
    """Give each kind of server in turn, with its table."""
    with SERVES[request.param]() as server:
        server.execute(TABLE[server.name])
        whole = "mqtt.*" if server.name == "mariadb" else "msg"
        who = "mqtt@'127.0.0.1'" if server.name == "mariadb" else "mqtt"
        server.execute(f"grant all privileges on {whole} to {who}")
        yield server


@pytest.fixture
def table(server: SqlServer) -> SqlServer:
    """Give a server whose table is empty."""
    server.execute(f"delete from {table_of(server)}")
    return server


def table_of(server: SqlServer) -> str:
    return "mqtt.msg" if server.name == "mariadb" else "msg"


def rows_of(server: SqlServer, columns: str = "id, name, body, at") -> list[tuple[Any, ...]]:
    """Return what is in the table, asked of the server by a client of the test's own."""
    query = f"select {columns} from {table_of(server)} order by id"
    if server.name == "mariadb":
        connection = pymysql.connect(host="127.0.0.1", port=server.port, user="root")
        with connection, connection.cursor() as cursor:
            cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()]
    with psycopg.connect(f"host=127.0.0.1 port={server.port} user=godwit dbname=mqtt") as ours:
        return [tuple(row) for row in ours.execute(query.encode()).fetchall()]


def config_of(server: SqlServer, /, **config: Any) -> dict[str, Any]:
    """Return the configuration of a resource for a server."""
    login = {USERS[server.name]: "mqtt", "password": PASSWORD, "database": "mqtt"}
    return {"server": f"127.0.0.1:{server.port}", **login, **config}


class Work:
    """One action on one resource."""

    def __init__(self, resource: Resource, work: Batches) -> None:
        self.resource = resource
        self.work = work

    async def give(self, *outputs: Mapping[str, Any]) -> Outcome:
        """Deliver results together."""
        event = Columns({"timestamp": 1_700_000_000_123})
        items: Sequence[Item] = [Item(output, event) for output in outputs]
        return await self.work.deliver(items)


def play(
    scene: Callable[[Work], Coroutine[Any, Any, None]],
    resource: tuple[str, Mapping[str, Any]],
    action: tuple[str, Mapping[str, Any]],
    folder: Path = Path(),
) -> None:
    """Make both and play a scene with them."""

    async def run() -> None:
        sockets = open_sockets()
        core = Playbook().core
        kind = RESOURCES[resource[0]]
        kind.make_ready()
        made = kind.make(ResourceSpec("r", kind.name, kind.checked(resource[1]), folder), core)
        made.start()
        does = ACTIONS[action[0]]
        spec = ActionSpec("a", does.name, does.checked({"$resource": "r", **action[1]}))
        work = does.make(spec, Surroundings(core, {"r": made}.get))
        assert isinstance(work, Batches)
        try:
            await scene(Work(made, work))
        finally:
            made.close()
            # What is closed by the way is closed before the loop is.
            ending = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*ending, return_exceptions=True)
            await sockets_end(sockets)

    asyncio.run(run())
