"""A case: what strangers do to the broker, step by step, as data that can be written down and played again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FINDINGS: Final = Path(__file__).parent / "findings"
"""Cases that failed once; they are played in every run of the tests."""
SHRINK_TRIES: Final = 400

Play = Callable[["Case"], None]


@dataclass(frozen=True)
class Step:
    """One thing that one stranger does; `data` is what it sends, empty where it sends nothing."""

    who: int
    does: str
    data: bytes = b""


@dataclass(frozen=True)
class Case:
    """The target that it is for, the seed it grew from, and its steps."""

    target: str
    seed: int
    steps: tuple[Step, ...]

    def without(self, first: int, count: int) -> Case:
        """Return the same case with some steps left out."""
        return Case(self.target, self.seed, self.steps[:first] + self.steps[first + count :])

    def write(self, folder: Path, error: BaseException) -> Path:
        """Write the case into a file of its own, with what came of it."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.target}-{self.seed}.json"
        document = {
            "target": self.target,
            "seed": self.seed,
            "error": f"{type(error).__name__}: {error}",
            "steps": [[step.who, step.does, step.data.hex()] for step in self.steps],
        }
        path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
        return path


def read(path: Path) -> Case:
    """Read a case that was written."""
    document = json.loads(path.read_text("utf-8"))
    steps = (Step(who, does, bytes.fromhex(data)) for who, does, data in document["steps"])
    return Case(document["target"], document["seed"], tuple(steps))


def failure(case: Case, play: Play) -> Exception | None:
    """Play a case and return how it failed."""
    try:
        play(case)
    except Exception as error:  # noqa: BLE001 - whatever comes out is the finding
        return error
    return None


def shrunk(case: Case, play: Play) -> Case:
    """Leave out steps, many at first and then one by one, as long as the case still fails."""
    tries, count = SHRINK_TRIES, len(case.steps) // 2
    while count and tries:
        first = 0
        while first < len(case.steps) and tries:
            tries -= 1
            shorter = case.without(first, count)
            if failure(shorter, play) is None:
                first += count
            else:
                case = shorter
        count //= 2
    return case
