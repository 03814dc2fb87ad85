"""Budgets of modules and functions, and names without a room."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.house_rules import FUNCTION_LINES, MODULE_LINES, breaches, main


def test_a_module_within_its_budget_passes(tmp_path: Path) -> None:
    (tmp_path / "trie.py").write_text("x = 1\n" * MODULE_LINES, "utf-8")
    assert list(breaches(tmp_path)) == []


def test_a_module_past_its_budget_is_named(tmp_path: Path) -> None:
    (tmp_path / "trie.py").write_text("x = 1\n" * (MODULE_LINES + 1), "utf-8")
    (breach,) = breaches(tmp_path)
    assert breach.startswith(f"{tmp_path / 'trie.py'}:1: 701 lines")


@pytest.mark.parametrize("keyword", ["def", "async def"])
def test_a_function_past_its_budget_is_named_with_its_line(tmp_path: Path, keyword: str) -> None:
    body = "    x = 1\n" * FUNCTION_LINES
    (tmp_path / "trie.py").write_text(f"\n{keyword} walk():\n{body}", "utf-8")
    (breach,) = breaches(tmp_path)
    assert "trie.py:2: walk has 71 lines" in breach


@pytest.mark.parametrize("name", ["utils.py", "helpers.py", "common.py"])
def test_a_module_without_a_room_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("", "utf-8")
    (breach,) = breaches(tmp_path)
    assert "name it after the thing" in breach


def test_a_package_without_a_room_is_named(tmp_path: Path) -> None:
    package = tmp_path / "utils"
    package.mkdir()
    (package / "text.py").write_text("", "utf-8")
    assert len(list(breaches(tmp_path))) == 1


def test_the_exit_status_tells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    (tmp_path / "utils.py").write_text("", "utf-8")
    assert main([str(tmp_path)]) == 1
    assert "utils.py" in capsys.readouterr().out
