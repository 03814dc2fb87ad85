"""Backups on the node's own disk: made, checked, handed out and deleted while the node serves.

Copying and encrypting rows is work for a process of its own, `godwit backup` and `godwit check-backup`: in this one it
would take the interpreter from the broker. A thread reads how far that process is. A restore is none of it, since the
node must be stopped for one.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Final

from app.clock import Clock
from app.errors import ResultCode, ServiceError
from app.services.audit import AuditService
from app.services.backup_file import BackupError, BackupReader, check_passphrase

log = logging.getLogger(__name__)

FOLDER: Final = "backups"
ENDING: Final = ".backup"
MOST_KEPT: Final = 100
_NICENESS: Final = 10
_ROOT: Final = Path(__file__).resolve().parents[2]
_COMMAND: Final = (sys.executable, "-m", "app.cli")
MAKE, CHECK = "make", "check"


@dataclass(frozen=True, slots=True)
class KeptBackup:
    """A file of the folder, and what it says of itself."""

    name: str
    size: int
    made_at_ms: int
    version: str = ""
    rows: int = 0
    has_passphrase: bool = False
    problem: str = ""
    """Why its beginning cannot be read; empty where it can."""


@dataclass(slots=True)
class Job:
    """What is done with a backup, or was done last. Only its own thread changes it."""

    kind: str
    """`make` or `check`."""
    name: str
    done: int = 0
    """Rows."""
    total: int = 0
    is_over: bool = False
    problem: str = ""
    """Why it failed, in a sentence; empty where it has not."""


class BackupsService:
    """The folder `backups` of an instance. Request threads share it."""

    def __init__(
        self,
        instance_dir: Path,
        audit: AuditService,
        clock: Clock,
        command: Sequence[str] = _COMMAND,
    ) -> None:
        """Take what it works with.

        Args:
            instance_dir: The folder of the instance.
            audit: Where it is written down who made a backup, and who deleted one.
            clock: Gives backups their names.
            command: The command line that makes and checks them.
        """
        self.instance_dir = instance_dir.resolve()
        self.folder = self.instance_dir / FOLDER
        self._audit = audit
        self._clock = clock
        self._command = tuple(command)
        self._lock = Lock()
        self._job: Job | None = None

    @property
    def job(self) -> Job | None:
        """Return what is being done, or was done last."""
        return self._job

    def list(self) -> list[KeptBackup]:
        """Return the backups, the newest first."""
        if not self.folder.is_dir():
            return []
        found = [_kept(path) for path in self.folder.iterdir() if path.suffix == ENDING]
        return sorted(found, key=lambda one: (one.made_at_ms, one.name), reverse=True)

    def path(self, name: str) -> Path:
        """Return where a backup is.

        Raises:
            ServiceError: NOT_FOUND.
        """
        # Only names that are in the folder; what was sent never becomes a path.
        found = next((one for one in self.list() if one.name == name), None)
        if found is None:
            raise ServiceError(ResultCode.NOT_FOUND)
        return self.folder / found.name

    def make(self, passphrase: str | None) -> Job:
        """Begin to make a backup.

        Args:
            passphrase: What it is encrypted under; None leaves secrets under the instance's key.

        Raises:
            ServiceError: BAD_PARAMETER: another one is under way, there are too many, or the passphrase is too short.
        """
        _check_passphrase(passphrase)
        if len(self.list()) >= MOST_KEPT:
            raise ServiceError(
                ResultCode.BAD_PARAMETER, f"there are {MOST_KEPT} backups: delete one of them first"
            )
        made_at = datetime.fromtimestamp(self._clock.wall_ms() / 1000, UTC)
        name = f"godwit-{made_at:%Y%m%d-%H%M%S}{ENDING}"
        protection = ["--same-key"] if passphrase is None else ["--passphrase-file", "-"]
        job = self._begin(Job(MAKE, name))
        try:
            self._audit.note("backup.make", name, after={"encrypted": passphrase is not None})
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self._forget_drafts()
            self._start(job, ["backup", *protection], passphrase)
        except BaseException:
            job.is_over = True
            raise
        return job

    def check(self, name: str, passphrase: str | None) -> Job:
        """Begin to read a backup to its end.

        Raises:
            ServiceError: NOT_FOUND, or BAD_PARAMETER: another one is under way, or the passphrase is too short.
        """
        path = self.path(name)
        _check_passphrase(passphrase)
        given = [] if passphrase is None else ["--passphrase-file", "-"]
        job = self._begin(Job(CHECK, path.name))
        try:
            self._start(job, ["check-backup", *given], passphrase)
        except BaseException:
            job.is_over = True
            raise
        return job

    def delete(self, name: str) -> None:
        """Delete a backup.

        Raises:
            ServiceError: NOT_FOUND.
        """
        path = self.path(name)
        self._audit.note("backup.delete", path.name)
        path.unlink(missing_ok=True)

    def restore_command(self, backup: KeptBackup | None) -> str:
        """Return what to type in a shell of this machine while the node is stopped.

        Args:
            backup: The one to restore; None says FILE in its place.
        """
        file = str(self.folder / backup.name) if backup else "FILE"
        needs = " --passphrase-file PASSPHRASE" if backup is None or backup.has_passphrase else ""
        command = " ".join(self._command)
        return (
            f"cd {_ROOT}\nGODWIT_INSTANCE={self.instance_dir} \\\n  {command} restore \\\n"
            f"  {file}{needs}"
        )

    def _begin(self, job: Job) -> Job:
        with self._lock:
            if self._job is not None and not self._job.is_over:
                raise ServiceError(
                    ResultCode.BAD_PARAMETER, "another backup is being made or checked: wait for it"
                )
            self._job = job
        return job

    def _forget_drafts(self) -> None:
        """Delete what is left of backups whose process was killed; none is at work now."""
        for path in self.folder.glob(f".*{ENDING}.*.new"):
            path.unlink(missing_ok=True)

    def _start(self, job: Job, words: Sequence[str], passphrase: str | None) -> None:
        process = subprocess.Popen(  # noqa: S603 - our own command line, and a name that we made
            [*self._command, *words, "--progress-lines", str(self.folder / job.name)],
            cwd=_ROOT,
            env={
                **os.environ,
                "GODWIT_INSTANCE": str(self.instance_dir),
                "PYTHONIOENCODING": "utf-8",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
        Thread(target=_follow, args=(process, job, passphrase), name="backup", daemon=True).start()


def _follow(process: subprocess.Popen[str], job: Job, passphrase: str | None) -> None:
    """Give a process its passphrase, hear how far it is, and wait for its end."""
    said = "its process ended without a word"
    try:
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            _give(process.stdin, passphrase)
            for line in process.stdout:
                done, _space, total = line.strip().partition(" ")
                if done.isdecimal() and total.isdecimal():
                    job.done, job.total = int(done), int(total)
                else:
                    said = line.strip() or said
        if process.returncode != 0:
            job.problem = said.removeprefix("Error: ")
            log.warning("The backup %s could not be made or checked: %s", job.name, job.problem)
    finally:
        job.is_over = True


def _give(stdin: IO[str], passphrase: str | None) -> None:
    try:
        stdin.write(f"{passphrase or ''}\n")
        stdin.close()
    except BrokenPipeError:
        # It ended before it read; why stands in its last line.
        return


def _check_passphrase(passphrase: str | None) -> None:
    if passphrase is None:
        return
    try:
        check_passphrase(passphrase)
    except BackupError as error:
        raise ServiceError(ResultCode.BAD_PARAMETER, str(error)) from None


def _kept(path: Path) -> KeptBackup:
    try:
        told = path.stat()
        with BackupReader.opened(path) as reader:
            found = reader.header()
    except (OSError, BackupError) as error:
        size = path.stat().st_size if path.exists() else 0
        return KeptBackup(path.name, size, 0, problem=str(error))
    return KeptBackup(
        path.name, told.st_size, found.made_at_ms, found.version, found.rows, found.salt is not None
    )
