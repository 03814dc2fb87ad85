"""Merging into godwit.toml leaves what the operator wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config import SettingsError, load_settings
from app.importers.settings_file import keys_in, merge

BEFORE = "# Mine.\nallow_anonymous = true\n\n[zone.external]\nmax_inflight = 7  # tuned\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "godwit.toml"
    path.write_text(BEFORE, "utf-8")
    path.chmod(0o600)
    return path


def test_missing_keys_are_written_and_present_ones_are_kept(file: Path) -> None:
    added = merge(
        file.parent,
        {"allow_anonymous": "false", "zone.external.max_inflight": "9", "log.level": "debug"},
        "old.yaml",
        write=True,
    )
    assert added == {"log.level": "debug"}
    assert file.read_text("utf-8").endswith(BEFORE)
    settings = load_settings({}, file.parent)
    assert settings.log.level == "debug"
    assert settings.broker.zones["external"].max_inflight == 7


def test_the_files_mode_is_kept(file: Path) -> None:
    merge(file.parent, {"log.level": "debug"}, "old.yaml", write=True)
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_write_nothing_changes(file: Path) -> None:
    assert merge(file.parent, {"log.level": "debug"}, "x", write=False) == {"log.level": "debug"}
    assert file.read_text("utf-8") == BEFORE
    assert list(file.parent.iterdir()) == [file]


def test_settings_that_would_stop_the_start_are_not_written(file: Path) -> None:
    with pytest.raises(SettingsError):
        merge(file.parent, {"dashboard.listener.http": "1883"}, "x", write=True)
    assert file.read_text("utf-8") == BEFORE
    assert list(file.parent.iterdir()) == [file]


def test_a_file_is_made_where_there_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "instance"
    assert keys_in(folder) == set()
    merge(folder, {"zone.external.mountpoint": 'a"b\\c/%c/'}, 'o"d.yaml', write=True)
    assert load_settings({}, folder).broker.zones["external"].mountpoint == 'a"b\\c/%c/'


def test_importing_twice_writes_once(file: Path) -> None:
    settings = {"log.level": "debug"}
    merge(file.parent, settings, "x", write=True)
    once = file.read_text("utf-8")
    assert merge(file.parent, settings, "x", write=True) == {}
    assert file.read_text("utf-8") == once
