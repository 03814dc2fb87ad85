"""Backups: from every database into every database, and what a file that is not whole is good for."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from app.clock import FakeClock
from app.config import DatabaseSettings, Settings
from app.models import AclRule, App, AuditEntry, Banned, Base, Database, DataFile, Schema, migrate
from app.secret_box import SecretBox
from app.services.backup import BackupService
from app.services.backup_file import BackupError, check_passphrase

PASSPHRASE = "correct horse battery"
OTHER_PASSPHRASE = "incorrect horse battery"
KEY, OTHER_KEY = "the key of one instance", "the key of another"
EVERYTHING: Any = {
    "ü \U0001f985 \\ ' \" \n": [1, 1.5, None, True, {"a": []}],
    "numbers": [2**53 + 1, -(2**62)],
}


def a_box(folder: Path, key: str = KEY) -> SecretBox:
    return SecretBox(folder, key)


def service(database: Database, box: SecretBox) -> BackupService:
    return BackupService(database, box, FakeClock(), {})


def fill(database: Database, box: SecretBox) -> None:
    """Put something difficult into every kind of column."""
    with database.session() as session:
        session.add_all(
            [
                App(app_id="a", name=None, secret_encrypted=box.seal("geheim ü"), status=None),
                App(app_id="A", name="\U0001f985", secret_encrypted=box.seal("s"), status=False),
                Banned(kind="clientid", who="a ", by="", reason="x\ty", at=0, until=2**62),
                Schema(name="s", definition=EVERYTHING),
                DataFile(
                    filename="f.json",
                    node="n",
                    size=256,
                    sha256="",
                    created_at=1,
                    content=bytes(range(256)),
                ),
                AclRule(
                    id=7,
                    kind="all",
                    login="",
                    topic="t" * 70_000,
                    topic_sha256="d",
                    action="pub",
                    access="deny",
                    created_at=1,
                ),
            ]
        )


def content(database: Database, box: SecretBox) -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table but the audit log, secrets in plain text."""
    with database.reading() as session:
        return {
            table.name: [
                {
                    name: box.open(value) if name.endswith("_encrypted") and value else value
                    for name, value in row._asdict().items()
                }
                for row in session.execute(select(table).order_by(*table.primary_key))
            ]
            for table in Base.metadata.sorted_tables
            if table.name != "audit_log"
        }


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """A database beside the one under test."""
    url = f"sqlite:///{tmp_path / 'other.db'}"
    settings = Settings(tmp_path, database=DatabaseSettings(url=url))
    migrate(settings)
    database = Database(settings)
    yield database
    database.close()


@pytest.fixture
def saved(sqlite: Database, tmp_path: Path) -> Path:
    """A backup of a filled database, with a passphrase."""
    fill(sqlite, a_box(tmp_path))
    path = tmp_path / "saved.backup"
    service(sqlite, a_box(tmp_path)).save(path, PASSPHRASE, lambda _rows: None)
    return path


def nothing(_rows: int) -> None:
    """Take no notice of progress."""


