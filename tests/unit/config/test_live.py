"""Settings by key while a node runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config import Settings, SettingsError, load_settings
from app.config.live import live_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({}, tmp_path)


def test_a_hot_setting_is_changed_for_everybody_who_has_its_section(settings: Settings) -> None:
    mqtt = settings.broker.mqtt
    live_settings(settings)["mqtt.max_topic_levels"].change("7")
    assert mqtt.max_topic_levels == 7


def test_zones_and_listeners_have_keys_with_their_names(settings: Settings) -> None:
    live = live_settings(settings)
    internal = settings.broker.zones["internal"].max_inflight
    live["zone.external.max_inflight"].change("5")
    assert settings.broker.zones["external"].max_inflight == 5
    assert settings.broker.zones["internal"].max_inflight == internal
    assert "listener.tcp.external.max_connections" in live


def test_the_value_in_force_is_the_default_where_nothing_is_given(settings: Settings) -> None:
    for one in live_settings(settings).values():
        if not one.key.startswith("listener."):
            assert one.read(one.default) == getattr(one.section, one.field), one.key


def test_a_value_that_cannot_be_used_changes_nothing(settings: Settings) -> None:
    one = live_settings(settings)["mqtt.max_topic_levels"]
    with pytest.raises(SettingsError, match=r"Correct mqtt.max_topic_levels: 'x' is not"):
        one.change("x")
    assert settings.broker.mqtt.max_topic_levels == one.read(one.default)


def test_a_secret_is_not_repeated(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="the value is not") as caught:
        live_settings(settings)["database.url"].read("http://user:hush@host")
    assert "hush" not in str(caught.value)


def test_what_needs_a_restart_cannot_be_changed(settings: Settings) -> None:
    with pytest.raises(AssertionError):
        live_settings(settings)["node.name"].change("other@127.0.0.1")
