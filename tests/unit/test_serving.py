"""What stands around the application in a serving process."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import Any

import pytest

from app.actor import Actor, acting
from app.serving import NotAfterRefusal, ServedByItsOwnProcess, WithRequest, is_serving, log_config


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


@pytest.mark.parametrize(("message", "kept"), [("Reason: %s", False), ("Anything else", True)])
def test_the_servers_obituary_is_dropped(message: str, kept: bool) -> None:
    record = logging.makeLogRecord({"msg": message})
    assert NotAfterRefusal().filter(record) is kept


def test_the_level_of_the_settings_is_the_root_loggers() -> None:
    assert log_config("warning")["root"]["level"] == "WARNING"
    assert log_config("debug")["loggers"]["gunicorn.error"]["level"] == "DEBUG"


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
