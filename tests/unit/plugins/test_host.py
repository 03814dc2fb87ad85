"""Loading and unloading, and what is left when a plugin fails."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker.hooks import Ok
from app.broker.message import Message
from app.plugins import Context, ExtensionError, Plugin
from app.plugins.host import ExtensionHost
from tests.harness.playbook import Playbook


class Shouting(Plugin):
    """Appends what its configuration says to every payload."""

    name = "shouting"
    description = "Shouts"

    def load(self, context: Context) -> None:
        mark = context.config["mark"]

        def shout(message: Message) -> Ok:
            message.payload += mark
            return Ok(message)

        context.hook("message.publish", shout)
        if mark == b"bad":
            raise RuntimeError("secret details")


def heard(playbook: Playbook) -> list[bytes]:
    client = playbook.connect()
    client.subscribes("t")
    playbook.publish("t", b"x")
    return [packet.payload for packet in client.receives()]


@pytest.fixture
def playbook() -> Playbook:
    return Playbook()


def host_with(playbook: Playbook, mark: bytes) -> tuple[ExtensionHost, Shouting]:
    host, plugin = ExtensionHost(playbook.core), Shouting()
    host.load(plugin, {"mark": mark}, None)
    return host, plugin


def test_hooks_live_exactly_as_long_as_the_plugin_is_loaded(playbook: Playbook) -> None:
    host, plugin = host_with(playbook, b"!")
    assert heard(playbook) == [b"x!"]
    assert host.load(plugin, {"mark": b"?"}, None) is False
    assert host.unload(plugin) is True
    assert host.unload(plugin) is False
    assert heard(playbook) == [b"x"]
    assert playbook.core.hooks.point("message.publish").callbacks == ()


def test_a_reload_replaces_what_was_hooked(playbook: Playbook) -> None:
    host, plugin = host_with(playbook, b"!")
    assert host.reload(plugin, {"mark": b"?"}, None) is True
    assert heard(playbook) == [b"x?"]


def test_a_plugin_that_fails_to_load_leaves_nothing_and_tells_no_details(
    playbook: Playbook,
) -> None:
    host: Any = ExtensionHost(playbook.core)
    with pytest.raises(ExtensionError, match="shouting failed: RuntimeError; see the log"):
        host.load(Shouting(), {"mark": b"bad"}, None)
    assert heard(playbook) == [b"x"]


def test_a_plugin_that_fails_to_reload_goes_on_as_it_was(playbook: Playbook) -> None:
    host, plugin = host_with(playbook, b"!")
    with pytest.raises(ExtensionError):
        host.reload(plugin, {"mark": b"bad"}, None)
    assert host.is_loaded(plugin)
    assert heard(playbook) == [b"x!"]


def test_what_is_not_loaded_cannot_be_reloaded(playbook: Playbook) -> None:
    assert ExtensionHost(playbook.core).reload(Shouting(), {}, None) is False
