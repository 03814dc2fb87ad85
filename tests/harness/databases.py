"""Real databases for tests: SQLite files, and PostgreSQL and MariaDB servers of our own.

Servers are Debian's packages, started in temporary folders on free ports of loopback, once per test
session and only when a test asks for one, and ended by their process. A suite that uses these fixtures
imports them in its `conftest.py`; each of its tests then runs on every database.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, delete, text
from sqlalchemy.exc import OperationalError

from app.config import DatabaseSettings, Settings
from app.models import Base, Database, migrate
from app.models.database import database_url
from tests.harness.ports import free_port

__all__ = ["backend", "database", "empty_settings", "migrated_settings"]

START_DEADLINE_S = 60
STOP_DEADLINE_S = 20
POLL_INTERVAL_S = 0.05
_POSTGRESQL_PATHS = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin")
_SYSTEM_PATHS = (*os.get_exec_path(), "/usr/sbin", "/usr/local/sbin")


@dataclass(frozen=True, slots=True)
class Backend:
    """One kind of database, ready to make empty databases."""

    name: str
    _make_url: Callable[[str], str]
    _create: Callable[[str], None] = lambda _database: None
    _drop: Callable[[str], None] = lambda _database: None
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def empty_database(self, folder: Path) -> Iterator[Settings]:
        """Give settings that name a database with nothing in it; it is gone afterwards."""
        database = f"godwit_{os.getpid()}_{next(self._numbers)}"
        self._create(database)
        try:
            yield Settings(folder, database=DatabaseSettings(url=self._make_url(database)))
        finally:
            self._drop(database)


@pytest.fixture(
    scope="session",
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.server("postgresql")),
        pytest.param("mariadb", marks=pytest.mark.server("mariadb")),
    ],
)
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backend]:
    """Every kind of database in turn."""
    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("sqlite")
        yield Backend("sqlite", lambda database: f"sqlite:///{folder / database}.db")
        return
    # A test that failed may have left a connection open; PostgreSQL would not drop a database under it.
    serve, drop_option = {
        "postgresql": (_postgresql, " WITH (FORCE)"),
        "mariadb": (_mariadb, ""),
    }[request.param]
    with serve() as url, _administrator(url) as execute:
        yield Backend(
            request.param,
            lambda database: f"{url}/{database}",
            lambda database: execute(f"CREATE DATABASE {database}"),
            lambda database: execute(f"DROP DATABASE {database}{drop_option}"),
        )


@pytest.fixture
def empty_settings(backend: Backend, tmp_path: Path) -> Iterator[Settings]:
    """Give a database without a single table."""
    with backend.empty_database(tmp_path) as settings:
        yield settings


@pytest.fixture(scope="module")
def migrated_settings(
    backend: Backend, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Give a database with all tables, shared by the tests of a module."""
    with backend.empty_database(tmp_path_factory.mktemp("instance")) as settings:
        migrate(settings)
        yield settings


@pytest.fixture
def database(migrated_settings: Settings) -> Iterator[Database]:
    """Give an open database whose tables are empty."""
    database = Database(migrated_settings)
    with database.session() as session:
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(delete(table))
    yield database
    database.close()


@contextmanager
def _postgresql() -> Iterator[str]:
    programs = [str(path) for pattern in _POSTGRESQL_PATHS for path in Path("/").glob(pattern[1:])]
    initdb = _program("initdb", programs)
    postgres = _program("postgres", programs)
    # PostgreSQL refuses to run as root.
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    with _folder("pg", account) as folder:
        command = [initdb, "-D", f"{folder}/data", "-U", "godwit", "-A", "trust", "-E", "UTF8"]
        _run([*command, "--locale=C.UTF-8", "--no-sync"], folder, account)
        port = free_port()
        command = [postgres, "-D", f"{folder}/data", "-h", "127.0.0.1", "-p", str(port)]
        command += [
            "-k",
            str(folder),
            "-F",
            "-c",
            "shared_buffers=16MB",
            "-c",
            "max_connections=40",
        ]
        with _server(command, folder, account, signal.SIGINT) as process:
            url = f"postgresql://godwit@127.0.0.1:{port}"
            _wait_until_it_answers(f"{url}/postgres", process, folder)
            yield url


@contextmanager
def _mariadb() -> Iterator[str]:
    install = _program("mariadb-install-db", _SYSTEM_PATHS)
    server = _program("mariadbd", _SYSTEM_PATHS)
    with _folder("my", None) as folder:
        here = ["--no-defaults", f"--datadir={folder}/data", f"--tmpdir={folder}"]
        if os.geteuid() == 0:
            here.append("--user=root")
        _run(
            [install, *here, "--auth-root-authentication-method=normal", "--skip-test-db"],
            folder,
            None,
        )
        port = free_port()
        command = [server, *here, "--bind-address=127.0.0.1", f"--port={port}"]
        command += [f"--socket={folder}/socket", f"--pid-file={folder}/pid", "--skip-name-resolve"]
        command += ["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M"]
        command += ["--innodb-flush-log-at-trx-commit=0"]
        with _server(command, folder, None, signal.SIGTERM) as process:
            url = f"mysql://root@127.0.0.1:{port}"
            _wait_until_it_answers(f"{url}/mysql", process, folder)
            yield url


def _program(name: str, paths: Any) -> str:
    found = shutil.which(name, path=os.pathsep.join(paths))
    if found:
        return found
    sentence = f"{name} is not installed; the packages are postgresql and mariadb-server"
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(sentence)
    pytest.skip(sentence)


@contextmanager
def _folder(prefix: str, account: pwd.struct_passwd | None) -> Iterator[Path]:
    # Not pytest's own folder: the server's account may not enter that one, and paths of sockets must be short.
    folder = Path(tempfile.mkdtemp(prefix=f"godwit-{prefix}-"))
    try:
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as(account: pwd.struct_passwd | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _run(command: list[str], folder: Path, account: pwd.struct_passwd | None) -> None:
    result = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, **_as(account)
    )
    assert result.returncode == 0, f"{command[0]} failed: {result.stdout}{result.stderr}"


@contextmanager
def _server(
    command: list[str],
    folder: Path,
    account: pwd.struct_passwd | None,
    stop_signal: signal.Signals,
) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **_as(account)
        )
    try:
        yield process
    finally:
        process.send_signal(stop_signal)
        try:
            process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline_s = time.monotonic() + START_DEADLINE_S
    engine = create_engine(database_url(_settings_of(url)))
    try:
        while True:
            try:
                with engine.connect():
                    return
            except OperationalError:
                log = (folder / "log").read_text(errors="replace")
                assert process.poll() is None, f"the database server ended: {log}"
                assert time.monotonic() < deadline_s, f"the database server does not answer: {log}"
                time.sleep(POLL_INTERVAL_S)
    finally:
        engine.dispose()


@contextmanager
def _administrator(url: str) -> Iterator[Callable[[str], None]]:
    default_database = "postgres" if url.startswith("postgresql") else "mysql"
    engine = create_engine(
        database_url(_settings_of(f"{url}/{default_database}")), isolation_level="AUTOCOMMIT"
    )

    def execute(statement: str) -> None:
        with engine.connect() as connection:
            connection.execute(text(statement))

    try:
        yield execute
    finally:
        engine.dispose()


def _settings_of(url: str) -> Settings:
    return Settings(Path(), database=DatabaseSettings(url=url))
