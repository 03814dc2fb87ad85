"""What a backup holds beside the database: the broker's journal and the outbox, from every kind into every kind."""

from __future__ import annotations

import gzip
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select

from app.clock import FakeClock
from app.config import DatabaseSettings, Settings, StorageSettings
from app.models import Banned, Database, migrate
from app.rules.outbox.file import FILE, Outbox, Owner
from app.secret_box import SecretBox
from app.services.backup import BackupService
from app.services.backup_file import BackupError
from app.services.backup_parts import parts_of
from app.storage.database import JournalDatabase, storage_url
from app.storage.journal import FORMAT
from tests.harness.databases import Backend

PASSPHRASE = "correct horse battery"
ROWS = [(number, bytes(range(256)) * number) for number in (3, 4, 9)]


class Instance:
    """An instance folder with a database, a journal and an outbox, and no node."""

    def __init__(self, folder: Path, journal_url: str = "", sync: str = "ack") -> None:
        folder.mkdir()
        self.folder = folder
        self.settings = Settings(
            folder,
            database=DatabaseSettings(url=f"sqlite:///{folder / 'godwit.db'}"),
            storage=StorageSettings(url=journal_url, sync=sync),
        )
        migrate(self.settings)
        self.database = Database(self.settings)

    def backups(self) -> BackupService:
        box = SecretBox(self.folder, "the key of one instance")
        return BackupService(self.database, box, FakeClock(), parts_of(self.settings))

    def journal(self) -> JournalDatabase:
        journal = JournalDatabase(storage_url(self.settings.storage_url))
        if not journal.open():
            journal.set_format(FORMAT)
        return journal

    def rows(self) -> list[tuple[int, bytes]]:
        with closing(self.journal()) as journal:
            return list(journal.rows())

    def outbox(self) -> list[list[tuple[object, ...]]]:
        with closing(sqlite3.connect(self.folder / FILE)) as connection:
            return [
                connection.execute(f"SELECT * FROM {name} ORDER BY number").fetchall()
                for name in ("waiting", "dead")
            ]

    def fill(self) -> None:
        with closing(self.journal()) as journal:
            for number, body in ROWS:
                journal.add(number, body)
        box = Outbox(self.folder / FILE)
        box.open()
        box.put(Owner("rule:1", "action"), 5, b"\x00waits\xff", lambda _told: None)
        box.bury(Owner("rule:1", "action"), 5, 7, "no answer", b"\x00dead\xff")
        box.close()
        with self.database.session() as session:
            session.add(Banned(kind="clientid", who="a", by="", reason="", at=0))

    def banned(self) -> list[str]:
        with self.database.reading() as session:
            return list(session.scalars(select(Banned.who)))


def nothing(_rows: int) -> None:
    """Take no notice of progress."""


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Instance]:
    instance = Instance(tmp_path / "full")
    instance.fill()
    yield instance
    instance.database.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Instance]:
    instance = Instance(tmp_path / "fresh")
    yield instance
    instance.database.close()


@pytest.fixture
def saved(full: Instance, tmp_path: Path) -> Path:
    path = tmp_path / "b"
    full.backups().save(path, None, nothing)
    return path


@pytest.mark.parametrize("passphrase", [PASSPHRASE, None])
def test_journal_and_outbox_move_to_another_kind_of_database_and_back(
    backend: Backend, tmp_path: Path, full: Instance, passphrase: str | None
) -> None:
    if backend.name == "mariadb":
        pytest.skip("the journal is kept in SQLite or PostgreSQL")
    with backend.empty_database(tmp_path) as other:
        there = Instance(tmp_path / "there", other.database_url)
        back = Instance(tmp_path / "back")
        full.backups().save(tmp_path / "1", passphrase, nothing)
        there.backups().restore(tmp_path / "1", passphrase, nothing)
        assert (there.rows(), there.outbox()) == (ROWS, full.outbox())
        there.backups().save(tmp_path / "2", passphrase, nothing)
        back.backups().restore(tmp_path / "2", passphrase, nothing)
        assert (back.rows(), back.outbox(), back.banned()) == (ROWS, full.outbox(), ["a"])
        assert back.journal().open() == FORMAT
        there.database.close()
        back.database.close()


