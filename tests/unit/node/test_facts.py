"""What the machine says about a node."""

from __future__ import annotations

import platform
from pathlib import Path

from app.node import facts


def test_the_runtime_names_language_and_loop() -> None:
    language, loop = facts.RUNTIME.split("/")
    assert language == platform.python_version()
    assert loop[0].isdigit()


def test_memory_in_use_is_part_of_the_memory_there_is() -> None:
    total, used = facts.memory_bytes()
    assert 0 < used < total


def test_a_machine_that_tells_nothing_about_its_memory_has_none(monkeypatch) -> None:
    for text in (None, "MemTotal", "MemTotal: much kB"):

        def read_text(_path: Path, text: str | None = text) -> str:
            if text is None:
                raise FileNotFoundError
            return text

        monkeypatch.setattr(Path, "read_text", read_text)
        assert facts.memory_bytes() == (0, 0)


def test_the_rest_is_plain_numbers() -> None:
    assert facts.max_fds() > 0
    assert facts.threads() >= 1
    assert len(facts.load()) == 3


def test_an_open_file_is_one_more_descriptor(tmp_path: Path) -> None:
    before = facts.open_fds()
    with (tmp_path / "one").open("w"):
        assert facts.open_fds() == before + 1
    assert facts.open_fds() == before


def test_the_memory_of_the_process_is_within_that_of_the_machine() -> None:
    found = facts.process_memory_bytes()
    total, _used = facts.memory_bytes()
    assert 0 < found["total"] <= found["peak"] <= total
    assert found["virtual"] >= found["total"]
