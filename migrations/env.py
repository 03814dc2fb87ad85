"""Where alembic meets our tables: on a connection it is given, or on what the settings name."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection

from app.config import load_settings
from app.models import Base, Database


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # SQLite can change a table only by copying it.
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


def _run_on_configured_database() -> None:
    database = Database(load_settings(os.environ))
    try:
        with database.connection() as connection:
            _run(connection)
    finally:
        database.close()


if "connection" in context.config.attributes:
    _run(context.config.attributes["connection"])
else:
    _run_on_configured_database()
