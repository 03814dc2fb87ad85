"""The modules of topic metrics, slow subscriptions and traces, with their parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.broker.slow_subs import SlowSubs, SlowSubsConfig
from app.broker.topic_metrics import TopicMetrics
from app.broker.trace import Tracer, TraceSpec
from app.plugins.base import Extension, ExtensionError
from app.plugins.host import ExtensionHost
from app.plugins.registry import read_config
from app.plugins.slow_subs import SlowSubsModule
from app.plugins.topic_metrics import TopicMetricsModule
from app.plugins.trace import TraceModule
from tests.harness.playbook import Playbook


def loaded(playbook: Playbook, extension: Extension, **given: str) -> ExtensionHost:
    host = ExtensionHost(playbook.core)
    config = read_config(extension, {f"module.{key}": text for key, text in given.items()})
    assert host.load(extension, config, extension.prepare(config))
    return host


def test_registered_topics_are_counted_again_after_loading() -> None:
    engine = TopicMetrics()
    module = TopicMetricsModule(engine, lambda: ["a", "b", "c"])
    host = loaded(Playbook(), module, **{"topic_metrics.max_topics": "2"})
    assert list(engine.rows()) == ["a", "b"]
    host.unload(module)
    assert not engine.is_running


def test_slow_subscriptions_take_their_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, seen = SlowSubs(), []
    monkeypatch.setattr(engine, "start", lambda _core, config: seen.append(config))
    module = SlowSubsModule(engine)
    loaded(Playbook(), module)
    assert seen == [SlowSubsConfig()]
    texts = {"threshold": "1s", "top_k_num": "3", "expire_interval": "1m", "stats_type": "response"}
    loaded(Playbook(), module, **{f"slow_subs.{key}": text for key, text in texts.items()})
    assert seen[1] == SlowSubsConfig(1_000, 3, 60.0, "response")
    with pytest.raises(ExtensionError):
        loaded(Playbook(), module, **{"slow_subs.threshold": "1ms"})


def test_traces_go_on_after_loading_and_end_with_unloading(tmp_path: Path) -> None:
    playbook, engine = Playbook(), Tracer()
    now_s = playbook.clock.wall_ms() // 1_000
    spec = TraceSpec("t", "clientid", "c", now_s, now_s + 60, tmp_path / "t.log")
    module = TraceModule(engine, lambda: [spec])
    host = loaded(playbook, module)
    playbook.connect("c")
    engine.flush()
    assert spec.path.stat().st_size > 0
    host.unload(module)
    assert playbook.core.hooks.point("message.publish").callbacks == ()
