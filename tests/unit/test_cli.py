"""The command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import godwit
from app.config.page import configuration_page

ROOT = Path(__file__).resolve().parents[2]
YAML = "listeners: {default: {type: tcp, bind: 1999}}\nsys_interval: 10\n"


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GODWIT_INSTANCE", str(tmp_path / "instance"))
    return tmp_path / "instance"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(godwit, arguments)


def test_every_command_says_what_it_does() -> None:
    listing = run("--help").output
    for name, command in godwit.commands.items():
        assert name in listing
        assert command.help


def test_config_docs_prints_the_page() -> None:
    assert run("config-docs").output == configuration_page()


def test_an_import_without_write_changes_nothing(instance: Path, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(YAML, "utf-8")
    ended = run("import-hbmqtt", str(tmp_path / "b.yaml"))
    assert ended.exit_code == 0
    assert 'listener.tcp.external = "0.0.0.0:1999"' in ended.output
    assert "Nothing was changed" in ended.output
    assert not instance.exists()


def test_an_import_with_write_makes_the_file(instance: Path, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(YAML, "utf-8")
    ended = run("import-hbmqtt", str(tmp_path / "b.yaml"), "--write")
    assert f"Wrote 3 settings to {instance / 'godwit.toml'}." in ended.output
    again = run("import-hbmqtt", str(tmp_path / "b.yaml"), "--write")
    assert "Kept as godwit.toml has them: listener.tcp.external" in again.output
    assert "Wrote 0 settings" in again.output


@pytest.mark.usefixtures("instance")
def test_an_import_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    ended = run("import-hbmqtt", str(tmp_path / "none.yaml"))
    assert ended.exit_code == 1
    assert "Error: Give a file that can be read" in ended.output


@pytest.mark.usefixtures("instance")
def test_prepare_ends_with_one_sentence_where_a_setting_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GODWIT_COFFEE", "strong")
    ended = run("prepare")
    assert ended.exit_code == 3
    assert ended.stderr.count("\n") == 1
    assert "Unknown setting GODWIT_COFFEE" in ended.stderr


def test_the_command_line_loads_nothing_that_it_does_not_need() -> None:
    code = "import sys, app.cli; print({'flask', 'sqlalchemy', 'yaml'} & set(sys.modules))"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "set()"
