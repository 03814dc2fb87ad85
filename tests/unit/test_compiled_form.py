"""The compiled form runs only where it was built from these very sources; else the sources do, and say why."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from app.compiled_form import (
    FORM,
    MODULES,
    SHARED,
    SUFFIX,
    VARIABLE,
    CompiledForm,
    build_key,
    source_of,
)

HOT = "app.broker.trie"


@pytest.fixture(autouse=True)
def _nobody_wants_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def build(builds: Path, key: str) -> Path:
    """Make what looks like a build, of files that are no libraries."""
    folder = builds / key
    (folder / "app/broker/lane").mkdir(parents=True)
    for name in ("app/broker/trie", "app/broker/lane/__init__", SHARED):
        (folder / f"{name}{SUFFIX}").write_bytes(b"no library")
    return folder


@pytest.mark.parametrize("module", MODULES)
def test_every_hot_module_has_a_source(module: str) -> None:
    assert source_of(module).is_file()


def test_without_a_build_the_sources_run(tmp_path: Path) -> None:
    form = CompiledForm(tmp_path / "none")
    assert form.find_spec(HOT) is None
    assert "`make compiled` was not run" in form.sentence()


def test_a_build_from_other_sources_is_not_used(tmp_path: Path) -> None:
    build(tmp_path, "0123456789abcdef")
    form = CompiledForm(tmp_path)
    assert form.find_spec(HOT) is None
    assert "the sources changed" in form.sentence()


def test_a_build_that_cannot_be_loaded_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    build(tmp_path, build_key())
    form = CompiledForm(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [form, *(f for f in sys.meta_path if f is not FORM)])
    assert form.find_spec(HOT) is None
    assert "cannot be loaded" in form.sentence()
    assert "cannot be loaded" in caplog.text


def test_a_build_that_fits_is_used_unless_the_sources_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build(tmp_path, build_key())
    monkeypatch.setattr(importlib, "import_module", str)
    form = CompiledForm(tmp_path)
    found = form.find_spec(HOT)
    package = form.find_spec("app.broker.lane")
    assert found is not None
    assert package is not None
    assert found.origin == str(folder / f"app/broker/trie{SUFFIX}")
    assert package.submodule_search_locations == [str(source_of("app.broker.lane").parent)]
    assert form.find_spec("app.broker.records") is None
    assert "compiled form" in form.sentence()

    monkeypatch.setenv(VARIABLE, "1")
    form = CompiledForm(tmp_path)
    assert form.find_spec(HOT) is None
    assert VARIABLE in form.sentence()
