"""Every line that a node may log at INFO or above is explained in docs/operations.md, and no other is.

Run as `python -m checks.log_lines`. A line is known by the text that the source gives to the logger, in which `%s`
stands for what varies. A call that passes on a sentence made elsewhere (`"%s"`) is known by its module.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = "docs/operations.md"
SOURCES: Final = ("app/**/*.py", "gunicorn.conf.py", "wsgi.py")
LEVELS: Final = {
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "critical": "critical",
}
"""Method of a logger to the level that it logs at."""
_LOGGERS: Final = frozenset({"logger", "_logger", "log", "_log"})
_ROW: Final = re.compile(r"^\| (info|warning|error|critical) \| `([^`]+)` \| .+ \|$", re.MULTILINE)


class LogLine(NamedTuple):
    """A line that may be logged."""

    level: str
    text: str
    where: str


def logged(root: Path) -> Iterator[LogLine]:
    """Yield what the sources below `root` log."""
    for pattern in SOURCES:
        for path in sorted(root.glob(pattern)):
            where = path.relative_to(root).as_posix()
            tree = ast.parse(path.read_text("utf-8"))
            names = _constants(tree)
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and _is_of_a_logger(node.func):
                    assert isinstance(node.func, ast.Attribute)
                    text = _text(node.args[0], names)
                    level = LEVELS[node.func.attr]
                    yield LogLine(level, where if text in {"", "%s"} else text, where)


def explained(root: Path) -> set[tuple[str, str]]:
    """Return level and text of the rows that the page has."""
    return set(_ROW.findall((root / PAGE).read_text("utf-8")))


def differences(root: Path) -> Iterator[str]:
    """Yield a sentence for every line without a row, and every row without a line."""
    lines = {(one.level, one.text): one for one in logged(root)}
    rows = explained(root)
    for key in sorted(lines.keys() - rows):
        one = lines[key]
        yield f"{one.where} logs `{one.text}` ({one.level}): say in {PAGE} what it means and what to do"
    for level, text in sorted(rows - lines.keys()):
        yield f"{PAGE} explains `{text}` ({level}), which nothing logs"


def _is_of_a_logger(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute) or function.attr not in LEVELS:
        return False
    owner = function.value
    name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
    return name in _LOGGERS


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def _text(argument: ast.expr, names: dict[str, str]) -> str:
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    return names.get(argument.id, "") if isinstance(argument, ast.Name) else ""


def main() -> int:
    """Print every difference and return the exit status."""
    found = list(differences(ROOT))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
