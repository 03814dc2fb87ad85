"""The instance lock, and refusing with one sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.startup import START_FAILED, InstanceLock, StartError, refuse


def test_a_second_lock_on_the_same_file_names_the_holder(tmp_path: Path) -> None:
    first, second = (InstanceLock(tmp_path / "node.lock") for _ in range(2))
    first.acquire()
    with pytest.raises(StartError, match=rf"process {os.getpid()}\)"):
        second.acquire()
    with pytest.raises(StartError):
        second.check_free()
    first.release()
    second.acquire()
    second.release()


def test_looking_at_the_lock_leaves_it_free(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path / "node.lock")
    lock.check_free()
    InstanceLock(tmp_path / "node.lock").check_free()


def test_releasing_twice_is_no_error(tmp_path: Path) -> None:
    lock = InstanceLock(tmp_path / "node.lock")
    lock.acquire()
    lock.release()
    lock.release()


def test_a_holder_that_wrote_nothing_readable_is_still_refused(tmp_path: Path) -> None:
    holder = InstanceLock(tmp_path / "node.lock")
    holder.acquire()
    (tmp_path / "node.lock").write_text("?", "utf-8")
    with pytest.raises(StartError, match="another process"):
        InstanceLock(tmp_path / "node.lock").acquire()
    holder.release()


def test_refusing_prints_the_sentence_and_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        refuse(StartError("Do this."))
    assert caught.value.code == START_FAILED
    assert capsys.readouterr().err == "Do this.\n"
