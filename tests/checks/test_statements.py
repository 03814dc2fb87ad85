"""Numbered statements, and the tests that name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.statements import FOLDERS, LISTS, ROOT, main, statements

OLD, NEW = LISTS.values()


def tag(number: str, prefix: str = "MQTT") -> str:
    """Return what a test writes, without this file naming it."""
    return f"[{prefix}-{number}]"


def house(root: Path, test: str) -> Path:
    for name in FOLDERS:
        (root / name).mkdir(parents=True)
    (root / OLD).write_text("1.0.0-1 | server | Old.\n1.0.0-2 | client | Not ours.\n", "utf-8")
    (root / NEW).write_text("# About.\n1.0.0-1 | server | New.\n", "utf-8")
    (root / "tests/unit/test_it.py").write_text(test, "utf-8")
    return root


def test_a_statement_without_a_test_is_named_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(house(tmp_path, f"# {tag('1.0.0-1')}\n"), ceiling=0) == 1
    assert capsys.readouterr().out == (
        f"{tag('1.0.0-1', 'MQTT311')} has no test: Old.\n"
        "mqtt-3.1.1: 0 of 1 statements tested, 1 more that no server can be tested on\n"
        "mqtt-5.0: 1 of 1 statements tested, 0 more that no server can be tested on\n"
    )


def test_as_many_as_the_ceiling_may_be_without(tmp_path: Path) -> None:
    assert main(house(tmp_path, ""), ceiling=2) == 0


def test_a_statement_that_does_not_exist_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(house(tmp_path, f"# {tag('9.9.9-9')}\n"), ceiling=2) == 1
    assert f"test_it.py: {tag('9.9.9-9')} does not exist\n" in capsys.readouterr().out


@pytest.mark.parametrize("line", ["1.0.0-1 | server | Twice.", "1.0.0-3 | nobody | Unexplained."])
def test_a_list_that_makes_no_sense_is_refused(tmp_path: Path, line: str) -> None:
    root = house(tmp_path, "")
    (root / NEW).write_text(f"1.0.0-1 | server | New.\n{line}\n", "utf-8")
    with pytest.raises(ValueError, match=line.split(maxsplit=1)[0]):
        statements(root)


def test_the_lists_are_as_long_as_the_standards_appendices() -> None:
    known = statements(ROOT)
    assert sum(each.startswith("MQTT311-") for each in known) == 141
    assert sum(each.startswith("MQTT-") for each in known) == 251


def test_every_statement_that_a_server_can_be_asked_about_has_a_test() -> None:
    assert main() == 0
