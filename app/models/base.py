"""What all tables share: constraint names, column types, and options of the storage engines.

Keys are compared byte by byte on every database: a client id `A` is not `a`, and `a` is not `a `.
MariaDB and MySQL would think otherwise, left to themselves.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData, String, Text
from sqlalchemy.dialects.mysql import MEDIUMTEXT
from sqlalchemy.dialects.mysql.base import MySQLDialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase

NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
}
TABLE_OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4"}
"""Said outright: a server's own defaults may lack transactions, or characters."""
LONG_TEXT = Text().with_variant(MEDIUMTEXT(), "mysql")
"""Up to 16 MB everywhere; MariaDB's plain TEXT would end at 64 KB."""


class Base(DeclarativeBase):
    """The declarative base; its metadata is what migrations are compared with."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Key(String):
    """Text that identifies something: compared exactly, with its case and its trailing spaces."""

    cache_ok = True


@compiles(Key, "mysql")
def _exact_key_type(key: Key, compiler: Any, **_options: Any) -> str:
    # The two servers name one collation differently; which it is, is known since the first connection.
    dialect: MySQLDialect = compiler.dialect
    collation = "utf8mb4_nopad_bin" if dialect.is_mariadb else "utf8mb4_0900_bin"
    return f"VARCHAR({key.length}) CHARACTER SET utf8mb4 COLLATE {collation}"
