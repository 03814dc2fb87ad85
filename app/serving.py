"""What a serving process needs around the application: its own process, and one shape of log lines.

A line of the log is text, or a JSON object with `at`, `level`, `logger`, `message`, and where there is one `request_id`
and `exception`.

Knows WSGI and logging; nothing of Flask or the broker.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from app.actor import current_actor
from app.config.tree import LogSettings
from app.slow_callers import LONGEST_PIECE_S, SLOW_CALLERS

if TYPE_CHECKING:
    from socket import socket

    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

PIECE_BYTES = 64 * 1024
"""Of a body: each has its time."""
LONGEST_PAUSE_S = 10.0
"""How long a caller may send nothing while its body is read."""
REST_S = 1.0
"""For how long nobody is let in who would need a descriptor that there is none left of."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


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


class BodiesWithoutPauses:
    """WSGI step by which reading a body fails while the caller is silent.

    Gunicorn's threads would wait for ever for what was announced and does not come, and serve nobody else.
    """

    def __init__(self, wsgi_app: WSGIApplication, pause_s: float = LONGEST_PAUSE_S) -> None:
        """Take the application, and how long a caller may be silent."""
        self._wsgi_app = wsgi_app
        self._pause_s = pause_s

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer as the application does."""
        connection = environ.get("gunicorn.socket")
        if connection is not None:
            body = environ["wsgi.input"]
            environ["wsgi.input"] = _TimedBody(body, connection, self._pause_s)
        return self._wsgi_app(environ, start_response)


class _TimedBody:
    """A body that is read with a limit of time; the answer is written without one."""

    def __init__(self, body: InputStream, connection: socket, pause_s: float) -> None:
        self._body = body
        self._connection = connection
        self._pause_s = pause_s

    def read(self, size: int = -1) -> bytes:
        pieces: list[bytes] = []
        left = size
        while left:
            with self._timed():
                piece = self._body.read(PIECE_BYTES if left < 0 else min(left, PIECE_BYTES))
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece) if left > 0 else 0
        return b"".join(pieces)

    def readline(self, size: int = -1) -> bytes:
        with self._timed():
            return self._body.readline(size)

    def readlines(self, hint: int = -1) -> list[bytes]:
        with self._timed():
            return list(self._body.readlines(hint))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readlines())

    @contextmanager
    def _timed(self) -> Iterator[None]:
        before = self._connection.gettimeout()
        self._connection.settimeout(self._pause_s)
        try:
            with SLOW_CALLERS.within(self._connection, LONGEST_PIECE_S):
                yield
        finally:
            self._connection.settimeout(before)


def accepting_with_rests(
    accept: Callable[[socket], None],
    rest: Callable[[float], None] = time.sleep,  # noqa: TID251 - the server's loop, not the broker's
) -> Callable[[socket], None]:
    """Return a server's `accept` that waits where descriptors are short.

    Gunicorn's own ends its worker then, and with it the broker and all who are connected to it.

    Args:
        accept: Lets the next caller of a listening socket in.
        rest: Has the server's loop, which runs beside requests that are answered, wait.
    """
    is_short = False

    def accept_or_rest(listener: socket) -> None:
        nonlocal is_short
        try:
            accept(listener)
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            if not is_short:
                logger.warning("The HTTP listeners cannot accept: %s", error.strerror)
            is_short = True
            rest(REST_S)
        else:
            is_short = False

    return accept_or_rest


def is_serving(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Tell whether a process that loads the application is to serve, and so needs a node.

    Flask's command line loads it for every command, of which `run` alone serves.

    Args:
        argv: The process's arguments.
        environ: Its environment, in which Flask's command line leaves a mark.
    """
    if environ.get("FLASK_RUN_FROM_CLI") != "true":
        return True
    return "run" in argv and "godwit" not in argv


def log_config(settings: LogSettings) -> dict[str, Any]:
    """Return the logging of a serving process, for `logging.config.dictConfig`: all to stderr.

    gunicorn keeps its milestones to itself, and what it says about a worker that refused to start:
    the worker's own sentence has told it better.
    """
    level = settings.level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"format": "%(asctime)s [%(levelname)s]%(request)s %(name)s: %(message)s"},
            "json": {"()": "app.serving.JsonLines"},
        },
        "filters": {
            "not_after_refusal": {"()": "app.serving.NotAfterRefusal"},
            "with_request": {"()": "app.serving.WithRequest"},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": settings.formatter,
                "filters": ["with_request"],
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
            # It tells of every plugin and step at INFO; our own line says where the schema went.
            "alembic": {"level": "WARNING"},
        },
    }


class JsonLines(logging.Formatter):
    """Log formatter: one JSON object a line, whatever a message holds."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line without its end."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "at": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request_id = current_actor().request_id
        if request_id:
            line["request_id"] = request_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # Text that came in from outside may hold what no UTF-8 can say.
        readable = {name: text.encode(errors="replace").decode() for name, text in line.items()}
        return orjson.dumps(readable).decode()


class WithRequest:
    """Log filter: gives every line the id of the request that it belongs to, if there is one."""

    def filter(self, record: Any) -> bool:
        """Put ` [id]` or nothing into the record's `request`."""
        request_id = current_actor().request_id
        record.request = f" [{request_id}]" if request_id else ""
        return True


class NotAfterRefusal:
    """Log filter: drops the server's obituary of a worker that has said itself why it ended."""

    _OBITUARY = frozenset(
        {"Worker (pid:%s) exited with code %s.", "Shutting down: %s", "Reason: %s"}
    )

    def filter(self, record: Any) -> bool:
        """Tell whether the record is to be logged."""
        return record.msg not in self._OBITUARY
