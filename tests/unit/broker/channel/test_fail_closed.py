"""Whatever goes wrong while somebody is judged refuses him: counted, and logged without what he said."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker.hooks import Stop
from app.mqtt.packets import Connack, Publish, Suback, Subscribe, SubscribeFilter
from app.mqtt.reason_codes import ReasonCode
from app.plugins.auth_mnesia import AuthMnesia, Credential, MnesiaTables
from app.plugins.auth_mnesia.passwords import stored_form
from app.plugins.host import ExtensionHost
from tests.harness.playbook import Playbook, connect_packet, only

SECRET = b"hunter2"
LONGEST = "x" * 65_535


def crash(*_: Any) -> None:
    raise KeyError("a hook's own mistake")


def test_a_crash_while_somebody_is_authenticated_refuses_him(
    caplog: pytest.LogCaptureFixture,
) -> None:
    playbook = Playbook()
    playbook.hook("client.authenticate", crash)
    client = playbook.client()
    client.sends(connect_packet("c", username="u", password=SECRET))
    connack = only(client.receives())
    assert isinstance(connack, Connack)
    assert connack.reason_code == ReasonCode.SERVER_UNAVAILABLE
    counted = playbook.core.metrics.snapshot()
    assert (counted["client.auth.failure"], counted["packets.connack.auth_error"]) == (1, 1)
    assert "A callback of client.authenticate failed" in caplog.text
    assert SECRET.decode() not in caplog.text


@pytest.mark.parametrize("point", ["client.check_acl", "client.check_acl_subscribe"])
def test_a_crash_while_a_subscription_is_judged_refuses_it(point: str) -> None:
    playbook = Playbook()
    playbook.hook(point, crash)
    client = playbook.connect("c")
    client.sends(Subscribe(1, (SubscribeFilter("t", 0),)))
    suback = only(client.receives())
    assert isinstance(suback, Suback)
    assert suback.reason_codes == (ReasonCode.NOT_AUTHORIZED,)
    assert playbook.core.metrics.snapshot()["client.acl.deny"] == 1


def test_a_crash_while_a_message_is_judged_keeps_it_from_everybody() -> None:
    playbook = Playbook()
    listener = playbook.connect("listener")
    listener.subscribes("t")
    playbook.hook("client.check_acl", crash)
    playbook.connect("c").sends(Publish("t", b"", 0))
    assert listener.receives() == []
    assert playbook.core.metrics.snapshot()["packets.publish.auth_error"] == 1


def test_an_answer_that_is_no_verdict_lets_nobody_in() -> None:
    playbook = Playbook()
    playbook.hook("client.authenticate", lambda *_: Stop("yes"))
    client = playbook.client()
    with pytest.raises(AttributeError):
        client.sends(connect_packet("c"))
    assert playbook.core.cm.channels == {}


@pytest.mark.parametrize(
    ("username", "password"),
    [(LONGEST, b"wrong"), ("u1", LONGEST.encode()), ("u1\x7f", SECRET), ("' or '1'='1", SECRET)],
)
def test_oversized_and_odd_credentials_are_only_wrong_ones(username: str, password: bytes) -> None:
    playbook = Playbook()
    tables = MnesiaTables()
    plugin = AuthMnesia(tables, lambda *_: None)
    ExtensionHost(playbook.core).load(plugin, {"auth.mnesia.password_hash": "sha256"}, None)
    stored = Credential(stored_form(SECRET, "sha256"), False)
    tables.put_credentials({("username", "u1"): stored, ("username", LONGEST): stored})
    client = playbook.client()
    client.sends(connect_packet("c", username=username, password=password))
    connack = only(client.receives())
    assert isinstance(connack, Connack)
    is_known = username in ("u1", LONGEST)
    assert (connack.reason_code == ReasonCode.BAD_USER_NAME_OR_PASSWORD) == is_known
