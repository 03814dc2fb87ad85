"""Which pinned packages have known vulnerabilities, by the service of PyPI.

Run as `python -m checks.audit`, as `make check` does: a vulnerability ends it with status 1. A service that cannot be
reached, or knows nothing of some packages, as a mirror may, is told in one line and ends it with status 0, so that
whoever works without the network can work. `--strict`, as in `make audit`, fails then, too.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
LOCKS: Final = ("requirements.lock", "requirements-dev.lock", "requirements-node.lock")
LONGEST_S: Final = 60
LONGEST_REASON: Final = 200
COMMAND: Final = (
    str(Path(sys.executable).with_name("pip-audit")),
    "--disable-pip",
    "--require-hashes",
    "--progress-spinner=off",
    "--format=json",
    "--timeout=5",
)


class Said(NamedTuple):
    """What the program said: its answer, and what it had to tell beside it."""

    answer: str
    beside: str


Ask = Callable[[Sequence[str]], Said]
"""Runs a command."""


class Vulnerability(NamedTuple):
    """A known vulnerability of a pinned package."""

    package: str
    version: str
    identifier: str
    mended_in: tuple[str, ...]

    def __str__(self) -> str:
        """Say which package, what it has, and what is to be done."""
        mended = " or ".join(self.mended_in)
        remedy = f"pin {mended}" if mended else "no version mends it yet"
        return f"{self.package} {self.version} has {self.identifier}: {remedy}"


class Audit(NamedTuple):
    """What is known of the pinned packages."""

    asked: int
    skipped: int
    """Of these, those that the service could not tell anything about."""
    found: Sequence[Vulnerability]
    why_not: str = ""
    """Why somebody was skipped, where that is known."""


def audit(ask: Ask) -> Audit:
    """Return what is known of the pinned packages; of none where the service gave no answer."""
    locks = [option for name in LOCKS for option in ("-r", str(ROOT / name))]
    said = ask([*COMMAND, *locks])
    try:
        answer: dict[str, Any] = json.loads(said.answer)
    except ValueError:
        reasons = said.beside.strip().splitlines() or ["it said nothing"]
        return Audit(0, 0, (), reasons[-1][:LONGEST_REASON])
    skipped = [one["skip_reason"] for one in answer["dependencies"] if "skip_reason" in one]
    why_not = skipped[0][:LONGEST_REASON] if skipped else ""
    return Audit(len(answer["dependencies"]), len(skipped), sorted(_found_in(answer)), why_not)


def _found_in(answer: dict[str, Any]) -> Iterator[Vulnerability]:
    for package in answer["dependencies"]:
        for known in package.get("vulns", ()):
            yield Vulnerability(
                package["name"], package["version"], known["id"], tuple(known["fix_versions"])
            )


def asked(command: Sequence[str]) -> Said:
    """Run a command; who takes too long has said nothing."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired:
        return Said("", f"no answer within {LONGEST_S} s")
    except FileNotFoundError:
        return Said("", f"{command[0]} is not installed")
    return Said(done.stdout, done.stderr)


def main(arguments: Sequence[str], ask: Ask = asked) -> int:
    """Print what is known, and return the exit status."""
    done = audit(ask)
    for one in done.found:
        print(one)
    is_complete = bool(done.asked) and not done.skipped
    if not is_complete:
        which = f"of {done.skipped} of {done.asked} packages " if done.asked else ""
        print(f"Known vulnerabilities {which}could not be looked up at PyPI: {done.why_not}")
    fails = done.found or ("--strict" in arguments and not is_complete)
    return 1 if fails else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
