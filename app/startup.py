"""What must be true before a node starts, and the sentence that tells the operator what to do.

The checks run twice: in `make run` before the server is there, and in gunicorn's master before it
binds. They only look; what they looked at is taken for good later, by the worker (the lock, the MQTT
ports) or by gunicorn (the HTTP ports). Knows nothing of Flask or the broker.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from app.config import Address, Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from sqlalchemy.exc import DBAPIError

START_FAILED = 3
"""Exit status of a start that was refused; from a worker it also tells gunicorn not to try again."""

LOCK_FILE = "node.lock"
_MIGRATIONS = Path(__file__).resolve().parents[1] / "migrations"
_ORPHAN_GRACE_S = 20.0
"""How long to wait for a worker whose master was killed: it notices, and stops, within seconds."""


class StartError(Exception):
    """A start that cannot be; the text is one sentence that says what to do."""


def refuse(error: Exception) -> NoReturn:
    """Print the error's sentence for the operator and end the process."""
    sys.stderr.write(f"{error}\n")
    sys.stderr.flush()
    raise SystemExit(START_FAILED)


def check_start(settings: Settings) -> None:
    """Look at the instance folder, its lock and the ports.

    Raises:
        StartError: Something is in the way.
    """
    check_instance_dir(settings.instance_dir)
    InstanceLock(settings.instance_dir / LOCK_FILE).check_free()
    check_ports(settings)


def check_instance_dir(path: Path) -> None:
    """Create the instance folder where it is missing, and try to write in it.

    Raises:
        StartError: It cannot be created or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StartError(
            f"Make the instance folder {path} writable for the user that runs Godwit, "
            f"or set GODWIT_INSTANCE to another folder ({reason})."
        ) from None


class InstanceLock:
    """One node per instance folder: a lock that the kernel lets go of when its process ends."""

    def __init__(self, path: Path) -> None:
        """Lock the file at `path`, later."""
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock and keep it while the process lives.

        Raises:
            StartError: Another node has it.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise self._held() from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()} {os.getppid()}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Let go of the lock; the file stays, since removing it would race with the next node."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def check_free(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Look whether the lock can be had; wait for a node whose own master is gone.

        Raises:
            StartError: Another node has it.
        """
        deadline = time.monotonic() + _ORPHAN_GRACE_S
        while True:
            try:
                self.acquire()
            except StartError:
                if not self._holder_is_orphan() or time.monotonic() > deadline:
                    raise
                sleep(0.1)
            else:
                self.release()
                return

    def _holder(self) -> list[int]:
        """Return what the holder wrote: its process id and its parent's."""
        try:
            return [int(word) for word in self._path.read_text().split()]
        except (OSError, ValueError):
            return []

    def _held(self) -> StartError:
        holder = self._holder()
        who = f"process {holder[0]}" if holder else "another process"
        return StartError(
            f"Stop the node that uses the instance folder {self._path.parent} ({who}), "
            "or set GODWIT_INSTANCE to another folder."
        )

    def _holder_is_orphan(self) -> bool:
        holder = self._holder()
        return len(holder) == 2 and not Path(f"/proc/{holder[1]}").exists()


def check_ports(settings: Settings) -> None:
    """Bind every address for a moment.

    Raises:
        StartError: One is taken, reserved, or not an address of this machine.
    """
    for key, address in listening_addresses(settings):
        try:
            _bind_once(address)
        except OSError as error:
            raise StartError(_port_advice(key, address, error)) from None


def listening_addresses(settings: Settings) -> Iterator[tuple[str, Address]]:
    """Yield (settings key, address) for everything that a node listens on."""
    for listener in settings.broker.listeners:
        yield f"listener.{listener.protocol}.{listener.name}", listener.address
    for address in settings.management.listeners:
        yield "management.listener.http", address
    for address in settings.dashboard.listeners:
        yield "dashboard.listener.http", address


def _bind_once(address: Address) -> None:
    family, kind, protocol, _name, place = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        # As the listeners themselves do: ports of connections that just ended are free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(place)
        probe.listen(1)


