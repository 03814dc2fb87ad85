"""A node is killed again and again under load, and then held against the books of its clients."""

from __future__ import annotations

import contextlib
import os
import random
import signal

from tests.harness.ledger import Ledger, wait_for
from tests.harness.node import NodeProcess

MOST_BETWEEN = 300
"""Acknowledgements between two kills."""


def kill_again_and_again(node: NodeProcess, cycles: int, chance: random.Random) -> Ledger:
    """Kill a node's worker under load so many times; gunicorn starts another one each time.

    Raises:
        AssertionError: the node broke a promise.
    """
    ledger = Ledger(node.tcp)
    ledger.start()
    for _ in range(cycles):
        mourned = ledger.leaves_a_will()
        ledger.waits_for_more(chance.randrange(1, MOST_BETWEEN))
        starts = node.log.count("is up:")
        with contextlib.suppress(ProcessLookupError):
            os.kill(node.worker_pid, signal.SIGKILL)
        wait_for(lambda starts=starts: node.log.count("is up:") > starts, "a new worker", ledger)
        mourned.close()
        ledger.check_retained()
    ledger.settle()
    return ledger
