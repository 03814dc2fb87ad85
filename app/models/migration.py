"""The schema's life: is the database at the newest step, and bringing it there.

The steps themselves are in `migrations/`, and run in this process; nothing is started for them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.config import Settings
from app.models.database import Database, DatabaseError

_log = logging.getLogger(__name__)

MIGRATIONS_DIR = Path(__file__).resolve().parents[2] / "migrations"
MIGRATION_LOCK_ID = 0x676F6477
"""`godw` in ASCII: the advisory lock under which nodes that start together take turns."""
MIGRATION_TIMEOUT_S = 3_600
"""How long one statement of a step may take, and how long to wait for another node's steps."""
QUICK_CHECK_MAX_BYTES = 64 * 1024 * 1024
"""A larger SQLite file is not read through at start: nobody should wait for that."""


def migrate(settings: Settings) -> None:
    """Bring the database to the newest step; do nothing where it is there already.

    Raises:
        DatabaseError: The database is out of reach, damaged, not one, or newer than this code.
    """
    with _opened(settings) as database:
        script = _script()
        with database.connection() as connection:
            _check_file(connection)
            before = _current_step(connection, script)
        if before == script.get_current_head():
            return
        with database.connection() as connection, _one_node_at_a_time(connection):
            # Another node may have been quicker.
            before = _current_step(connection, script)
            if before != script.get_current_head():
                _upgrade(connection)
                _log.info(
                    "The database schema went from %s to %s",
                    before or "nothing",
                    script.get_current_head(),
                )


def is_at_head(settings: Settings) -> bool:
    """Tell whether the database has every step that this code knows.

    Raises:
        DatabaseError: As `migrate`.
    """
    with _opened(settings) as database, database.connection() as connection:
        script = _script()
        return _current_step(connection, script) == script.get_current_head()


def current_step(connection: Connection) -> str | None:
    """Return the step that a database is at; None where nothing was ever made in it."""
    return MigrationContext.configure(connection).get_current_revision()


def steps() -> list[str]:
    """Return the names of all steps that this code knows, the newest last."""
    return [revision.revision for revision in _script().walk_revisions()][::-1]


def alembic_config(connection: Connection) -> Config:
    """Return alembic's configuration for work on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_DIR).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    database = Database(settings, MIGRATION_TIMEOUT_S)
    try:
        yield database
    finally:
        database.close()


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS_DIR))


def _current_step(connection: Connection, script: ScriptDirectory) -> str | None:
    current = current_step(connection)
    known = {revision.revision for revision in script.walk_revisions()}
    if current is not None and current not in known:
        where = connection.engine.url.render_as_string(hide_password=True)
        raise DatabaseError(
            f"The database {where} has schema {current}, which is newer than this version of "
            "Godwit: install the version that made it, or restore a backup."
        )
    return current


def _upgrade(connection: Connection) -> None:
    # Alembic tells every step at INFO; ours is the one line that an operator needs.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    command.upgrade(alembic_config(connection), "head")


def _check_file(connection: Connection) -> None:
    """Find damage at the start, not in the middle of a request."""
    name = connection.engine.url.database
    if connection.dialect.name != "sqlite" or not name:
        return
    if Path(name).stat().st_size > QUICK_CHECK_MAX_BYTES:
        return
    result = connection.execute(text("PRAGMA quick_check(1)")).scalar_one()
    if result != "ok":
        raise DatabaseError(
            f"The database file {name} is damaged: restore a backup of it, or move it away to "
            "start anew."
        )


@contextmanager
def _one_node_at_a_time(connection: Connection) -> Iterator[None]:
    """Hold the schema lock of the server; SQLite's write lock is held already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK_ID})"))
        yield
    elif connection.dialect.name == "mysql":
        lock = f"godwit_{MIGRATION_LOCK_ID}"
        got = connection.execute(
            text(f"SELECT GET_LOCK('{lock}', {MIGRATION_TIMEOUT_S})")
        ).scalar_one()
        if got != 1:
            raise DatabaseError(
                "Another node has been changing the database schema for an hour: start again when "
                "it is done."
            )
        try:
            yield
        finally:
            connection.execute(text(f"SELECT RELEASE_LOCK('{lock}')"))
    else:
        yield
