"""Rules that nobody has seen fail are not rules: each check is tried on a copy that breaks it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(sys.executable).parent
COPIED = ("app", "checks", "wsgi.py", "setup.cfg", "pyproject.toml")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what the checks look at."""
    copy = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, copy / name, ignore=ignore)
        else:
            shutil.copy(source, copy / name)
    return copy


@pytest.fixture
def copy(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "copy"))


def run(folder: Path, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPTS / tool), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def append(path: Path, code: str) -> None:
    path.write_text(f"{path.read_text('utf-8')}\n{code}\n", "utf-8")


@pytest.mark.parametrize(
    ("module", "line", "told"),
    [
        ("app/broker/trie.py", "from flask import Flask", "app.broker.trie -> flask"),
        ("app/mqtt/topic.py", "import app.broker.trie", "app.mqtt.topic -> app.broker.trie"),
        ("app/mqtt/topic.py", "import socket", "app.mqtt.topic -> socket"),
        ("app/node/facts.py", "import app.services.clients", "app.node.facts -> app.services"),
        ("app/api/status.py", "from app.models import App", "app.api.status -> app.models"),
        ("app/broker/trie.py", "import app.models.app", "app.broker.trie -> app.models"),
        ("app/clock.py", "import app.errors", "app.clock -> app.errors"),
    ],
)
def test_an_import_against_the_direction_is_named(
    copy: Path, module: str, line: str, told: str
) -> None:
    append(copy / module, line)
    ended = run(copy, "lint-imports", "--no-logo", "--no-cache")
    assert ended.returncode != 0
    assert told in ended.stdout


def test_a_room_that_is_nowhere_on_the_list_of_layers_is_named(copy: Path) -> None:
    (copy / "app" / "attic.py").write_text('"""A room that nobody planned."""\n', "utf-8")
    ended = run(copy, "lint-imports", "--no-logo", "--no-cache")
    assert ended.returncode != 0
    assert "app.attic" in ended.stdout


def test_a_wrong_type_is_named(copy: Path) -> None:
    append(copy / "app" / "ids.py", 'WRONG: int = "text"')
    ended = run(copy, "mypy", "--follow-imports=silent", "app/ids.py")
    assert ended.returncode != 0
    assert "app/ids.py" in ended.stdout
    assert "[assignment]" in ended.stdout


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import json", "F401"),
        ("print('hello')", "T201"),
        ("import asyncio\n\nasyncio.create_task(None)", "TID251"),
        ("import time\n\ntime.sleep(1)", "TID251"),
        ("def undocumented():\n    pass", "D103"),
        ("# TODO: later", "FIX002"),
    ],
)
def test_a_breach_of_lint_is_named(copy: Path, code: str, told: str) -> None:
    append(copy / "app" / "ids.py", code)
    ended = run(copy, "ruff", "check", "--no-cache", "--output-format=concise", "app/ids.py")
    assert ended.returncode == 1
    assert told in ended.stdout


def test_sleeping_in_a_test_is_named(copy: Path) -> None:
    test = copy / "tests" / "unit" / "test_slow.py"
    test.parent.mkdir(parents=True)
    test.write_text("import time\n\n\ndef test_it():\n    time.sleep(1)\n", "utf-8")
    ended = run(copy, "ruff", "check", "--no-cache", "--output-format=concise", str(test))
    assert "TID251" in ended.stdout


def test_formatting_by_hand_is_named(copy: Path) -> None:
    append(copy / "app" / "ids.py", "x = {  'a':1 }")
    ended = run(copy, "ruff", "format", "--no-cache", "--check", "app/ids.py")
    assert ended.returncode == 1
    assert "app/ids.py" in ended.stdout


def test_the_untouched_copy_keeps_the_import_contracts(pristine: Path) -> None:
    ended = run(pristine, "lint-imports", "--no-logo", "--no-cache")
    assert ended.returncode == 0, ended.stdout


@pytest.mark.parametrize("package", ["app.broker", "app.mqtt", "app.config", "app.node"])
def test_the_core_loads_neither_web_framework_nor_database(package: str) -> None:
    code = (
        "import pkgutil, importlib, sys\n"
        f"root = importlib.import_module({package!r})\n"
        "for found in pkgutil.walk_packages(root.__path__, root.__name__ + '.'):\n"
        "    importlib.import_module(found.name)\n"
        "print(sorted({'flask', 'sqlalchemy', 'marshmallow', 'gunicorn'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout.strip() == "[]"
