"""The plugin over a broker in memory: which bridges there are, and what a change does to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import ServiceError
from app.plugins import ExtensionError
from app.plugins.bridge_mqtt import BridgeMqttPlugin
from app.plugins.host import ExtensionHost
from app.plugins.registry import read_config
from app.rules.engine import RuleEngine
from app.rules.registry import Registry
from tests.harness.playbook import Playbook


class Loaded:
    """The plugin, loaded with some parameters."""

    def __init__(self, **given: str) -> None:
        self.plugin = BridgeMqttPlugin(RuleEngine(Registry()))
        self.host = ExtensionHost(Playbook().core)
        self.given = {f"bridge.mqtt.{key.replace('__', '.')}": one for key, one in given.items()}
        config = read_config(self.plugin, self.given)
        self.host.load(self.plugin, config, self.plugin.prepare(config))

    def reload(self, **changes: str) -> None:
        changed = {f"bridge.mqtt.{key.replace('__', '.')}": one for key, one in changes.items()}
        config = read_config(self.plugin, {**self.given, **changed})
        self.host.reload(self.plugin, config, self.plugin.prepare(config))

    def names(self) -> list[object]:
        rows = self.plugin.calls["list_bridges"]({})
        assert isinstance(rows, list)
        return [row["name"] for row in rows]


def test_a_change_leaves_the_other_bridges_alone() -> None:
    loaded = Loaded(a__address="h", b__address="h")
    bridges = loaded.plugin._bridges
    before = dict(bridges)
    loaded.reload(b__forwards="t", c__address="h")
    assert loaded.names() == ["a", "b", "c"]
    assert bridges["a"] is before["a"] and bridges["b"] is not before["b"]
    assert bridges["b"].forwards == ["t"]
    loaded.host.unload(loaded.plugin)
    assert loaded.names() == []


def test_a_change_that_cannot_be_changes_nothing(tmp_path: Path) -> None:
    loaded = Loaded(a__address="h")
    before = dict(loaded.plugin._bridges)
    with pytest.raises(ExtensionError, match="address"):
        loaded.reload(a__forwards="t", b__address="h:none")
    (tmp_path / "file").touch()
    with pytest.raises(ExtensionError, match="replayq_dir"):
        loaded.reload(a__queue__replayq_dir=str(tmp_path / "file"))
    with pytest.raises(ExtensionError, match="cacertfile"):
        loaded.reload(a__ssl="on", a__cacertfile=__file__)
    assert loaded.plugin._bridges == before


def test_certificates_are_read_again_with_a_reload() -> None:
    loaded = Loaded(a__address="h", a__ssl="on")
    before = loaded.plugin._bridges["a"]
    loaded.reload()
    assert loaded.plugin._bridges["a"] is not before


def test_a_bridge_that_there_is_not_is_not_found() -> None:
    loaded = Loaded()
    for name, call in loaded.plugin.calls.items():
        if name != "list_bridges":
            with pytest.raises(ServiceError, match="not_found"):
                call({"name": "none", "topic": "t"})
