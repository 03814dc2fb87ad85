"""Budgets and names: modules of 700 lines, functions of 70, no package for what has no room.

Run as `python -m checks.house_rules [FOLDER …]`; prints a line per breach and ends with status 1.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 700
FUNCTION_LINES = 70
HOMELESS_NAMES = frozenset({"utils", "util", "helpers", "helper", "common", "misc"})
FOLDERS = ("app", "bench", "checks", "compiled", "migrations", "tests")


def breaches(root: Path) -> Iterator[str]:
    """Yield a line for every house rule that a Python file below `root` breaks."""
    for path in sorted(root.rglob("*.py")):
        if "site-packages" in path.parts:
            continue  # amqtt, which the benchmarks install below their build folder
        source = path.read_text("utf-8")
        yield from _name_breaches(path)
        yield from _length_breaches(path, source)


def _name_breaches(path: Path) -> Iterator[str]:
    for part in (path.parent.name, path.stem):
        if part in HOMELESS_NAMES:
            yield f"{path}:1: name it after the thing, not {part!r}"


def _length_breaches(path: Path, source: str) -> Iterator[str]:
    count = source.count("\n")
    if count > MODULE_LINES:
        yield f"{path}:1: {count} lines, split the module below {MODULE_LINES}"
    for node in ast.walk(ast.parse(source, str(path))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield (
                    f"{path}:{node.lineno}: {node.name} has {length} lines, "
                    f"split it below {FUNCTION_LINES}"
                )


def main(arguments: list[str]) -> int:
    """Print every breach and return the exit status."""
    found = [line for folder in arguments or FOLDERS for line in breaches(Path(folder))]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
