"""What people and programs are told."""

from __future__ import annotations

import io
import json
import sys

import pytest

from app.ctl.refusals import Refused
from app.ctl.session import Session, first
from app.ctl.tables import columns

ROWS = [{"clientid": "c1", "qos": 1, "node": "n@h"}]


class Terminal(io.StringIO):
    """A screen that says it is one."""

    def isatty(self) -> bool:
        return True


def test_people_get_some_members_and_programs_get_all(capsys: pytest.CaptureFixture[str]) -> None:
    Session().table(ROWS, columns("clientid", "qos"))
    assert capsys.readouterr().out == "clientid  qos\nc1          1\n"
    Session(as_json=True).table(ROWS, columns("clientid", "qos"))
    assert json.loads(capsys.readouterr().out) == ROWS


@pytest.mark.parametrize("rows", [[], ROWS])
def test_json_is_one_value_on_one_line(
    capsys: pytest.CaptureFixture[str], rows: list[dict[str, object]]
) -> None:
    Session(as_json=True).table(rows, columns("clientid"))
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == rows


def test_what_is_done_is_a_sentence_or_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    Session().say("ok")
    Session(as_json=True).say("ok")
    Session(as_json=True).say("AppSecret: x", {"secret": "x"})
    assert capsys.readouterr().out == 'ok\n{"ok": true}\n{"secret": "x"}\n'


def test_nothing_to_say_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Session().lines([])
    Session().pairs({})
    assert capsys.readouterr().out == ""


def test_a_bar_grows_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Session().progress("Uploading") as progress:
        progress(50, 200)
        progress(200, 200)
    assert "Uploading" in screen.getvalue()
    assert "100%" in screen.getvalue()


@pytest.mark.parametrize(("as_json", "screen"), [(True, Terminal()), (False, io.StringIO())])
def test_programs_and_pipes_get_no_bar(
    monkeypatch: pytest.MonkeyPatch, as_json: bool, screen: io.StringIO
) -> None:
    monkeypatch.setattr(sys, "stderr", screen)
    with Session(as_json=as_json).progress("Uploading") as progress:
        progress(200, 200)
    assert screen.getvalue() == ""


def test_an_answer_without_a_row_is_not_found() -> None:
    assert first(ROWS) is ROWS[0]
    with pytest.raises(Refused, match="Not Found"):
        first([])
