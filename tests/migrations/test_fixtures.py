"""A database of every earlier step comes to the newest one, and all that was in it is still there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.config import DatabaseSettings, Settings
from app.models import App, Base, Database, is_at_head, migrate
from app.models.migration import steps
from app.secret_box import SecretBox
from tests.migrations.make_fixtures import FIXTURES, KEY, ROWS, SECRET

LARGEST_BYTES = 64_000

Rows = dict[str, list[dict[str, Any]]]


def made_from(step: str, folder: Path) -> Settings:
    """Return the settings of an instance that was made with this step."""
    path = folder / "godwit.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript((FIXTURES / f"{step}.sql").read_text("utf-8"))
    return Settings(folder, database=DatabaseSettings(url=f"sqlite:///{path}"))


def rows(settings: Settings) -> Rows:
    with closing(sqlite3.connect(settings.instance_dir / "godwit.db")) as database:
        database.row_factory = sqlite3.Row
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: [dict(row) for row in database.execute(f"SELECT * FROM {name} ORDER BY rowid")]
            for (name,) in map(tuple, tables)
            if name != "alembic_version" and not name.startswith("sqlite_")
        }


def test_there_is_a_fixture_for_every_step_and_each_is_small() -> None:
    missing = "run `python -m tests.migrations.make_fixtures` and commit what it makes"
    assert {path.stem for path in FIXTURES.glob("*.sql")} == set(steps()), missing
    assert all(path.stat().st_size < LARGEST_BYTES for path in FIXTURES.iterdir())


@pytest.mark.parametrize("step", steps())
def test_what_was_there_at_a_step_is_there_at_the_newest_one(step: str, tmp_path: Path) -> None:
    settings = made_from(step, tmp_path)
    before = rows(settings)
    assert before
    assert {len(of_table) for of_table in before.values()} == {ROWS}
    migrate(settings)
    assert is_at_head(settings)
    after = rows(settings)
    for table, of_table in before.items():
        now = [{column: row[column] for column in of_table[0]} for row in after[table]]
        assert now == of_table


@pytest.mark.parametrize("step", steps())
def test_the_newest_code_reads_every_row_and_opens_the_secrets(step: str, tmp_path: Path) -> None:
    settings = made_from(step, tmp_path)
    migrate(settings)
    with closing(Database(settings)) as database, database.reading() as session:
        for mapper in Base.registry.mappers:
            session.scalars(select(mapper.class_)).all()
        for app in session.scalars(select(App)):
            assert SecretBox(tmp_path, KEY).open(app.secret_encrypted) == SECRET
