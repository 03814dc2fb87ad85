"""A node that is killed in the middle of its work loses nothing that it has acknowledged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from app.clock import SystemClock
from app.config import Settings
from app.models import Banned, Database, migrate
from app.secret_box import SecretBox
from app.services.apps import AppsService

ROUNDS = 3
COMMITS_BEFORE_THE_KILL = 15
ROOT = Path(__file__).resolve().parents[2]


def acknowledged_by_a_killed_writer(instance_dir: Path, first: int) -> list[int]:
    command = [sys.executable, "-m", "tests.services.crash_writer", str(instance_dir), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(COMMITS_BEFORE_THE_KILL)]
        writer.kill()
        # What it had said by then but we had not read; the last line may be cut.
        lines += writer.stdout.read().splitlines(keepends=True)
    return [int(line) for line in lines if line.endswith(b"\n")]


def test_everything_acknowledged_is_there_and_the_database_is_whole(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    for _ in range(ROUNDS):
        # Past the number that may have been committed without a word.
        first = acknowledged[-1] + 2 if acknowledged else 0
        acknowledged += acknowledged_by_a_killed_writer(tmp_path, first)
    assert len(acknowledged) >= ROUNDS * COMMITS_BEFORE_THE_KILL

    settings = Settings(tmp_path)
    migrate(settings)
    database = Database(settings)
    apps = AppsService(database, SecretBox(tmp_path), SystemClock(), ("admin", "public"))
    with database.reading() as session:
        assert session.scalars(text("PRAGMA integrity_check")).all() == ["ok"]
        for number in acknowledged:
            assert session.get(Banned, ("clientid", f"client{number}")) is not None
    for number in acknowledged:
        app = apps.authenticate(f"app{number}", str(number), from_loopback=False)
        assert app.app_id == f"app{number}"
    database.close()
