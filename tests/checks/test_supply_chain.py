"""What is installed is what was pinned, down to the byte, and under a licence that we may ship beside ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checks import licences
from checks.licences import ALLOWED, Package, licences_page, pinned, refused

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements", "requirements-dev", "requirements-node")
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[\w,]+\])?==([^\s;]+)", re.MULTILINE)


def name_of(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def pins(path: Path) -> dict[str, str]:
    return {name_of(name): version for name, version in PIN.findall(path.read_text("utf-8"))}


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_is_in_its_lock(name: str) -> None:
    wanted, locked = pins(ROOT / f"{name}.txt"), pins(ROOT / f"{name}.lock")
    assert wanted
    assert wanted.items() <= locked.items(), "run `make lock` and commit what it writes"


def test_what_authors_install_is_what_nodes_install_and_more() -> None:
    assert pins(ROOT / "requirements.lock").items() <= pins(ROOT / "requirements-dev.lock").items()


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_the_hashes_of_its_files_and_no_address(name: str) -> None:
    text = (ROOT / f"{name}.lock").read_text("utf-8")
    packages = re.split(r"\n(?=\S)", text.strip())
    assert len(packages) == len(pins(ROOT / f"{name}.lock"))
    for package in packages:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", package), package
    assert "://" not in text
    assert "index-url" not in text


def test_nothing_is_installed_without_its_hash() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    installs = [line for line in text.splitlines() if "$(PIP_INSTALL)" in line]
    assert len(installs) == 4
    for line in installs:
        # Ourselves have no hash; nothing is fetched for that.
        assert "--require-hashes" in line or "--no-deps --no-build-isolation --editable ." in line
    assert text.count("pip install") == 1


def test_every_package_is_under_a_licence_that_goes_beside_ours() -> None:
    assert refused() == []
    assert {one.name for one in pinned()} == pins(ROOT / "requirements.lock").keys()


def test_a_licence_that_does_not_go_beside_ours_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = [Package("good", "1", "MIT OR GPL-3.0-only"), Package("fine", "1", "(MIT AND ISC)")]
    monkeypatch.setattr(licences, "pinned", lambda: iter(mine))
    assert "GPL-3.0-only" not in ALLOWED
    assert refused() == [mine[0]]
    assert "| fine | 1 | (MIT AND ISC) |" in licences_page()
