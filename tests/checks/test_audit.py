"""Known vulnerabilities of what is pinned: found ones fail, a service that is away is told and fails nobody."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from checks.audit import LOCKS, Said, asked, main

ROOT = Path(__file__).resolve().parents[2]
CLEAN = {"name": "flask", "version": "3.1.0", "vulns": []}
FLAWED = {
    "name": "jinja2",
    "version": "3.1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1.6"], "aliases": [], "description": "bad"}],
}
HOPELESS = {"name": "old", "version": "1", "vulns": [{"id": "PYSEC-2", "fix_versions": []}]}
SKIPPED = {"name": "mine", "skip_reason": "Dependency not found on PyPI: mine (1)"}


class Answer:
    """A stand-in for the program, which says what it is told to."""

    def __init__(self, *packages: object, beside: str = "") -> None:
        self.said = Said(json.dumps({"dependencies": packages}) if packages else "", beside)
        self.command: Sequence[str] = ()

    def __call__(self, command: Sequence[str]) -> Said:
        self.command = command
        return self.said


def test_nothing_known_is_nothing_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], Answer(CLEAN)) == 0
    assert main(["--strict"], Answer(CLEAN)) == 0
    assert capsys.readouterr().out == ""


def test_a_vulnerability_fails_and_says_what_mends_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], Answer(CLEAN, FLAWED, HOPELESS)) == 1
    assert capsys.readouterr().out == (
        "jinja2 3.1.0 has PYSEC-1: pin 3.1.6\nold 1 has PYSEC-2: no version mends it yet\n"
    )


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["--strict"], 1)])
@pytest.mark.parametrize("beside", ["a warning\nERROR: cannot connect to pypi.org\n", ""])
def test_a_service_that_is_away_is_told_in_one_line_and_fails_only_who_is_strict(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, beside: str
) -> None:
    assert main(arguments, Answer(beside=beside)) == status
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Known vulnerabilities could not be looked up at PyPI: ")
    assert "cannot connect" in line or not beside


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["--strict"], 1)])
def test_packages_that_nobody_knows_are_not_taken_for_good_ones(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int
) -> None:
    assert main(arguments, Answer(CLEAN, SKIPPED)) == status
    (line,) = capsys.readouterr().out.splitlines()
    assert "of 1 of 2 packages could not be looked up" in line


def test_one_vulnerability_among_unknown_packages_still_fails() -> None:
    assert main([], Answer(SKIPPED, FLAWED)) == 1


def test_all_locks_are_asked_about_and_nothing_is_installed_for_that() -> None:
    answer = Answer(CLEAN)
    main([], answer)
    assert [name for name in answer.command if name.endswith(".lock")] == [
        str(ROOT / name) for name in LOCKS
    ]
    assert "--disable-pip" in answer.command


def test_a_program_that_is_not_there_or_fails_is_a_service_that_is_away() -> None:
    assert asked(["/nowhere/pip-audit"]) == Said("", "/nowhere/pip-audit is not installed")
    assert asked(["sh", "-c", "echo no >&2; exit 3"]) == Said("", "no\n")


def test_make_check_asks() -> None:
    rules = (ROOT / "Makefile").read_text("utf-8")
    check = rules[rules.index("\ncheck:") : rules.index("\nlock:")]
    for module in ("checks.made_pages", "checks.audit"):
        assert f"$(PYTHON) -m {module}\n" in check
