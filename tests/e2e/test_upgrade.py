"""An instance folder of the first version is served by this one; one of a later version is refused in one sentence."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from app.models.migration import steps
from tests.harness.node import ROOT, NodeFailedError, NodeProcess
from tests.migrations.make_fixtures import FIXTURES, KEY, ROWS, SECRET


def test_an_instance_of_the_first_version_is_served_with_its_data(tmp_path: Path) -> None:
    node = NodeProcess(tmp_path, **{"node.secret_key": KEY})
    with closing(sqlite3.connect(node.instance / "godwit.db")) as database:
        database.executescript((FIXTURES / f"{steps()[1]}.sql").read_text("utf-8"))
    with node:
        # Who could log in then can log in now.
        answer = node.api("GET", "/api/v4/banned", auth=("apps.app_id ü 1", SECRET))
        assert answer.status == 200, answer
        assert len(answer.body["data"]) == ROWS


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    node = NodeProcess(tmp_path)
    with closing(sqlite3.connect(node.instance / "godwit.db")) as database, database:
        database.executescript((FIXTURES / f"{steps()[-1]}.sql").read_text("utf-8"))
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "prepare"],
        cwd=ROOT,
        env=node.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert "newer than this version of Godwit" in done.stderr


def test_a_journal_of_a_later_version_is_refused(tmp_path: Path) -> None:
    node = NodeProcess(tmp_path)
    with node:
        node.stop()
    with closing(sqlite3.connect(node.instance / "broker.db")) as database, database:
        database.execute("UPDATE journal_facts SET value = '999' WHERE name = 'format'")
    with pytest.raises(NodeFailedError) as refused:
        node.start()
    assert "was written by a newer version of Godwit" in str(refused.value)
    assert "Traceback" not in str(refused.value)
