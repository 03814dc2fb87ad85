"""`make soak`: kill a node under load for as many cycles as one likes."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.harness.node import NodeProcess
from tests.soak.crashes import kill_again_and_again

A_ROUND = 25
"""Cycles between two looks at the books."""


def main() -> None:
    """Kill until the number is reached, or a promise is broken."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--cycles", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    options = parser.parse_args()
    chance = random.Random(options.seed)
    sys.stdout.write(f"seed {options.seed}\n")
    done = messages = 0
    while done < options.cycles:
        cycles = min(A_ROUND, options.cycles - done)
        with tempfile.TemporaryDirectory() as folder, NodeProcess(Path(folder)) as node:
            messages += kill_again_and_again(node, cycles, chance).acknowledged
        done += cycles
        sys.stdout.write(f"{done} kills, {messages} messages acknowledged, none lost\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