class TestMoving:
    @pytest.mark.parametrize("passphrase", [PASSPHRASE, None])
    def test_a_backup_moves_to_another_kind_of_database_and_back(
        self, database: Database, sqlite: Database, tmp_path: Path, passphrase: str | None
    ) -> None:
        box = a_box(tmp_path)
        fill(sqlite, box)
        before = content(sqlite, box)
        for number, (source, target) in enumerate(itertools.permutations([sqlite, database])):
            path = tmp_path / f"{number}.backup"
            service(source, box).save(path, passphrase, nothing)
            service(target, box).restore(path, passphrase, nothing)
            assert content(target, box) == before

    def test_what_was_there_before_is_replaced_and_the_audit_log_says_so(
        self, database: Database, saved: Path, tmp_path: Path
    ) -> None:
        with database.session() as session:
            session.add(Banned(kind="username", who="old", by="", reason="", at=0))
        service(database, a_box(tmp_path)).restore(saved, PASSPHRASE, nothing)
        with database.reading() as session:
            assert session.scalars(select(Banned.who)).all() == ["a "]
            (entry,) = session.scalars(select(AuditEntry))
        assert (entry.action, entry.target) == ("database.restore", "saved.backup")

    def test_numbers_of_new_rows_go_on_behind_the_restored_ones(
        self, database: Database, saved: Path, tmp_path: Path
    ) -> None:
        service(database, a_box(tmp_path)).restore(saved, PASSPHRASE, nothing)
        with database.session() as session:
            rule = AclRule(
                kind="all",
                login="",
                topic="t",
                topic_sha256="e",
                action="pub",
                access="deny",
                created_at=1,
            )
            session.add(rule)
            session.flush()
            assert rule.id > 7

    def test_many_rows_take_many_statements(self, database: Database, tmp_path: Path) -> None:
        with database.session() as session:
            for number in range(1_201):
                session.add(Schema(name=f"{number:05}", definition="x" * 5_000))
        box = a_box(tmp_path)
        before = content(database, box)
        path = tmp_path / "many.backup"
        done: list[int] = []
        service(database, box).save(path, None, done.append)
        assert sum(done) == service(database, box).count() == 1_201
        service(database, box).restore(path, None, nothing)
        assert content(database, box) == before


class TestSecrets:
    def test_with_a_passphrase_another_instance_takes_the_secrets_over(
        self, sqlite: Database, saved: Path, tmp_path: Path
    ) -> None:
        other = a_box(tmp_path, OTHER_KEY)
        service(sqlite, other).restore(saved, PASSPHRASE, nothing)
        assert [app["secret_encrypted"] for app in content(sqlite, other)["apps"]] == [
            "s",
            "geheim ü",
        ]

    def test_with_a_passphrase_nothing_of_a_row_can_be_read(self, saved: Path) -> None:
        plain = gzip.decompress(saved.read_bytes())
        assert b"clientid" not in plain
        assert b"geheim" not in plain

    def test_under_the_same_key_secrets_stay_encrypted(
        self, sqlite: Database, tmp_path: Path
    ) -> None:
        fill(sqlite, a_box(tmp_path))
        path = tmp_path / "b"
        service(sqlite, a_box(tmp_path)).save(path, None, nothing)
        plain = gzip.decompress(path.read_bytes())
        assert b"clientid" in plain
        assert b"geheim" not in plain

    def test_an_instance_with_another_key_refuses_before_anything_is_gone(
        self, sqlite: Database, tmp_path: Path
    ) -> None:
        box = a_box(tmp_path)
        fill(sqlite, box)
        before = content(sqlite, box)
        service(sqlite, box).save(tmp_path / "b", None, nothing)
        with pytest.raises(BackupError, match="encrypted with another key"):
            service(sqlite, a_box(tmp_path, OTHER_KEY)).restore(tmp_path / "b", None, nothing)
        assert content(sqlite, box) == before

    @pytest.mark.parametrize(
        ("passphrase", "sentence"),
        [(None, "was made with a passphrase"), (OTHER_PASSPHRASE, "the passphrase is wrong")],
    )
    def test_without_the_passphrase_there_is_no_way_in(
        self, sqlite: Database, saved: Path, tmp_path: Path, passphrase: str | None, sentence: str
    ) -> None:
        with pytest.raises(BackupError, match=sentence):
            service(sqlite, a_box(tmp_path)).restore(saved, passphrase, nothing)

    def test_a_short_passphrase_is_refused(self) -> None:
        with pytest.raises(BackupError, match="at least 12"):
            check_passphrase("short")

    def test_only_the_owner_can_read_a_backup(self, saved: Path) -> None:
        assert stat.S_IMODE(saved.stat().st_mode) == 0o600


