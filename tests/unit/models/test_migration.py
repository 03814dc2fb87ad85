"""What a start finds in place of a database. The steps themselves are in tests/migrations."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from sqlalchemy import text

from app.config import Settings
from app.models import App, Database, DatabaseError, is_at_head, migrate


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path)


@pytest.mark.parametrize(
    "content", [b"x", b"name,desc\n", b"SQLite format 4\0", b"\0" * 100, os.urandom(8_192)]
)
def test_a_file_that_is_something_else_is_refused_and_left_as_it_is(
    settings: Settings, content: bytes
) -> None:
    path = settings.instance_dir / "godwit.db"
    path.write_bytes(content)
    for use in (migrate, is_at_head, Database):
        with pytest.raises(DatabaseError, match="is not an SQLite database: move it away"):
            use(settings)
    assert path.read_bytes() == content
    assert [entry.name for entry in settings.instance_dir.iterdir()] == ["godwit.db"]


def test_a_header_with_nothing_behind_it_is_refused_and_left_as_it_is(settings: Settings) -> None:
    path = settings.instance_dir / "godwit.db"
    content = b"SQLite format 3\0" + b"\xff" * 5_000
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match=r"^The database file .* (not an SQLite|damaged)"):
        migrate(settings)
    assert path.read_bytes() == content


def test_an_empty_file_is_a_database_that_has_no_tables_yet(settings: Settings) -> None:
    (settings.instance_dir / "godwit.db").touch()
    migrate(settings)
    assert is_at_head(settings)


def test_damage_is_found_at_the_start(settings: Settings) -> None:
    migrate(settings)
    database = Database(settings)
    with database.session() as session:
        for number in range(200):
            session.add(App(app_id=str(number), secret_encrypted="x" * 500))
        page_size = session.scalar(text("PRAGMA page_size"))
    database.close()
    path = settings.instance_dir / "godwit.db"
    content = bytearray(path.read_bytes())
    content[8 * page_size : 20 * page_size] = b"\xa5" * (12 * page_size)
    path.write_bytes(content)
    with pytest.raises(DatabaseError, match="is damaged: restore a backup of it"):
        migrate(settings)


def test_a_folder_in_place_of_the_file_is_told_in_one_sentence(settings: Settings) -> None:
    (settings.instance_dir / "godwit.db").mkdir()
    with pytest.raises(DatabaseError, match=r"^The database file .* cannot be read"):
        migrate(settings)


def test_a_folder_that_is_not_there_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="see that its folder exists"):
        migrate(Settings(tmp_path / "missing"))


def test_the_way_to_the_newest_step_is_one_line_of_the_log(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    migrate(settings)
    migrate(settings)
    (message,) = caplog.messages
    assert message.startswith("The database schema went from nothing to ")
