"""What SECURITY.md promises is kept by tests that are there, and exceptions from bandit's rules have their reasons."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "SECURITY.md").read_text("utf-8")
PROMISES = re.findall(r"^\| ([A-Z][^|]+\.) \| (`.+`) \|$", TEXT, re.MULTILINE)
KEPT_BY = sorted({name for _promise, names in PROMISES for name in re.findall(r"`([^`]+)`", names)})


@cache
def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_there_are_promises_and_each_has_a_test() -> None:
    assert len(PROMISES) > 20
    table = TEXT[TEXT.index("| promise |") : TEXT.index("## How we look")]
    assert len(PROMISES) == len([line for line in table.splitlines() if line[:2] == "| "]) - 1


@pytest.mark.parametrize("name", KEPT_BY)
def test_the_test_that_keeps_a_promise_is_there(name: str) -> None:
    path, _, function = name.partition("::")
    assert function in functions(path)


def test_every_exception_from_the_rules_of_bandit_has_its_reason() -> None:
    bare = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "app").rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"# noqa: (?:\w+, )*S\d{3}(?:, \w+)*(?! - |\w|, )", line)
    ]
    assert bare == []


def test_the_rules_of_bandit_are_on_for_the_application() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    assert lint["select"] == ["ALL"]
    assert [rule for rule in lint["ignore"] if re.match(r"S\d*$", rule)] == ["S101"]
    for pattern, rules in lint["per-file-ignores"].items():
        if pattern.startswith("app/"):
            # Words in examples look like passwords; nothing else is looked away from.
            assert {rule for rule in rules if re.match(r"S\d*$", rule)} <= {"S106"}
