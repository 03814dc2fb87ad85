"""MariaDB and PostgreSQL as somebody else's servers: they can be killed, frozen and started again.

Unlike the databases of a node (`databases`) each stays where it is, with its data and its port, while it is down.
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pymysql

from tests.harness.certificates import Pair
from tests.harness.databases import (
    _POSTGRESQL_PATHS,
    _SYSTEM_PATHS,
    START_DEADLINE_S,
    STOP_DEADLINE_S,
    _as,
    _folder,
    _program,
    _run,
)
from tests.harness.ports import free_port

__all__ = ["SqlServer", "serve_mariadb", "serve_postgresql"]

POLL_INTERVAL_S = 0.05
PASSWORD = "s3cret%u'\"\\"
"""Of the account that the node logs in with."""


@dataclass(slots=True)
class SqlServer:
    """One server and the way to it."""

    name: str
    port: int
    command: list[str]
    folder: Path
    account: pwd.struct_passwd | None
    run: Callable[..., None]
    """Runs a statement with its values as the administrator, waiting for nothing."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **_as(self.account),
            )
        deadline_s = time.monotonic() + START_DEADLINE_S
        while True:
            try:
                self.run(self.port, "select 1")
            except (psycopg.Error, pymysql.Error):
                said = (self.folder / "log").read_text(errors="replace")
                assert self.process.poll() is None, f"{self.name} ended: {said}"
                assert time.monotonic() < deadline_s, f"{self.name} does not answer: {said}"
                time.sleep(POLL_INTERVAL_S)
            else:
                return

    def execute(self, statement: str, *values: object) -> None:
        """Run a statement as the administrator."""
        self.run(self.port, statement, *values)

    def freeze(self) -> None:
        """Let it keep its connections and say nothing any more."""
        self._tell(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._tell(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power failure would."""
        self._tell(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(STOP_DEADLINE_S)

    def stop(self) -> None:
        """End it in good order."""
        if self.process is not None and self.process.poll() is None:
            is_fast = self.name == "postgresql"
            self.process.send_signal(signal.SIGINT if is_fast else signal.SIGTERM)
            self.process.wait(STOP_DEADLINE_S)

    def _tell(self, what: signal.Signals) -> None:
        assert self.process is not None
        # PostgreSQL works in processes of its own: all of its session are meant.
        if self.name == "postgresql":
            for child in _children(self.process.pid):
                # One may have ended between the look and the signal.
                with suppress(ProcessLookupError):
                    os.kill(child, what)
        self.process.send_signal(what)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def _in_mariadb(port: int, statement: str, *values: object) -> None:
    connection = pymysql.connect(
        host="127.0.0.1", port=port, user="root", autocommit=True, connect_timeout=2
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def _in_postgresql(port: int, statement: str, *values: object) -> None:
    address = f"host=127.0.0.1 port={port} user=godwit connect_timeout=2"
    for name in ("mqtt", "postgres"):
        try:
            connection = psycopg.connect(f"{address} dbname={name}", autocommit=True)
        except psycopg.OperationalError as error:
            if "does not exist" not in str(error):
                raise
        else:
            with connection:
                connection.execute(statement.encode(), values or None)
            return


@contextmanager
def serve_mariadb(pair: Pair | None = None) -> Iterator[SqlServer]:
    """Give a running MariaDB with the database `mqtt` and an account `mqtt` that may read it.

    Args:
        pair: The server's certificate; the account must then come over TLS.
    """
    install = _program("mariadb-install-db", _SYSTEM_PATHS)
    program = _program("mariadbd", _SYSTEM_PATHS)
    with _folder("my", None) as folder:
        here = ["--no-defaults", f"--datadir={folder}/data", f"--tmpdir={folder}"]
        if os.geteuid() == 0:
            here.append("--user=root")
        made = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        _run([install, *here, *made], folder, None)
        port = free_port()
        command = [program, *here, "--bind-address=127.0.0.1", f"--port={port}"]
        command += [f"--socket={folder}/socket", f"--pid-file={folder}/pid", "--skip-name-resolve"]
        command += ["--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M"]
        if pair is not None:
            command += [f"--ssl-cert={pair.certfile}", f"--ssl-key={pair.keyfile}"]
            command.append("--ssl-ca=" + str(pair.certfile))
        server = SqlServer("mariadb", port, command, folder, None, _in_mariadb)
        with _running(server):
            server.execute("create database mqtt character set utf8mb4")
            server.execute("create user mqtt@'127.0.0.1' identified by %s", PASSWORD)
            required = " require ssl" if pair is not None else ""
            server.execute(f"grant select on mqtt.* to mqtt@'127.0.0.1'{required}")
            yield server


@contextmanager
def serve_postgresql(pair: Pair | None = None) -> Iterator[SqlServer]:
    """Give a running PostgreSQL with the database `mqtt` and an account `mqtt` that may read it.

    Args:
        pair: The server's certificate; the account must then come over TLS.
    """
    programs = [str(path) for pattern in _POSTGRESQL_PATHS for path in Path("/").glob(pattern[1:])]
    initdb = _program("initdb", programs)
    program = _program("postgres", programs)
    account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
    with _folder("pg", account) as folder:
        command = [initdb, "-D", f"{folder}/data", "-U", "godwit", "-A", "trust", "-E", "UTF8"]
        _run([*command, "--locale=C.UTF-8", "--no-sync"], folder, account)
        kind = "hostssl" if pair is not None else "host"
        hba = f"host all godwit 127.0.0.1/32 trust\n{kind} mqtt mqtt 127.0.0.1/32 scram-sha-256\n"
        (folder / "data" / "pg_hba.conf").write_text(hba)
        port = free_port()
        command = [program, "-D", f"{folder}/data", "-h", "127.0.0.1", "-p", str(port)]
        command += ["-k", str(folder), "-F", "-c", "shared_buffers=16MB"]
        if pair is not None:
            command += _tls_of_postgresql(pair, folder, account)
        server = SqlServer("postgresql", port, command, folder, account, _in_postgresql)
        with _running(server):
            server.execute("create database mqtt")
            quoted = PASSWORD.replace("'", "''")
            server.execute(f"create role mqtt login password '{quoted}'")
            server.execute("grant pg_read_all_data to mqtt")
            yield server


def _tls_of_postgresql(pair: Pair, folder: Path, account: pwd.struct_passwd | None) -> list[str]:
    # PostgreSQL wants a key that nobody else can read, and runs as somebody else.
    made = []
    for name, file in (("cert", pair.certfile), ("key", pair.keyfile)):
        copy = folder / f"server.{name}"
        copy.write_bytes(Path(file).read_bytes())
        copy.chmod(0o600)
        if account is not None:
            os.chown(copy, account.pw_uid, account.pw_gid)
        made += ["-c", f"ssl_{name}_file={copy}"]
    return [*made, "-c", "ssl=on"]


@contextmanager
def _running(server: SqlServer) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        if server.process is not None and server.process.poll() is None:
            server.process.send_signal(signal.SIGCONT)
        server.stop()
