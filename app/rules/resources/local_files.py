"""The resources `backend_sqlite` and `backend_file`: files on the node's own disk, below one folder and nowhere else.

Both are ours. A file is named, never its folder: `rule_engine.files.folder` says where all of them are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.backends.line_file import LineFile
from app.backends.sqlite import SqliteFile
from app.backends.statements import Bound, Statement
from app.broker.core import BrokerCore
from app.config.kinds import size
from app.rules.errors import BadArguments
from app.rules.params import Param, Words
from app.rules.resources.base import ResourceSpec, ResourceType
from app.rules.resources.sql import SqlTarget
from app.rules.resources.targets import Target, looked

SQLITE_FOLDER = "sqlite"
LINES_FOLDER = "lines"
_TAKEN = re.compile(r"(?:\.\d+|-wal|-shm|-journal)$")
"""Endings of names that full files, or SQLite's own, have."""


class SqliteTarget(SqlTarget):
    """A file of SQLite."""

    def __init__(self, spec: ResourceSpec, core: BrokerCore) -> None:
        """Take the configuration; nothing is opened.

        Raises:
            BadArguments: The name is another file's.
        """
        super().__init__(spec, core)
        self._file = _sqlite_file(spec)

    async def look(self) -> None:
        """Open it."""
        await self._file.check()

    async def write(self, statement: Statement, rows: Sequence[Sequence[Bound]]) -> None:
        """Have a statement done for each row: for all of them, or for none."""
        await self.ask(lambda: self._file.write(statement, rows))

    def close(self) -> None:
        """Close the file."""
        super().close()
        self._file.close()


class FileTarget(Target):
    """A file that grows by lines."""

    def __init__(self, spec: ResourceSpec, core: BrokerCore) -> None:
        """Take the configuration; nothing is opened.

        Raises:
            BadArguments: The name is another file's, or the size is none.
        """
        super().__init__(spec, core)
        self._file = _line_file(spec)

    async def look(self) -> None:
        """Open it."""
        await self._file.check()

    async def append(self, lines: Sequence[bytes]) -> None:
        """Have lines written, all of them or none.

        Raises:
            TryAgain: The disk did not take them.
        """
        await self.ask(lambda: self._file.append(lines))

    def close(self) -> None:
        """Close the file."""
        super().close()
        self._file.close()


def _name(spec: ResourceSpec) -> str:
    name: str = spec.config["file"]
    if _TAKEN.search(name):
        raise BadArguments('{invalid_file_name,<<"file">>}')
    return name


def _sqlite_file(spec: ResourceSpec) -> SqliteFile:
    return SqliteFile(spec.folder / SQLITE_FOLDER / _name(spec), spec.config["schema"])


def _line_file(spec: ResourceSpec) -> LineFile:
    try:
        most_bytes = size(str(spec.config["max_size"]))
    except ValueError:
        raise BadArguments('{invalid_data_type,<<"max_size">>,{size}}') from None
    path = spec.folder / LINES_FOLDER / _name(spec)
    return LineFile(path, most_bytes, spec.config["max_files"])


async def _probe_sqlite(spec: ResourceSpec, core: BrokerCore) -> None:
    del core
    file = _sqlite_file(spec)
    try:
        await looked(file.check)
    finally:
        file.close()


async def _probe_lines(spec: ResourceSpec, core: BrokerCore) -> None:
    del core
    file = _line_file(spec)
    try:
        await looked(file.probe)
    finally:
        file.close()


def _file_param(default: str) -> Param:
    return Param(
        "file", "string", Words("File", "文件"),
        Words(
            "The name of the file, without a folder: all of them are below rule_engine.files.folder.",
            "文件名，不含目录；文件均位于 rule_engine.files.folder 之下",
        ),
        default=default, format="file_name",
    )  # fmt: skip


BACKEND_SQLITE = ResourceType(
    "backend_sqlite",
    "emqx_rule_engine",
    Words("SQLite", "SQLite"),
    Words("A file of SQLite on the node's own disk.", "节点本地磁盘上的 SQLite 文件"),
    (
        _file_param("rules.db"),
        Param(
            "schema", "string", Words("Schema", "表结构"),
            Words(
                "Statements that make the tables, run whenever the file is opened: create table if not exists t(...).",
                "建表语句，每次打开文件时执行，例如 create table if not exists t(...)",
            ),
            default="", input="textarea",
        ),
    ),
    SqliteTarget,
    _probe_sqlite,
)  # fmt: skip


BACKEND_FILE = ResourceType(
    "backend_file",
    "emqx_rule_engine",
    Words("File", "文件"),
    Words("A file of lines on the node's own disk.", "节点本地磁盘上按行追加的文件"),
    (
        _file_param("rules.log"),
        Param(
            "max_size", "string", Words("Max Size", "最大文件大小"),
            Words("From which size on a new file is begun, such as 10MB.", "达到此大小后开始新文件，例如 10MB"),
            default="10MB",
        ),
        Param(
            "max_files", "number", Words("Max Files", "保留文件数"),
            Words("How many full files are kept.", "保留的已写满文件数量"),
            default=5, format="count",
        ),
    ),
    FileTarget,
    _probe_lines,
)  # fmt: skip