def test_a_backup_is_of_one_moment_though_the_broker_writes_and_compacts_meanwhile(
    full: Instance, fresh: Instance, tmp_path: Path
) -> None:
    with closing(full.journal()) as writer:

        def go_on(_rows: int) -> None:
            writer.remove_below(5)
            writer.add_again(10, b"later")

        full.backups().save(tmp_path / "b", None, go_on)
    fresh.backups().restore(tmp_path / "b", None, nothing)
    assert fresh.rows() == ROWS
    assert full.rows()[-1] == (10, b"later")


def test_what_was_there_before_is_replaced(full: Instance, fresh: Instance, tmp_path: Path) -> None:
    fresh.backups().save(tmp_path / "empty", None, nothing)
    full.backups().restore(tmp_path / "empty", None, nothing)
    assert full.rows() == []
    assert full.outbox() == [[], []]


def test_with_a_passphrase_no_message_can_be_read(full: Instance, tmp_path: Path) -> None:
    full.backups().save(tmp_path / "b", PASSPHRASE, nothing)
    plain = gzip.decompress((tmp_path / "b").read_bytes())
    assert b"rule:1" not in plain


def test_an_instance_that_keeps_no_sessions_refuses_a_backup_that_holds_some(
    saved: Path, tmp_path: Path
) -> None:
    forgetful = Instance(tmp_path / "forgetful", sync="off")
    with pytest.raises(BackupError, match=r"set storage\.sync to ack"):
        forgetful.backups().restore(saved, None, nothing)
    forgetful.database.close()


def test_the_backup_of_such_an_instance_leaves_sessions_as_they_are(
    full: Instance, tmp_path: Path
) -> None:
    forgetful = Instance(tmp_path / "forgetful", sync="off")
    forgetful.backups().save(tmp_path / "b", None, nothing)
    full.backups().restore(tmp_path / "b", None, nothing)
    assert full.rows() == ROWS
    assert full.banned() == []
    forgetful.database.close()


def rewritten(path: Path, old: bytes, new: bytes) -> None:
    """Change a backup, and have its checksum fit."""
    lines = gzip.decompress(path.read_bytes()).replace(old, new).splitlines(keepends=True)
    body = b"".join(lines[:-1])
    last = orjson.loads(lines[-1]) | {"sha256": hashlib.sha256(body).hexdigest()}
    path.write_bytes(gzip.compress(body + orjson.dumps(last) + b"\n"))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (b'"broker":%d' % FORMAT, b'"broker":%d' % (FORMAT + 1), "newer than this"),
        (b'"outbox":1', b'"outbox":2', "newer than this"),
        (b'"body"', b'"soul"', "column that is not known: broker.journal"),
        (b'"body":"', b'"body":"*', "damaged"),
        (b'"reason":"no answer"', b'"reason":null', r"outbox\.db cannot be copied"),
    ],
)
def test_a_file_that_cannot_be_used_changes_nothing_anywhere(
    full: Instance, saved: Path, old: bytes, new: bytes, sentence: str
) -> None:
    before = full.rows(), full.outbox(), full.banned()
    with closing(full.journal()) as journal:
        journal.add(20, b"since the backup")
    rewritten(saved, old, new)
    with pytest.raises(BackupError, match=sentence):
        full.backups().restore(saved, None, nothing)
    assert (full.rows()[:-1], full.outbox(), full.banned()) == before
    assert full.rows()[-1] == (20, b"since the backup")


def test_a_backup_of_the_database_alone_leaves_the_rest_as_it_is(
    full: Instance, fresh: Instance, tmp_path: Path
) -> None:
    box = SecretBox(fresh.folder, "the key of one instance")
    BackupService(fresh.database, box, FakeClock(), {}).save(tmp_path / "b", None, nothing)
    rewritten(tmp_path / "b", b'"godwit_backup":2', b'"godwit_backup":1')
    full.backups().restore(tmp_path / "b", None, nothing)
    assert full.rows() == ROWS
    assert full.banned() == []


def test_a_journal_that_cannot_be_read_is_one_sentence(full: Instance, tmp_path: Path) -> None:
    (full.folder / "broker.db").write_bytes(b"shopping list" * 1_000)
    for companion in ("-wal", "-shm"):
        (full.folder / f"broker.db{companion}").unlink(missing_ok=True)
    with pytest.raises(
        BackupError, match=r"broker\.db cannot be copied \(file is not a database\)"
    ):
        full.backups().save(tmp_path / "b", None, nothing)
    assert not (tmp_path / "b").exists()
