"""A short run of the fuzzer, every case that it once found, and that it finds what it looks for."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from app.broker.channel.channel import Channel
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import Packet
from tests.fuzz import broker, decoder, material
from tests.fuzz.__main__ import ENOUGH, TARGETS, main, search
from tests.fuzz.case import FINDINGS, Case, Step, failure, read, shrunk

SEEDS = range(10)
FOUND = sorted(FINDINGS.glob("*.json"))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_decoder_reads_or_refuses_whatever_comes(seed: int) -> None:
    for each in range(seed * 50, seed * 50 + 50):
        decoder.play(decoder.case(each))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_witness_is_served_whatever_strangers_do(seed: int) -> None:
    for each in range(seed * 10, seed * 10 + 10):
        broker.play(broker.case(each))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_was_found_once_stays_repaired(path: Path) -> None:
    case = read(path)
    TARGETS[case.target][1](case)


@pytest.mark.parametrize("target", TARGETS)
def test_a_seed_is_a_case(target: str, tmp_path: Path) -> None:
    make, _play = TARGETS[target]
    assert make(7) == make(7)
    assert make(7) != make(8)
    assert read(make(7).write(tmp_path, AssertionError("why"))) == make(7)


def test_cases_are_damaged_and_cut_without_losing_bytes() -> None:
    chance = random.Random(1)
    frames = [material.frame(chance, 5) for _ in range(200)]
    damaged = [material.damaged(chance, 5, frame) for frame in frames]
    assert sum(a != b for a, b in zip(frames, damaged, strict=True)) > 150
    assert all(b"".join(material.pieces(chance, frame)) == frame for frame in frames)


def test_a_case_that_fails_is_shrunk_to_what_matters() -> None:
    case = Case("decoder", 1, tuple(Step(0, "sends", bytes((n,))) for n in range(20)))

    def play(case: Case) -> None:
        sent = b"".join(step.data for step in case.steps)
        assert not (b"\x03" in sent and b"\x11" in sent)

    assert [step.data for step in shrunk(case, play).steps] == [b"\x03", b"\x11"]


def test_a_fault_of_the_decoder_is_found_written_and_played_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: FrameDecoder, tail: bytes) -> None:
        raise IndexError("a bug")

    monkeypatch.setattr(FrameDecoder, "_keep", breaks)
    found = (decoder.case(seed) for seed in range(100))
    case, error = next(
        (each, error) for each in found if (error := failure(each, decoder.play)) is not None
    )
    path = case.write(tmp_path, error)
    assert "IndexError: a bug" in path.read_text("utf-8")
    with pytest.raises(IndexError):
        main(["--replay", str(path)])
    monkeypatch.undo()
    assert main(["--replay", str(path)]) == 0


def test_a_run_writes_what_it_finds_and_ends_when_that_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(self: FrameDecoder, data: bytes) -> list[Packet]:
        raise IndexError("a bug")

    monkeypatch.setattr(FrameDecoder, "feed", breaks)
    found = search(60.0, 1, tmp_path)
    assert len(found) in range(ENOUGH, ENOUGH + len(TARGETS))
    assert f"{len(found)} findings" in capsys.readouterr().out
    assert {read(path).target for path in found} == set(TARGETS)


def test_a_fault_of_the_broker_that_nobody_hears_of_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaks(self: Channel) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Channel, "_will_is_due", breaks)
    errors = [failure(broker.case(seed), broker.play) for seed in range(5)]
    assert any(error is not None for error in errors)
