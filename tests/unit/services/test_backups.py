"""Backups on the node's disk: what a process of its own is told, and what becomes of it."""

from __future__ import annotations

import gzip
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.clock import FakeClock
from app.errors import ResultCode, ServiceError
from app.models.migration import steps
from app.services.backup_file import Backup, BackupWriter, cipher_for, new_file
from app.services.backups import CHECK, MAKE, MOST_KEPT, BackupsService, Job
from tests.harness.node import eventually

PASSPHRASE = "correct horse battery"
WORKER = """
import pathlib, sys
words = sys.argv[1:]
print(sys.stdin.readline().rstrip(), file=open("{told}", "w"))
print("0 20"); print("7 20", flush=True)
if "{problem}":
    print("Error: {problem}"); raise SystemExit(1)
print("20 20")
if words[0] == "backup":
    pathlib.Path(words[-1]).write_bytes(b"x")
"""


def write(folder: Path, name: str, salt: bytes | None = None, made_at_ms: int = 1) -> None:
    folder.mkdir(exist_ok=True)
    backup = Backup(folder / name, "1.2.3", steps()[-1], made_at_ms, salt, {"apps": 0})
    with new_file(backup.path) as file:
        writer = BackupWriter(file, cipher_for(PASSPHRASE, salt))
        writer.header(backup)
        writer.end()


@pytest.fixture
def noted() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def make(tmp_path: Path, noted: list[tuple[str, str]]) -> Any:
    def service(problem: str = "") -> BackupsService:
        audit: Any = SimpleNamespace(
            note=lambda verb, target, **_more: noted.append((verb, target))
        )
        worker = tmp_path / "worker.py"
        worker.write_text(WORKER.format(told=tmp_path / "told", problem=problem), "utf-8")
        return BackupsService(tmp_path, audit, FakeClock(), (sys.executable, str(worker)))

    return service


def over(job: Job) -> Job:
    eventually(lambda: job.is_over, "the job ends", 20)
    return job


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_backup_is_made_by_a_process_that_is_told_the_passphrase_and_nobody_else(
    make, noted, tmp_path, passphrase
):
    service = make()
    job = over(service.make(passphrase))
    assert (job.kind, job.done, job.total, job.problem) == (MAKE, 20, 20, "")
    assert noted == [("backup.make", job.name)]
    assert (tmp_path / "told").read_text("utf-8").strip() == (passphrase or "")
    assert (service.folder / job.name).exists()
    assert service.folder.stat().st_mode & 0o077 == 0


def test_what_the_process_complains_about_is_kept(make, caplog):
    job = over(make("the disk is full.").make(None))
    assert job.problem == "the disk is full."
    assert "the disk is full" in caplog.text


def test_one_is_done_at_a_time(make):
    service = make()
    service._job = Job(MAKE, "another")
    with pytest.raises(ServiceError, match="wait for it"):
        service.make(None)


def test_a_short_passphrase_and_too_many_files_are_refused(make):
    service = make()
    with pytest.raises(ServiceError, match="at least 12 characters"):
        service.make("short")
    service.folder.mkdir()
    for number in range(MOST_KEPT):
        (service.folder / f"{number}.backup").touch()
    with pytest.raises(ServiceError, match="delete one"):
        service.make(None)


def test_drafts_of_processes_that_were_killed_are_forgotten(make):
    service = make()
    service.folder.mkdir()
    (service.folder / ".old.backup.123.new").touch()
    over(service.make(None))
    assert [path.suffix for path in service.folder.iterdir()] == [".backup"]


def test_files_are_listed_with_what_they_say_of_themselves(make):
    service = make()
    assert service.list() == []
    write(service.folder, "a.backup", b"salt" * 4, 5)
    write(service.folder, "b.backup", None, 9)
    (service.folder / "c.backup").write_bytes(gzip.compress(b"no backup\n"))
    (service.folder / "notes.txt").touch()
    newest, older, strange = service.list()
    assert (newest.name, newest.version, newest.has_passphrase) == ("b.backup", "1.2.3", False)
    assert (older.made_at_ms, older.has_passphrase, older.problem) == (5, True, "")
    assert "damaged" in strange.problem


def test_a_backup_is_checked_and_deleted_by_its_name(make, noted):
    service = make()
    write(service.folder, "a.backup")
    assert over(service.check("a.backup", None)).kind == CHECK
    service.delete("a.backup")
    assert noted == [("backup.delete", "a.backup")]
    assert service.list() == []


@pytest.mark.parametrize("name", ["../secret.key", "", ".", "none.backup"])
def test_nothing_outside_the_folder_has_a_name(make, tmp_path, name):
    (tmp_path / "secret.key").touch()
    service = make()
    write(service.folder, "a.backup")
    for ask in (service.path, service.delete, lambda one: service.check(one, None)):
        with pytest.raises(ServiceError) as refused:
            ask(name)
        assert refused.value.code is ResultCode.NOT_FOUND


def test_the_command_of_a_restore_names_instance_file_and_passphrase(make, tmp_path):
    service = make()
    write(service.folder, "a.backup", b"salt" * 4, 5)
    write(service.folder, "b.backup", None, 9)
    plain, sealed = service.list()
    assert "PASSPHRASE" not in service.restore_command(plain)
    command = service.restore_command(sealed)
    assert command.endswith("a.backup --passphrase-file PASSPHRASE")
    assert f"GODWIT_INSTANCE={os.path.realpath(tmp_path)}" in command
    assert "restore" in service.restore_command(None)
