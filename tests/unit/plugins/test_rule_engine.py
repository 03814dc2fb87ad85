"""The plugins of the rule engine over a broker in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.plugins.base import ExtensionError
from app.plugins.host import ExtensionHost
from app.plugins.registry import read_config
from app.plugins.rule_engine import RuleEnginePlugin
from app.plugins.web_hook import WebHookPlugin
from app.rules.actions.base import ActionSpec
from app.rules.actions.queue import QueueLimits
from app.rules.engine import EngineSettings, RuleEngine
from app.rules.outbox.file import DeadLetterLimits
from app.rules.registry import Registry
from app.rules.rule import RuleSpec
from app.rules.sql import compile_sql
from tests.harness.playbook import Playbook

RULE = RuleSpec("r", compile_sql('SELECT * FROM "t"'), (ActionSpec("a", "do_nothing", {}),))


def test_stored_rules_run_while_the_plugin_is_loaded() -> None:
    playbook, engine = Playbook(), RuleEngine(Registry())
    host = ExtensionHost(playbook.core)
    plugin = RuleEnginePlugin(engine, lambda: ([], [RULE]))
    point = playbook.core.hooks.point("message.publish")
    for _ in range(2):
        config = read_config(plugin, {})
        assert host.load(plugin, config, plugin.prepare(config))
        assert len(point.callbacks) == 1
        host.unload(plugin)
        assert point.callbacks == ()


def test_the_settings_reach_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, seen = RuleEngine(Registry()), []
    monkeypatch.setattr(engine, "start", lambda _core, settings, *_stored: seen.append(settings))
    plugin = RuleEnginePlugin(engine, lambda: ([], []))
    host = ExtensionHost(Playbook().core)
    prefix = "rule_engine.action_queue"
    given = {
        "rule_engine.ignore_sys_message": "off",
        "rule_engine.events.client_connected": "on, qos1",
        "rule_engine.events.message_dropped": "on",
        "rule_engine.events.message_acked": "off, qos2",
        f"{prefix}.max_len": "7",
        f"{prefix}.max_retries": "0",
        f"{prefix}.retry_interval": "1s",
        "rule_engine.disk_cache.max_len": "9",
        "rule_engine.disk_cache.max_retry_time": "1m",
        "rule_engine.dead_letters.max_len": "3",
        "rule_engine.dead_letters.max_size": "64KB",
        "rule_engine.recorder.max_len": "4",
    }
    config = read_config(plugin, given)
    host.load(plugin, config, plugin.prepare(config))
    limits = QueueLimits(max_len=7, max_retries=0, retry_interval_s=1.0)
    events = {"client.connected": 1, "message.dropped": 0}
    disk = replace(limits, max_retries=None, max_retry_s=60.0)
    assert seen == [
        EngineSettings(
            limits,
            ignore_sys_message=False,
            event_messages=events,
            disk=disk,
            disk_max_len=9,
            dead_letters=DeadLetterLimits(3, 65_536),
            recorder_max_len=4,
        )
    ]
    assert EngineSettings() == EngineSettings(QueueLimits(**_defaults(plugin)))
    with pytest.raises(ExtensionError):
        read_config(plugin, {f"{prefix}.max_len": "0"})
    unknown = read_config(plugin, {"rule_engine.events.rain": "on"})
    with pytest.raises(ExtensionError, match="rain: there is no such event"):
        ExtensionHost(Playbook().core).load(plugin, unknown, plugin.prepare(unknown))


def _defaults(plugin: RuleEnginePlugin) -> dict[str, int | float]:
    config = read_config(plugin, {})
    names = {"max_len": "max_len", "max_retries": "max_retries", "retry_interval": "retry_interval_s"}  # fmt: skip
    return {field: config[f"rule_engine.action_queue.{key}"] for key, field in names.items()}


def test_a_plugin_brings_its_kinds_and_takes_them_with_it() -> None:
    engine = RuleEngine(Registry())
    host = ExtensionHost(Playbook().core)
    plugin = WebHookPlugin(engine)
    config = read_config(plugin, {})
    host.load(plugin, config, plugin.prepare(config))
    assert engine.registry.action("data_to_webserver") is not None
    host.unload(plugin)
    assert engine.registry.action("data_to_webserver") is None
