"""What a node's process is, and the bundle of it."""

from __future__ import annotations

import io
import zipfile
from types import SimpleNamespace

import orjson
import pytest

from app.services.configs import ConfigRecord
from app.services.diagnostics import DiagnosticsService
from app.services.plugins import PluginRecord
from app.services.recent_log import RecentLog
from tests.harness.fake_door import FakeDoor
from tests.harness.fake_nodes import FakeNode, FakeNodes

SETTING = ConfigRecord("a.password", "******", "", "file", False, "a text", "emqx", "A password.")


@pytest.fixture
def asked():
    node = FakeNode(metric_values={"storage.failures": 2, "messages.received": 5})
    machine = SimpleNamespace(
        vm=lambda: {"memory": {"total": 1}},
        database=lambda: {"url": "mysql://root:secret-word@db/godwit"},
    )
    plugins = SimpleNamespace(
        recon=lambda: {"tasks": {}}, list=lambda: [PluginRecord("emqx_recon", "", True, "")]
    )
    configs = SimpleNamespace(list=lambda: [SETTING])
    log = RecentLog()
    return DiagnosticsService(FakeNodes(node), FakeDoor(), machine, plugins, configs, log)


def test_versions_and_form_are_named(asked):
    assert {"Godwit", "Python", "uvloop"} <= asked.versions().keys()
    assert asked.is_compiled() is ("compiled form" in asked.form())


def test_the_loop_is_asked_how_late_it_is(asked):
    lag = asked.lag()
    assert 0 <= lag.least_ms <= lag.most_ms


def test_of_the_counters_the_journal_has_its_own(asked):
    assert asked.storage() == {"failures": 2}


def test_a_bundle_has_everything_but_secrets(asked):
    packed = zipfile.ZipFile(io.BytesIO(asked.bundle()))
    assert {"settings.json", "database.json", "recon.json", "metrics.json", "log.txt"} <= set(
        packed.namelist()
    )
    everything = b"".join(packed.read(name) for name in packed.namelist())
    assert b"secret-word" not in everything
    assert orjson.loads(packed.read("metrics.json"))["messages.received"] == 5