def rewritten(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    def damage(whole: bytes) -> bytes:
        lines = gzip.decompress(whole).splitlines(keepends=True)
        return gzip.compress(b"".join(change(lines)))

    return damage


def with_header(**changes: object) -> Callable[[bytes], bytes]:
    return rewritten(
        lambda lines: [orjson.dumps(orjson.loads(lines[0]) | changes) + b"\n", *lines[1:]]
    )


class TestDamage:
    @pytest.mark.parametrize(
        ("damage", "sentence"),
        [
            (lambda _whole: b"", "damaged"),
            (lambda whole: whole[:-1], "damaged"),
            (lambda whole: whole[: len(whole) // 2], "damaged"),
            (lambda whole: whole[:40] + bytes([whole[40] ^ 1]) + whole[41:], "damaged"),
            (lambda whole: whole + b"x", "damaged"),
            (lambda _whole: b"SQLite format 3\0", "damaged"),
            (lambda _whole: gzip.compress(b"x"), "damaged"),
            (lambda _whole: gzip.compress(b"[1]\n"), "no backup"),
            (lambda _whole: gzip.compress(b'{"godwit_backup":1}\n'), "newer"),
            (rewritten(lambda lines: lines[:-1]), "damaged"),
            (rewritten(lambda lines: [*lines, b"{}\n"]), "damaged"),
            (rewritten(lambda lines: [lines[0], *lines[2:]]), "damaged"),
            (rewritten(lambda lines: [lines[0], lines[2], lines[1], *lines[3:]]), "damaged"),
            (rewritten(lambda lines: [lines[0], lines[1][::-1], *lines[2:]]), "decrypted"),
            (with_header(tables={}), "damaged"),
            (with_header(tables=[]), "damaged"),
            (with_header(salt="zz"), "damaged"),
            (with_header(schema="9999_later", version="9.9"), "newer than this"),
            (with_header(godwit_backup=3, version="9.9"), "9.9, which is newer"),
            (with_header(formats={"broker": "x"}), "damaged"),
            (with_header(formats={"cluster": 1}), "not known here"),
        ],
    )
    def test_a_file_that_is_not_whole_changes_nothing(
        self,
        sqlite: Database,
        saved: Path,
        tmp_path: Path,
        damage: Callable[[bytes], bytes],
        sentence: str,
    ) -> None:
        box = a_box(tmp_path)
        before = content(sqlite, box)
        saved.write_bytes(damage(saved.read_bytes()))
        with pytest.raises(BackupError, match=sentence):
            service(sqlite, box).restore(saved, PASSPHRASE, nothing)
        assert content(sqlite, box) == before

    def test_a_row_that_the_database_refuses_leaves_everything_as_it_was(
        self, database: Database, tmp_path: Path
    ) -> None:
        box = a_box(tmp_path)
        with database.session() as session:
            session.add(Banned(kind="clientid", who="a", by="", reason="", at=0))
        before = content(database, box)
        path = tmp_path / "b"
        service(database, box).save(path, None, nothing)
        lines = (
            gzip.decompress(path.read_bytes()).replace(b'"clientid"', b'"nonsense"').splitlines()
        )
        body = b"".join(line + b"\n" for line in lines[:-1])
        last = {"rows": 1, "sha256": hashlib.sha256(body).hexdigest()}
        path.write_bytes(gzip.compress(body + orjson.dumps(last) + b"\n"))
        with pytest.raises(BackupError, match="cannot be used"):
            service(database, box).restore(path, None, nothing)
        assert content(database, box) == before

    def test_a_file_that_is_there_is_not_overwritten(
        self, sqlite: Database, saved: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(BackupError, match="is there already"):
            service(sqlite, a_box(tmp_path)).save(saved, None, nothing)

    def test_a_backup_that_fails_leaves_no_file(self, sqlite: Database, tmp_path: Path) -> None:
        def fail(_rows: int) -> None:
            raise KeyboardInterrupt

        fill(sqlite, a_box(tmp_path))
        folder = tmp_path / "backups"
        folder.mkdir()
        with pytest.raises(KeyboardInterrupt):
            service(sqlite, a_box(tmp_path)).save(folder / "b", None, fail)
        assert list(folder.iterdir()) == []

    def test_a_place_that_cannot_be_written_is_one_sentence(
        self, sqlite: Database, tmp_path: Path
    ) -> None:
        with pytest.raises(BackupError, match="cannot be written"):
            service(sqlite, a_box(tmp_path)).save(tmp_path / "none" / "b", None, nothing)
