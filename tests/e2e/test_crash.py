"""A node that is killed keeps what it promised. `make soak` does the same for as long as one likes."""

from __future__ import annotations

import random

import pytest

from tests.harness.node import MakeNode
from tests.soak.crashes import kill_again_and_again


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", [1])
def test_a_node_that_is_killed_under_load_breaks_no_promise(make_node: MakeNode, seed: int) -> None:
    ledger = kill_again_and_again(make_node(), cycles=4, chance=random.Random(seed))
    assert ledger.acknowledged
    assert ledger.subscriber.connections > 4


@pytest.mark.timeout(240)
def test_a_journal_that_is_compacted_all_the_time_says_the_same(make_node: MakeNode) -> None:
    node = make_node(**{"storage.compact_at": "20KB"})
    kill_again_and_again(node, cycles=2, chance=random.Random(2))
