"""The fuzzer as a command: `python -m tests.fuzz [--seconds 20] [--seed 1] [--replay FILE]`.

Seeds count up from the first one, so a run that found nothing is repeated by the same arguments. What fails is
shrunk and written to `tests/fuzz/findings`, where every run of the tests plays it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.fuzz import broker, decoder
from tests.fuzz.case import FINDINGS, Case, Play, failure, read, shrunk

TARGETS: Final[dict[str, tuple[Callable[[int], Case], Play]]] = {
    decoder.TARGET: (decoder.case, decoder.play),
    broker.TARGET: (broker.case, broker.play),
}


ENOUGH: Final = 5
"""Findings after which a run ends: they are likely the same fault."""


def search(seconds: float, seed: int, folder: Path = FINDINGS) -> list[Path]:
    """Play cases of all targets in turn until the time is over; return the files of what failed."""
    found: list[Path] = []
    played = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until and len(found) < ENOUGH:
        for make, play in TARGETS.values():
            case = make(seed + played)
            if failure(case, play) is None:
                continue
            case = shrunk(case, play)
            error = failure(case, play) or AssertionError("it failed once and not again")
            found.append(case.write(folder, error))
        played += 1
    print(f"{played} seeds from {seed} on, {len(found)} findings")  # noqa: T201 - it is a command
    return found


def main(arguments: list[str]) -> int:
    """Search, or play one file, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", type=Path)
    wanted = parser.parse_args(arguments)
    if wanted.replay:
        case = read(wanted.replay)
        TARGETS[case.target][1](case)
        return 0
    found = search(wanted.seconds, wanted.seed)
    for path in found:
        print(path)  # noqa: T201 - it is a command
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
