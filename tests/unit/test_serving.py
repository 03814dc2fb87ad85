"""What stands around the application in a serving process."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import socket
from collections.abc import Iterable
from typing import Any

import pytest

from app.actor import Actor, acting
from app.config.tree import LogSettings
from app.serving import (
    REST_S,
    BodiesWithoutPauses,
    JsonLines,
    NotAfterRefusal,
    ServedByItsOwnProcess,
    WithRequest,
    accepting_with_rests,
    is_serving,
    log_config,
)


def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"answered"]


def ask(app: ServedByItsOwnProcess) -> tuple[str, bytes]:
    statuses: list[str] = []
    body = b"".join(app({}, lambda status, _headers: statuses.append(status)))  # type: ignore[arg-type]
    return statuses[0], body


def test_the_process_that_started_the_node_answers() -> None:
    assert ask(ServedByItsOwnProcess(application)) == ("200 OK", b"answered")


def test_another_process_refuses_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ServedByItsOwnProcess(application)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    status, body = ask(app)
    assert status == "503 Service Unavailable"
    assert b"after the fork" in body


def test_a_server_without_descriptors_rests_says_so_once_and_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outcomes: list[OSError | None] = [
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.ENFILE, "Too many open files in system"),
        None,
        OSError(errno.EMFILE, "Too many open files"),
    ]
    rests: list[float] = []

    def accept(_listener: socket.socket) -> None:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome

    patient = accepting_with_rests(accept, rests.append)
    with socket.socket() as listener:
        for _ in range(4):
            patient(listener)
        outcomes.append(OSError(errno.EBADF, "Bad file descriptor"))
        with pytest.raises(OSError, match="Bad file descriptor"):
            patient(listener)
    assert rests == [REST_S] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "The HTTP listeners cannot accept: Too many open files"
    ] * 2


def test_a_body_that_does_not_come_is_not_waited_for_and_the_answer_has_all_the_time() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as body:
        theirs.sendall(b"one\n")

        def reading(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            assert environ["wsgi.input"].readline() == b"one\n"
            with pytest.raises(TimeoutError):
                environ["wsgi.input"].read(1)
            return application(environ, start_response)

        environ = {"wsgi.input": body, "gunicorn.socket": ours}
        app = BodiesWithoutPauses(reading, pause_s=0.05)  # type: ignore[arg-type]
        assert list(app(environ, lambda _status, _headers: None)) == [b"answered"]  # type: ignore[arg-type]
        assert ours.gettimeout() is None


@pytest.mark.parametrize("size", [-1, 200_000, 150_000, 0])
def test_a_body_in_pieces_is_read_as_one(size: int) -> None:
    body = bytes(range(256)) * 700
    found: list[bytes] = []

    def reading(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        found.append(environ["wsgi.input"].read(size))
        return application(environ, start_response)

    ours, theirs = socket.socketpair()
    with ours, theirs:
        environ = {"wsgi.input": io.BytesIO(body), "gunicorn.socket": ours}
        list(BodiesWithoutPauses(reading)(environ, lambda _status, _headers: None))  # type: ignore[arg-type]
    assert found == [io.BytesIO(body).read(size)]


@pytest.mark.parametrize(("message", "kept"), [("Reason: %s", False), ("Anything else", True)])
def test_the_servers_obituary_is_dropped(message: str, kept: bool) -> None:
    record = logging.makeLogRecord({"msg": message})
    assert NotAfterRefusal().filter(record) is kept


def test_the_level_of_the_settings_is_the_root_loggers() -> None:
    assert log_config(LogSettings("warning"))["root"]["level"] == "WARNING"
    assert log_config(LogSettings("debug"))["loggers"]["gunicorn.error"]["level"] == "DEBUG"


@pytest.mark.parametrize("formatter", ["text", "json"])
def test_the_formatter_of_the_settings_is_the_handlers(formatter: str) -> None:
    config = log_config(LogSettings(formatter=formatter))
    assert config["handlers"]["stderr"]["formatter"] == formatter
    assert formatter in config["formatters"]


def test_a_line_of_json_says_when_how_grave_who_and_what() -> None:
    record = logging.makeLogRecord(
        {
            "name": "app.x",
            "levelname": "WARNING",
            "msg": "%s said\n%s",
            "args": ("ü", "a\ud800b"),
            "created": 1_700_000_000.25,
        }
    )
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line) == {
        "at": "2023-11-14T22:13:20.250+00:00",
        "level": "warning",
        "logger": "app.x",
        "message": "ü said\na?b",
    }


def test_a_line_of_json_names_the_request_and_tells_the_exception() -> None:
    try:
        raise ValueError("no")
    except ValueError as error:
        given = (type(error), error, error.__traceback__)
    record = logging.makeLogRecord({"name": "app.x", "msg": "x", "exc_info": given})
    with acting(Actor("app", "admin", "127.0.0.1", "my-id")):
        said = json.loads(JsonLines().format(record))
    assert said["request_id"] == "my-id"
    assert said["exception"].endswith("ValueError: no")


def test_a_line_of_the_log_names_the_request_that_it_belongs_to() -> None:
    record = logging.makeLogRecord({"msg": "x"})
    assert WithRequest().filter(record)
    assert record.request == ""
    with acting(Actor("app", "admin", "127.0.0.1", "my-id")):
        assert WithRequest().filter(record)
    assert record.request == " [my-id]"


@pytest.mark.parametrize(
    ("argv", "environ", "serves"),
    [
        (["gunicorn", "-c", "gunicorn.conf.py"], {}, True),
        (["flask", "--app", "wsgi", "run"], {"FLASK_RUN_FROM_CLI": "true"}, True),
        (["flask", "--app", "wsgi", "routes"], {"FLASK_RUN_FROM_CLI": "true"}, False),
        (
            ["flask", "--app", "wsgi", "godwit", "backup", "run"],
            {"FLASK_RUN_FROM_CLI": "true"},
            False,
        ),
    ],
)
def test_commands_of_flask_need_no_node_unless_they_serve(
    argv: list[str], environ: dict[str, str], serves: bool
) -> None:
    assert is_serving(argv, environ) is serves