def _port_advice(key: str, address: Address, error: OSError) -> str:
    """Return the sentence for an address that cannot be had."""
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Stop the program that listens on port {address.port}, "
                f"or set {key} to another address than {address}."
            )
        case errno.EACCES:
            return (
                f"Set {key} to a port above 1023 instead of {address}, "
                "or allow the user that runs Godwit to listen on it."
            )
        case _:
            reason = error.strerror or "unknown"
            return f"Set {key} to an address of this machine instead of {address} ({reason})."


def migrate_database(settings: Settings) -> None:
    """Bring the database up to date.

    Raises:
        StartError: It cannot be reached.
    """
    # Imported here: SQLAlchemy and alembic take longer to load than all other checks to run.
    from sqlalchemy.exc import DBAPIError

    from app.models.database import migrate

    try:
        migrate(settings)
    except DBAPIError as error:
        raise _unreachable(error) from None


def check_database(settings: Settings) -> None:
    """Look whether the database has been brought up to date.

    Raises:
        StartError: It has not, or it cannot be reached.
    """
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine, pool
    from sqlalchemy.exc import DBAPIError

    engine = create_engine(settings.database_url, poolclass=pool.NullPool)
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_heads()
    except DBAPIError as error:
        raise _unreachable(error) from None
    if set(current) != set(ScriptDirectory(str(_MIGRATIONS)).get_heads()):
        raise StartError(
            "Run `make run`, or `python -m app.cli prepare`, to bring the database to this "
            "version's tables."
        )


def _unreachable(error: DBAPIError) -> StartError:
    # The driver's own words: SQLAlchemy's would add the statement, and the URL holds a password.
    reason = " ".join(str(error.orig).split()).rstrip(".")
    return StartError(f"Start the database server, or correct database.url ({reason}).")


def check_server_options(*, workers: int, preload_app: bool, worker_class: str) -> None:
    """Look at the options that gunicorn was given.

    Raises:
        StartError: The broker could not live in such a server.
    """
    if workers != 1:
        raise StartError(
            f"Start gunicorn with one worker instead of {workers}: the worker holds the broker, "
            "and two brokers cannot share its ports and sessions."
        )
    if preload_app:
        raise StartError(
            "Start gunicorn without --preload: the broker's thread would stay in the master "
            "process, which serves nobody."
        )
    if worker_class != "gthread":
        raise StartError(
            f"Start gunicorn with the worker class gthread instead of {worker_class}: "
            "requests need threads beside the broker's loop."
        )


class ServedByItsOwnProcess:
    """WSGI step that refuses to serve in a process other than the one that started the node.

    Gunicorn's --preload is refused above; this is for every other server that loads first and
    forks later, where the broker's thread does not come along.
    """

    def __init__(self, wsgi_app: WSGIApplication) -> None:
        """Note the process that started the node, which is this one."""
        self._wsgi_app = wsgi_app
        self._pid = os.getpid()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the application does, or 503 where the node is not in this process."""
        if os.getpid() == self._pid:
            return self._wsgi_app(environ, start_response)
        start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"Load the application after the fork: the broker runs in another process.\n"]


def log_config(level: str) -> dict[str, Any]:
    """Return the logging of a serving process, for `logging.config.dictConfig`: all to stderr.

    gunicorn keeps its milestones to itself, and what it says about a worker that refused to start:
    the worker's own sentence has told it better.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"format": "%(asctime)s [%(levelname)s] %(name)s: %(message)s"},
        },
        "filters": {"not_after_refusal": {"()": "app.startup.NotAfterRefusal"}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "stream": "ext://sys.stderr",
            },
        },
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {
            "gunicorn.error": {
                "level": "DEBUG" if level == "debug" else "WARNING",
                "handlers": [],
                "filters": ["not_after_refusal"],
                "propagate": True,
            },
        },
    }


class NotAfterRefusal:
    """Log filter: drops the server's obituary of a worker that has said itself why it ended."""

    _OBITUARY = frozenset(
        {"Worker (pid:%s) exited with code %s.", "Shutting down: %s", "Reason: %s"}
    )

    def filter(self, record: Any) -> bool:
        """Tell whether the record is to be logged."""
        return record.msg not in self._OBITUARY
