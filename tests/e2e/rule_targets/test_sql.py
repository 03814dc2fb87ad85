"""Results of rules in real databases: what is bound, what is refused, and what an outage costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.rules.errors import ActionFailed, ResourceDown, TryAgain
from app.rules.resources.base import ResourceSpec
from tests.e2e.rule_targets.conftest import (
    INSERT,
    KINDS,
    RESOURCES,
    Work,
    config_of,
    play,
    rows_of,
    table_of,
)
from tests.harness.playbook import Playbook
from tests.harness.sql_servers import SqlServer

NASTY = (
    "'); drop table msg; --",
    "\\'; delete from msg; #",
    '"${id}" %s ? $1 :x',
    "$$; drop table msg; $$",
    "\u2028 snow \u2603 \U0001f9ca",
    "",
)


def at(
    server: SqlServer, scene: Callable[[Work], Coroutine[Any, Any, None]], sql: str = INSERT, **more: Any
) -> None:  # fmt: skip
    kind = KINDS[server.name]
    play(scene, (f"backend_{kind}", config_of(server)), (f"data_to_{kind}", {"sql": sql, **more}))


def test_values_are_data_and_never_a_part_of_the_statement(table: SqlServer) -> None:
    async def scene(work: Work) -> None:
        await work.give(
            *({"id": n, "name": text, "body": text, "at": 0.5} for n, text in enumerate(NASTY))
        )

    at(table, scene)
    assert [(row[1], bytes(row[2]).decode()) for row in rows_of(table)] == [(t, t) for t in NASTY]


def test_values_keep_their_types_and_what_is_not_there_is_null(table: SqlServer) -> None:
    async def scene(work: Work) -> None:
        await work.give({"id": 1.0, "name": {"a": [1, None]}, "body": b"\xff\x00", "at": 3})
        await work.give({"id": "2", "name": True, "body": "\\x41"})
        await work.give({"id": True and 3, "name": 12, "body": {"k": 1}, "at": "2.5"})

    at(table, scene)
    first, second, third = rows_of(table)
    assert first == (1, '{"a":[1,null]}', b"\xff\x00", 3.0)
    assert second[0] == 2 and second[1] in ("true", "1") and second[2:] == (b"\\x41", None)
    assert third == (3, "12", b'{"k":1}', 2.5)


def test_texts_in_quotes_with_a_variable_are_one_value(table: SqlServer) -> None:
    sql = "insert into msg (id, name) values ('${id}', 'it is ${name}, 100% ?')"

    async def scene(work: Work) -> None:
        await work.give({"id": 1, "name": "x', 'y"})

    at(table, scene, sql)
    assert rows_of(table, "id, name") == [(1, "it is x', 'y, 100% ?")]


def test_many_rows_go_in_together_in_their_order(table: SqlServer) -> None:
    async def scene(work: Work) -> None:
        await work.give(*({"id": n, "name": f"n{n}", "body": "b", "at": n} for n in range(777)))

    at(table, scene)
    assert rows_of(table, "id, name") == [(n, f"n{n}") for n in range(777)]


def test_a_batch_with_a_bad_row_leaves_nothing_behind_and_is_not_tried_again(
    table: SqlServer,
) -> None:
    async def scene(work: Work) -> None:
        rows: list[dict[str, Any]] = [{"id": n, "name": "n", "body": "b", "at": n} for n in range(100)]  # fmt: skip
        rows[70]["id"] = 3
        with pytest.raises(ActionFailed) as failed:
            await work.give(*rows)
        assert type(failed.value) is ActionFailed
        await work.give(*rows[:50])

    at(table, scene)
    assert len(rows_of(table)) == 50


def test_statements_that_are_no_insert_work_too(table: SqlServer) -> None:
    async def scene(work: Work) -> None:
        await work.give({"id": 1, "name": "a"}, {"id": 1, "name": "b"}, {"id": 2, "name": "c"})

    table.execute(f"insert into {table_of(table)} (id, name) values (1, '-'), (2, '-')")
    at(table, scene, "update msg set name = ${name} where id = ${id}")
    assert rows_of(table, "id, name") == [(1, "b"), (2, "c")]


@pytest.mark.parametrize(
    "sql", ["insert into nowhere values (${id})", "selec ${id}", f"{INSERT}; delete from msg"]
)
def test_a_statement_that_cannot_be_is_given_up(table: SqlServer, sql: str) -> None:
    async def scene(work: Work) -> None:
        with pytest.raises(ActionFailed) as failed:
            await work.give({"id": 1, "name": "n", "body": "b", "at": 1})
        assert type(failed.value) is ActionFailed

    table.execute(f"insert into {table_of(table)} (id) values (7)")
    at(table, scene, sql)
    assert rows_of(table, "id") == [(7,)]


def test_two_who_lock_each_other_out_are_tried_again(table: SqlServer) -> None:
    async def scene(work: Work) -> None:
        with pytest.raises(TryAgain):
            await work.give({"id": 1})

    if table.name == "mariadb":
        says = "begin signal sqlstate '40001' set mysql_errno = 1213; end"
        table.execute(f"create or replace procedure mqtt.deadlocked(n int) {says}")
        table.execute("grant execute on mqtt.* to mqtt@'127.0.0.1'")
    else:
        says = "as $$ begin raise sqlstate '40001'; end $$"
        table.execute(f"create or replace procedure deadlocked(n int) language plpgsql {says}")
    at(table, scene, "call deadlocked(${id})")


def test_a_server_that_is_killed_is_waited_for(table: SqlServer) -> None:
    async def scene(work: Work) -> None:
        row = {"name": "n", "body": "b", "at": 1}
        await work.give({"id": 1, **row})
        assert work.resource.is_alive
        table.kill()
        try:
            with pytest.raises(TryAgain):
                await work.give({"id": 2, **row})
            assert not work.resource.is_alive
        finally:
            await asyncio.get_running_loop().run_in_executor(None, table.start)
        async with asyncio.timeout(30):
            while True:
                try:
                    await work.give({"id": 2, **row})
                    break
                except TryAgain:
                    await asyncio.sleep(0.05)
        assert work.resource.is_alive

    at(table, scene)
    assert rows_of(table, "id") == [(1,), (2,)]


@pytest.mark.parametrize(
    "wrong", [{}, {"password": "no"}, {"database": "nowhere"}, {"server": "127.0.0.1:1"}]
)
def test_a_connection_is_tried(server: SqlServer, wrong: dict[str, Any]) -> None:
    kind = RESOURCES[f"backend_{KINDS[server.name]}"]
    kind.make_ready()

    async def probe() -> None:
        config = kind.checked(config_of(server, **wrong))
        await kind.probe(ResourceSpec("r", kind.name, config), Playbook().core)

    if not wrong:
        asyncio.run(probe())
        return
    with pytest.raises(ResourceDown) as down:
        asyncio.run(probe())
    assert str(down.value)
