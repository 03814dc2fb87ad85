"""Make the database of every step of the schema, with rows in all of its tables.

Run as `python -m tests.migrations.make_fixtures`.
A fixture that is there stays as it is: it stands for instances that were made with that step, whatever the step's file
says by now. So after adding a step, run this once and commit what it made.
"""

from __future__ import annotations

import itertools
import re
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from alembic import command
from sqlalchemy import JSON, Boolean, Integer, LargeBinary, MetaData, Table, insert, inspect

from app.config import DatabaseSettings, Settings
from app.models import Database
from app.models.migration import alembic_config, steps
from app.secret_box import SecretBox

FIXTURES: Final = Path(__file__).with_name("fixtures")
KEY: Final = "the key that secrets in the fixtures are encrypted with"
SECRET: Final = "geheim ü"
ROWS: Final = 2
_LONGEST: Final = 60
_ONE_OF: Final = re.compile(r"\b(\w+) IN \(([^)]*)\)")


def main() -> None:
    """Make what is missing."""
    FIXTURES.mkdir(exist_ok=True)
    for step in steps():
        path = FIXTURES / f"{step}.sql"
        if not path.exists():
            path.write_text(dump_at(step), "utf-8")


def dump_at(step: str) -> str:
    """Return the statements that make a database of that step, with rows."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "godwit.db"
        settings = Settings(path.parent, database=DatabaseSettings(url=f"sqlite:///{path}"))
        with closing(Database(settings)) as database, database.connection() as connection:
            command.upgrade(alembic_config(connection), step)
            choices = {
                table: _choices(inspect(connection).get_check_constraints(table))
                for table in inspect(connection).get_table_names()
            }
            metadata = MetaData()
            metadata.reflect(connection)
            for table in metadata.sorted_tables:
                if table.name != "alembic_version":
                    rows = [_row(table, number, choices[table.name]) for number in range(ROWS)]
                    connection.execute(insert(table), rows)
        with closing(sqlite3.connect(path)) as made:
            return "\n".join(made.iterdump()) + "\n"


def _choices(checks: Any) -> dict[str, list[str]]:
    found = itertools.chain.from_iterable(_ONE_OF.findall(check["sqltext"]) for check in checks)
    return {column: re.findall(r"'([^']*)'", texts) for column, texts in found}


def _row(table: Table, number: int, choices: dict[str, list[str]]) -> dict[str, Any]:
    return {
        column.name: choices[column.name][number % len(choices[column.name])]
        if column.name in choices
        else _value(table, column, number)
        for column in table.columns
    }


def _value(table: Table, column: Any, number: int) -> Any:
    text = f"{table.name}.{column.name} ü {number}"
    match column.type:
        case _ if column.name.endswith("_encrypted"):
            return SecretBox(Path(), KEY).seal(SECRET)
        case Boolean():
            return bool(number)
        case Integer():
            return 1_700_000_000_000 + number
        case LargeBinary():
            return text.encode() + b"\x00\xff"
        case JSON():
            return {"text": text, "list": [number, 1.5, None, True]}
        case other:
            return text[-min(getattr(other, "length", None) or _LONGEST, _LONGEST) :]


if __name__ == "__main__":
    main()
