"""A node is killed, or stopped, again and again under load, and then held against the books of its clients."""

from __future__ import annotations

import os
import random
import signal

from tests.harness.ledger import Ledger, wait_for
from tests.harness.node import NodeProcess

MOST_BETWEEN = 300
"""Acknowledgements between two kills."""
A_KILL = 0.75
"""How many of the ends are kills; the others ask the worker to stop."""


def kill_again_and_again(node: NodeProcess, cycles: int, chance: random.Random) -> Ledger:
    """Kill a node's worker under load so many times; gunicorn starts another one each time.

    Raises:
        AssertionError: the node broke a promise.
    """
    ledger = Ledger(node.tcp)
    ledger.start()
    for _ in range(cycles):
        is_kill = chance.random() < A_KILL
        # A node that is asked to stop publishes no wills: it goes, its clients do not.
        mourned = ledger.leaves_a_will() if is_kill else None
        ledger.waits_for_more(chance.randrange(1, MOST_BETWEEN))
        starts = node.log.count("is up:")
        os.kill(node.worker_pid, signal.SIGKILL if is_kill else signal.SIGTERM)
        wait_for(lambda starts=starts: node.log.count("is up:") > starts, "a new worker", ledger)
        if mourned is not None:
            mourned.close()
        ledger.check_retained()
    ledger.settle()
    return ledger
