"""The commands that everybody types, on machines that lack something."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", f"--file={ROOT / 'Makefile'}", f"VENV={folder / 'venv'}", *arguments],
        cwd=ROOT,
        # A make above this one would have it announce the folders it works in.
        env={name: text for name, text in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def python(folder: Path, *, refuses: str) -> str:
    """Return a stand-in for Python that fails where its arguments hold a text."""
    path = folder / "python3"
    path.write_text(f'#!/bin/sh\ncase "$*" in *{refuses}*) exit 1;; esac\n', "utf-8")
    path.chmod(0o755)
    return f"BASE_PYTHON={path}"


def test_make_alone_lists_every_command(tmp_path: Path) -> None:
    listing = make(tmp_path).stdout
    for target in ("help", "run", "test", "check", "statements", "fuzz", "bench"):
        assert f"make {target} " in listing


@pytest.mark.parametrize("target", ["run", "test", "check", "statements", "fuzz", "bench"])
def test_a_python_without_ensurepip_is_told_which_package_to_install(
    tmp_path: Path, target: str
) -> None:
    ended = make(tmp_path, python(tmp_path, refuses="ensurepip"), target)
    assert ended.returncode != 0
    assert ended.stdout == (
        "Install Debian's package python3-venv: Python's venv module lacks ensurepip.\n"
    )


def test_a_python_that_is_too_old_is_told(tmp_path: Path) -> None:
    ended = make(tmp_path, python(tmp_path, refuses="version_info"), "run")
    assert ended.returncode != 0
    assert "Install Python 3.11 or newer" in ended.stdout


def test_a_machine_without_python_is_told(tmp_path: Path) -> None:
    ended = make(tmp_path, "BASE_PYTHON=", "run")
    assert ended.returncode != 0
    assert ended.stdout == "Install Python 3.11, on Debian the package python3.11.\n"
