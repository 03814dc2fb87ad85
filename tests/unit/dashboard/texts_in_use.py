"""Finds every text that the dashboard can say: in Python, in templates, in scripts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from jinja2 import Environment
from jinja2.nodes import Call, Const, Name

import app.dashboard
from app.dashboard.access import ROLES

ROOM = Path(app.dashboard.__file__).parent
_WORDS = {"_", "N_"}
_SCRIPT = re.compile(r"""\bt\(\s*("(?:[^"\\]|\\.)*")""")


def texts_in_use() -> dict[str, str]:
    """Return where each text is said, by the text; one place of several."""
    found: dict[str, str] = dict.fromkeys(ROLES, "access.py")
    for path in sorted(ROOM.rglob("*.py")):
        found |= dict.fromkeys(_in_python(path), path.name)
    for path in sorted((ROOM / "templates").rglob("*.html")):
        found |= dict.fromkeys(_in_template(path), path.name)
    for path in sorted((ROOM / "assets").rglob("*.js")):
        script = path.read_text("utf-8")
        found |= {ast.literal_eval(match[1]): path.name for match in _SCRIPT.finditer(script)}
    return found


def _in_python(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            said = node.args[0]
            if node.func.id in _WORDS and isinstance(said, ast.Constant):
                yield str(said.value)


def _in_template(path: Path) -> Iterator[str]:
    for call in Environment(autoescape=True).parse(path.read_text("utf-8")).find_all(Call):
        if isinstance(call.node, Name) and call.node.name in _WORDS:
            for argument in call.args[:1]:
                if isinstance(argument, Const):
                    yield argument.value
