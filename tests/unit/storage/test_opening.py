"""Journals that are new, old, damaged, or somebody else's."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.broker.message import Message
from app.clock import FakeClock
from app.storage.errors import StorageError
from app.storage.journal import OpenGroup
from app.storage.layout import FORMAT
from app.storage.opening import Opened, open_journal


def row(topic: str) -> bytes:
    group = OpenGroup({}, 0)
    group.retained(Message(topic, b"x" * 100, 1, True, 1_000), 1)
    return group.close(5_000)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "broker.db"


def opened(file: Path) -> Opened:
    found = open_journal(f"sqlite:///{file}", FakeClock())
    found.database.close()
    return found


def topics(found: Opened) -> list[str]:
    return sorted(message.topic for _, message in found.state.retained)


def fill(file: Path, count: int) -> None:
    found = open_journal(f"sqlite:///{file}", FakeClock())
    for number in range(1, count + 1):
        found.database.add(number, row(f"t/{number}"))
    found.database.close()


def test_a_new_journal_is_empty_and_made(file: Path) -> None:
    found = opened(file)
    assert (found.next_row, found.size, found.state.trouble) == (1, 0, "")
    assert file.stat().st_mode & 0o777 == 0o600


def test_rows_are_read_in_order_and_the_next_one_follows(file: Path) -> None:
    fill(file, 250)
    found = opened(file)
    assert len(topics(found)) == 250
    assert (found.lowest_row, found.next_row) == (1, 251)
    assert found.state.seen_at_ms == 5_000
    assert found.size == sum(len(row(f"t/{number}")) for number in range(1, 251))


def test_a_newer_format_is_refused_with_one_sentence(file: Path) -> None:
    opened(file)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE journal_facts SET value = ?", (str(FORMAT + 1),))
    connection.close()
    with pytest.raises(StorageError, match="newer version of Godwit: start that one"):
        opened(file)


def test_a_damaged_row_is_put_aside_and_the_others_are_kept(file: Path) -> None:
    fill(file, 3)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE journal SET body = ? WHERE seq = 2", (row("t/2")[:-1] + b"?",))
    connection.close()
    found = opened(file)
    assert topics(found) == ["t/1", "t/3"]
    assert "1 of the journal's groups were damaged" in found.state.trouble
    again = opened(file)
    assert again.state.trouble == ""
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT seq FROM journal_damaged").fetchall() == [(2,)]
    connection.close()


def test_a_file_that_is_no_database_is_put_aside(file: Path) -> None:
    file.write_bytes(b"shopping list " * 1_000)
    found = opened(file)
    assert topics(found) == []
    aside = next(iter(file.parent.glob("broker.db.damaged-*")))
    assert aside.read_bytes().startswith(b"shopping list")
    assert str(aside) in found.state.trouble


def test_what_can_be_read_of_a_damaged_file_from_both_ends_is_kept(file: Path) -> None:
    fill(file, 2_000)
    size = file.stat().st_size
    with file.open("r+b") as raw:
        raw.seek(size // 2 // 4_096 * 4_096)
        raw.write(b"\xa5" * 4_096)
    found = opened(file)
    kept = topics(found)
    assert "t/1" in kept
    assert "t/2000" in kept
    assert 1_000 < len(kept) < 2_000
    assert "was put aside" in found.state.trouble
    assert list(file.parent.glob("broker.db.damaged-*"))
    assert opened(file).state.trouble == ""


def test_a_truncated_file_keeps_what_stands_before_the_cut(file: Path) -> None:
    fill(file, 2_000)
    with file.open("r+b") as raw:
        raw.truncate(file.stat().st_size // 2 // 4_096 * 4_096)
    found = opened(file)
    assert "t/1" in topics(found)
    assert "was put aside" in found.state.trouble


def left_by_a_kill(file: Path, count: int) -> Path:
    """Make a journal whose last rows are in SQLite's log alone, as a killed process leaves it; return the log."""
    opened(file)
    before = file.with_name("before")
    with closing(sqlite3.connect(file)) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        for number in range(1, count + 1):
            writer.execute("INSERT INTO journal VALUES (?, ?)", (number, row(f"t/{number}")))
            writer.commit()
        for companion in ("", "-wal"):
            shutil.copyfile(f"{file}{companion}", f"{before}{companion}")
    for companion in ("", "-wal"):
        Path(f"{before}{companion}").rename(f"{file}{companion}")
    return Path(f"{file}-wal")


def frame_of(log: Path, share: float) -> int:
    """Return where a page begins that is so far into the log."""
    frame = 4_096 + 24
    return 32 + int((log.stat().st_size - 32) // frame * share) * frame


def test_what_a_killed_process_left_in_the_log_is_read(file: Path) -> None:
    left_by_a_kill(file, 100)
    found = opened(file)
    assert len(topics(found)) == 100
    assert found.state.trouble == ""


@pytest.mark.parametrize("at", [24 + 4_000, 8, 16], ids=["a page", "its salt", "its checksum"])
def test_commits_behind_a_damaged_part_of_the_log_are_not_passed_over_in_silence(
    file: Path, at: int
) -> None:
    log = left_by_a_kill(file, 100)
    damage_commits(file, log, frame_of(log, 0.5) + at)


@pytest.mark.parametrize("at", [0, 10, 16, 24], ids=["magic", "page size", "salt", "checksum"])
def test_a_log_whose_head_is_damaged_is_not_passed_over_either(file: Path, at: int) -> None:
    damage_commits(file, left_by_a_kill(file, 100), at)


def damage_commits(file: Path, log: Path, where: int) -> None:
    content = bytearray(log.read_bytes())
    content[where] ^= 0xFF
    log.write_bytes(content)
    found = opened(file)
    kept = topics(found)
    assert "t/1" in kept
    assert "t/100" in kept
    assert len(kept) > 90
    assert "-wal is damaged; it was put aside as" in found.state.trouble
    (aside,) = file.parent.glob("broker.db.damaged-*-wal")
    assert aside.read_bytes() == content
    assert opened(file).state.trouble == ""


def test_a_log_that_ends_in_the_middle_of_a_commit_has_lost_that_commit_only(file: Path) -> None:
    log = left_by_a_kill(file, 100)
    with log.open("r+b") as raw:
        raw.truncate(log.stat().st_size - 1_000)
    found = opened(file)
    assert "t/99" in topics(found)
    assert "t/100" not in topics(found)
    assert found.state.trouble == ""


def test_a_log_that_is_none_is_no_obstacle(file: Path) -> None:
    fill(file, 10)
    file.with_name("broker.db-wal").write_bytes(b"shopping list " * 1_000)
    assert len(topics(opened(file))) == 10


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://u:p@h/n", "nonsense", "sqlite:////no/such"]
)
def test_urls_that_cannot_be_used_are_refused_with_one_sentence(url: str) -> None:
    with pytest.raises(StorageError, match="storage") as refused:
        open_journal(url, FakeClock())
    assert str(refused.value).endswith(".")
    assert "u:p" not in str(refused.value)
