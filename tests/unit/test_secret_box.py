"""Secrets at rest."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from app.secret_box import KEY_FILE, SecretBox, SecretBoxError

KEY = "sixteen letters."


@pytest.mark.parametrize("secret", ["public", "", "密码 \U0001f511", "x" * 10_000])
def test_what_is_sealed_can_be_opened_and_not_be_read(tmp_path: Path, secret: str) -> None:
    box = SecretBox(tmp_path, KEY)
    sealed = box.seal(secret)
    assert box.open(sealed) == secret
    assert sealed.isascii()
    assert not secret or secret not in sealed
    assert box.seal(secret) != sealed


def test_the_same_key_opens_after_a_restart(tmp_path: Path) -> None:
    assert SecretBox(tmp_path).open(SecretBox(tmp_path).seal("s")) == "s"
    assert SecretBox(tmp_path, KEY).open(SecretBox(tmp_path, KEY).seal("s")) == "s"


def test_another_key_is_refused_in_one_sentence(tmp_path: Path) -> None:
    sealed = SecretBox(tmp_path, KEY).seal("s")
    with pytest.raises(SecretBoxError, match=f"{KEY_FILE}: put the key back"):
        SecretBox(tmp_path).open(sealed)
    with pytest.raises(SecretBoxError, match=r"node\.secret_key: put the key back"):
        SecretBox(tmp_path, KEY + "!").open(sealed)


@pytest.mark.parametrize("sealed", ["", "x", "gAAAAA", "ü", "\ud800"])
def test_what_was_never_sealed_is_refused(tmp_path: Path, sealed: str) -> None:
    with pytest.raises(SecretBoxError):
        SecretBox(tmp_path, KEY).open(sealed)


def test_a_key_in_the_settings_leaves_no_file(tmp_path: Path) -> None:
    SecretBox(tmp_path, KEY)
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_made_for_its_owner_only(tmp_path: Path) -> None:
    old_mask = os.umask(0)
    try:
        SecretBox(tmp_path, "")
    finally:
        os.umask(old_mask)
    (path,) = tmp_path.iterdir()
    assert path.name == KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    SecretBox(tmp_path)
    (tmp_path / KEY_FILE).chmod(mode)
    with pytest.raises(SecretBoxError, match="open to other users: run `chmod 600"):
        SecretBox(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff" * 50])
def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / KEY_FILE
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(SecretBoxError, match=KEY_FILE):
        SecretBox(tmp_path)
    assert path.read_bytes() == content


def test_a_key_that_is_too_short_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SecretBoxError, match=r"node\.secret_key is too short"):
        SecretBox(tmp_path, "guess")


def test_a_folder_that_is_not_there_is_told_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SecretBoxError, match="cannot be made"):
        SecretBox(tmp_path / "missing")


def test_all_who_start_at_once_get_one_key(tmp_path: Path) -> None:
    boxes: list[SecretBox] = []
    barrier = threading.Barrier(4)

    def start() -> None:
        barrier.wait()
        boxes.append(SecretBox(tmp_path))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sealed = boxes[0].seal("s")
    assert [box.open(sealed) for box in boxes] == ["s"] * 4
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_the_key_is_never_shown(tmp_path: Path) -> None:
    box = SecretBox(tmp_path)
    key = (tmp_path / KEY_FILE).read_text().strip()
    assert key not in repr(box)
    assert KEY not in repr(SecretBox(tmp_path, KEY))
