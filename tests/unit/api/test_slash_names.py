"""Old names of counters and gauges."""

from __future__ import annotations

import pytest

from app.api.slash_names import METRICS_V2, METRICS_V3, STATS_V2, STATS_V3, renamed
from app.broker.metrics import METRICS
from app.broker.stats import Stats
from tests.api.contract.check_contract import load
from tests.harness.playbook import Playbook

DOCUMENTED = load("v2").metrics
OUR_METRICS = {metric.name for metric in METRICS}


@pytest.mark.parametrize(("version", "names"), [("v2", METRICS_V2), ("v3", METRICS_V3)])
def test_counters_are_those_of_the_documents_and_ours_exist(version, names):
    assert names.keys() == DOCUMENTED[version]["metrics"].keys()
    assert {name for ours in names.values() for name in ours} <= OUR_METRICS


@pytest.mark.parametrize(("version", "names"), [("v2", STATS_V2), ("v3", STATS_V3)])
def test_gauges_are_those_of_the_documents_and_ours_exist(version, names):
    assert names.keys() == DOCUMENTED[version]["stats"].keys()
    ours = Stats(Playbook().core).snapshot()
    assert {name for these in names.values() for name in these} <= ours.keys()


def test_what_was_one_counter_is_a_sum():
    assert renamed({"a.b": 1, "c.d": 2}, {"x/y": ("a.b", "c.d")}) == {"x/y": 3}
