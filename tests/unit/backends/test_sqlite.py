"""A file of SQLite: what is written is there, and no statement reaches beyond the rows of its tables."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.backends import sqlite as module
from app.backends.breaker import BackendError, BusyError
from app.backends.sqlite import SqliteFile
from app.backends.statements import Statement

SCHEMA = "create table if not exists t(a primary key, b); create index if not exists i on t(b);"
INSERT = Statement(("insert into t values (", ", ", ")"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "below" / "x.db"


def play(
    path: Path, scene: Callable[[SqliteFile], Coroutine[Any, Any, None]], schema: str = SCHEMA
) -> None:
    async def run() -> None:
        file = SqliteFile(path, schema)
        try:
            await scene(file)
        finally:
            file.close()

    asyncio.run(run())


def rows(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("select a, b from t order by a").fetchall()


def test_rows_are_written_all_or_none(path: Path) -> None:
    async def scene(file: SqliteFile) -> None:
        await file.write(INSERT, [[1, "'); drop table t; --"], [2, b"\xff"]])
        with pytest.raises(BackendError) as refused:
            await file.write(INSERT, [[3, None], [1, "again"]])
        assert not isinstance(refused.value, BusyError)

    play(path, scene)
    assert rows(path) == [(1, "'); drop table t; --"), (2, b"\xff")]


@pytest.mark.parametrize(
    "text",
    [
        "attach database 'other.db' as o",
        "vacuum into 'other.db'",
        "pragma synchronous = off",
        "drop table t",
        "create table u(a)",
        "alter table t rename to u",
        "insert into t select load_extension('x'), 1",
        "insert into sqlite_master values (1, 2, 3, 4, 5)",
        "delete from t; delete from t",
        "begin",
        "select * from t",
        "insert into t with recursive c(x) as (select 1 union all select x + 1 from c) select x, x from c",
    ],
)
def test_a_statement_changes_rows_and_nothing_else(
    path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_S", 0.2)

    async def scene(file: SqliteFile) -> None:
        await file.write(INSERT, [[1, 1]])
        with pytest.raises(BackendError) as refused:
            await file.write(Statement((text,)), [[]])
        assert not isinstance(refused.value, BusyError)
        await file.write(INSERT, [[2, 2]])

    play(path, scene)
    assert rows(path) == [(1, 1), (2, 2)]
    assert {one.name for one in path.parent.iterdir()} <= {"x.db", "x.db-wal", "x.db-shm"}


@pytest.mark.parametrize(
    "schema", ["attach 'o.db' as o", "pragma user_version = 1", "selec", "drop table t"]
)
def test_a_schema_makes_tables_and_nothing_else(path: Path, schema: str) -> None:
    async def scene(file: SqliteFile) -> None:
        with pytest.raises(BackendError):
            await file.check()
        with pytest.raises(BackendError):
            await file.write(INSERT, [[1, 1]])

    play(path, scene, schema)


def test_a_row_with_a_value_that_has_no_form_is_refused(path: Path) -> None:
    async def scene(file: SqliteFile) -> None:
        for value in (2**63, "\ud800"):
            with pytest.raises(BackendError) as refused:
                await file.write(INSERT, [[1, value]])
            assert not isinstance(refused.value, BusyError)

    play(path, scene)


def test_a_file_that_somebody_takes_away_is_made_anew(path: Path) -> None:
    async def scene(file: SqliteFile) -> None:
        await file.write(INSERT, [[1, 1]])
        for one in path.parent.iterdir():
            one.unlink()
        await file.write(INSERT, [[2, 2]])

    play(path, scene)
    assert rows(path) == [(2, 2)]


def test_a_file_that_somebody_else_holds_is_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_S", 0.05)

    async def scene(file: SqliteFile) -> None:
        await file.write(INSERT, [[1, 1]])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("begin immediate")
            with pytest.raises(BusyError):
                await file.write(INSERT, [[2, 2]])
        await file.write(INSERT, [[2, 2]])

    play(path, scene)
    assert len(rows(path)) == 2


def test_what_is_no_database_or_a_link_is_not_written_to(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("this is a letter to a friend and no database at all\n" * 50)

    async def scene(file: SqliteFile) -> None:
        with pytest.raises(BusyError):
            await file.write(INSERT, [[1, 1]])

    play(path, scene)
    path.unlink()
    path.symlink_to(path.parent / "elsewhere")
    play(path, scene)
    assert not (path.parent / "elsewhere").exists()
