"""A file of lines: whole ones only, rotated when it is full."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from app.backends import line_file as module
from app.backends.breaker import BusyError
from app.backends.line_file import LineFile


def play(
    path: Path, scene: Callable[[LineFile], Coroutine[Any, Any, None]], most: int = 1_000
) -> None:
    async def run() -> None:
        file = LineFile(path, most, 2)
        try:
            await scene(file)
        finally:
            file.close()

    asyncio.run(run())
    for thread in threading.enumerate():
        if thread.name.startswith("line-file"):
            # The file is locked until its thread has closed it.
            thread.join()


def test_lines_are_appended_and_the_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.log"

    async def scene(file: LineFile) -> None:
        await file.append([b"1", b"2"])
        await file.append([b"3"])

    play(path, scene)
    play(path, scene)
    assert path.read_bytes() == b"1\n2\n3\n" * 2


def test_a_full_file_makes_room_and_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.log"

    async def scene(file: LineFile) -> None:
        for number in range(6):
            await file.append([b"%d" % number * 6])

    play(path, scene, 10)
    found = {one.name: one.read_bytes() for one in tmp_path.iterdir()}
    assert found == {"x.log": b"555555\n", "x.log.1": b"444444\n", "x.log.2": b"333333\n"}


def test_what_a_power_failure_left_is_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"whole\ntor")
    play(path, lambda file: file.append([b"next"]))
    assert path.read_bytes() == b"whole\ntor\nnext\n"


def test_a_full_disk_leaves_no_half_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.log"
    write = os.write
    room = [9]

    def full(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        taken = write(descriptor, data[: room[0]])
        room[0] -= taken
        return taken

    async def scene(file: LineFile) -> None:
        await file.append([b"one"])
        monkeypatch.setattr(module.os, "write", full)
        with pytest.raises(BusyError, match="No space left"):
            await file.append([b"a long line"])
        room[0] = 100
        await file.append([b"two"])

    play(path, scene)
    assert path.read_bytes() == b"one\ntwo\n"


def test_a_file_that_is_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.log"

    async def scene(file: LineFile) -> None:
        await file.append([b"1"])
        path.rename(tmp_path / "old")
        await file.append([b"2"])

    play(path, scene)
    assert path.read_bytes() == b"2\n"


def test_two_do_not_write_one_file_and_a_link_is_not_followed(tmp_path: Path) -> None:
    async def scene(file: LineFile) -> None:
        await file.check()
        other = LineFile(tmp_path / "x.log", 100, 1)
        with pytest.raises(BusyError):
            await other.append([b"x"])
        await other.probe()
        other.close()
        (tmp_path / "link").symlink_to(tmp_path / "secret")
        linked = LineFile(tmp_path / "link", 100, 1)
        for ask in (linked.check, linked.probe):
            with pytest.raises(BusyError):
                await ask()
        linked.close()

    play(tmp_path / "x.log", scene)
    assert not (tmp_path / "secret").exists()
