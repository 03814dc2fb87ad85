"""`make soak`: end nodes under load for as many cycles as one likes, and hold them against the books of their clients.

The same `--seed` makes the same choices: settings, ways to end, and when clients move. What the machine does in between
is its own. Where a promise is broken the instance folder stays, and its place is said.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.soak.crashes import Crashes, settings
from tests.soak.nursery import Nursery

A_ROUND = 50
"""Cycles of one instance folder; then the books are closed."""


def main() -> None:
    """Go on until the number is reached, or a promise is broken."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--cycles", type=int, default=1_000, help="of each node")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--nodes", type=int, default=1, help="how many go on at the same time")
    options = parser.parse_args()
    if options.nodes > 1:
        sys.exit(several(options.nodes, options.cycles, options.seed))
    soak(options.cycles, options.seed)


def several(nodes: int, cycles: int, seed: int) -> int:
    """Run so many of this program, with seeds that follow each other; return 1 where one of them failed."""
    command = [sys.executable, "-m", "tests.soak", "--cycles", str(cycles), "--seed"]
    running = [subprocess.Popen([*command, str(seed + number)]) for number in range(nodes)]
    statuses = [one.wait() for one in running]
    return int(any(statuses))


def soak(cycles: int, seed: int) -> None:
    """Go on with one node at a time."""
    say(seed, "begins")
    chance = random.Random(seed)
    done = acknowledged = 0
    ends: Counter[str] = Counter()
    began_at_s = time.monotonic()
    while done < cycles:
        some = min(A_ROUND, cycles - done)
        folder = Path(tempfile.mkdtemp(prefix="godwit-soak-"))
        try:
            with Nursery(folder, **settings(chance)) as house:
                crashes = Crashes(house, chance)
                acknowledged += crashes.go_on(some).acknowledged
        except BaseException:
            say(seed, f"in the round after {done} cycles a promise was broken; see {folder}")
            raise
        shutil.rmtree(folder)
        ends += crashes.ends
        done += some
        each_s = (time.monotonic() - began_at_s) / done
        say(seed, f"{done} cycles of {each_s:.1f} s, {acknowledged} acknowledged, none lost")
    say(seed, ", ".join(f"{how.replace('_', ' ')} {count}" for how, count in ends.most_common()))


def say(seed: int, what: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"seed {seed}: {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
