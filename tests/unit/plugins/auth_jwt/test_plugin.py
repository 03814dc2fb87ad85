"""Tokens at the broker: who comes in, what he may do, and for how long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.broker.access_control import Credentials
from app.config import AllowAnonymous
from app.mqtt.packets import Publish, Suback, Subscribe, SubscribeFilter, Will
from app.mqtt.reason_codes import ReasonCode
from app.plugins import ExtensionError
from app.plugins.auth_jwt import AuthJwt
from app.plugins.host import ExtensionHost
from app.plugins.registry import read_config
from tests.harness.playbook import Client, Playbook, connect_packet, only
from tests.harness.token_issuer import ISSUERS, SECRET

HMAC = ISSUERS["HS256"]
STRANGER, REFUSED = ReasonCode.NOT_AUTHORIZED, ReasonCode.NOT_AUTHORIZED


class Gate:
    """A broker with the plugin loaded."""

    def __init__(self, policy: AllowAnonymous = AllowAnonymous.FALSE, **settings: str) -> None:
        self.playbook = Playbook(allow_anonymous=policy)
        self.host = ExtensionHost(self.playbook.core)
        self.plugin = AuthJwt()
        given = {"auth.jwt.secret": SECRET}
        given |= {f"auth.jwt.{key.replace('__', '.')}": text for key, text in settings.items()}
        config = read_config(self.plugin, given)
        self.host.load(self.plugin, config, self.plugin.prepare(config))

    @property
    def now_s(self) -> int:
        return self.playbook.clock.wall_ms() // 1000

    def connects(
        self, token: str | None, clientid: str = "c1", **fields: Any
    ) -> tuple[int, Client]:
        client = self.playbook.client()
        password = None if token is None else token.encode()
        client.sends(connect_packet(clientid, password=password, **fields))
        return only(client.receives()).reason_code, client

    def comes_in(self, claims: dict[str, Any], clientid: str = "c1", **fields: Any) -> Client:
        reason, client = self.connects(HMAC.token(claims), clientid, **fields)
        assert reason == ReasonCode.SUCCESS
        return client

    def gets_through(self, client: Client, topic: str) -> bool:
        before = self.playbook.core.metrics.messages_publish
        client.sends(Publish(topic, b"x"))
        return self.playbook.core.metrics.messages_publish > before


def subscribed(client: Client, *filters: str) -> list[int]:
    client.sends(Subscribe(1, tuple(SubscribeFilter(name, 0) for name in filters)))
    answer = only(client.receives())
    assert isinstance(answer, Suback)
    return list(answer.reason_codes)


def test_a_token_that_holds_lets_in_and_another_does_not() -> None:
    gate = Gate()
    assert gate.connects(HMAC.token({"exp": gate.now_s + 60}))[0] == ReasonCode.SUCCESS
    assert gate.connects(HMAC.token({"exp": gate.now_s - 60}))[0] == REFUSED
    assert gate.connects(ISSUERS["RS256"].token({}))[0] == REFUSED
    assert gate.connects("no token")[0] == STRANGER
    assert gate.connects(None)[0] == STRANGER
    counters = gate.plugin.counters
    assert (counters.auth_success, counters.auth_failure, counters.auth_ignore) == (1, 2, 2)


def test_who_brings_no_token_is_left_to_the_policy_and_who_brings_a_bad_one_is_not() -> None:
    gate = Gate(AllowAnonymous.TRUE)
    assert gate.connects("no token")[0] == ReasonCode.SUCCESS
    assert gate.connects(HMAC.token({"exp": gate.now_s - 60}))[0] == REFUSED


def test_the_token_may_be_the_user_name() -> None:
    gate = Gate(**{"from": "username"})
    token = HMAC.token({})
    assert gate.connects("any", username=token)[0] == ReasonCode.SUCCESS
    assert gate.connects(token, username="u")[0] == STRANGER


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_public_key_file_takes_the_tokens_of_its_private_key(
    algorithm: str, tmp_path: Path
) -> None:
    path = tmp_path / "public.pem"
    path.write_bytes(ISSUERS[algorithm].pem)
    gate = Gate(secret="", pubkey=str(path))
    assert gate.connects(ISSUERS[algorithm].token({}))[0] == ReasonCode.SUCCESS
    assert gate.connects(HMAC.token({}))[0] == REFUSED


def test_claims_must_be_the_clients_own() -> None:
    checks = {"verify_claims__sub": "%u", "verify_claims__device": "%c", "verify_claims__aud": "m"}
    gate = Gate(verify_claims="on", **checks)
    good = {"sub": "u1", "device": "c1", "aud": "m"}
    for claims, username, expected in (
        (good, "u1", ReasonCode.SUCCESS),
        (good, "u2", REFUSED),
        (good, None, REFUSED),
        ({**good, "sub": None}, None, REFUSED),
        ({**good, "device": "c2"}, "u1", REFUSED),
        ({**good, "aud": ["m"]}, "u1", REFUSED),
        ({"device": "c1", "aud": "m"}, None, REFUSED),
    ):
        assert gate.connects(HMAC.token(claims), "c1", username=username)[0] == expected
    assert Gate(**checks).connects(HMAC.token({}))[0] == ReasonCode.SUCCESS


def test_a_token_says_what_its_client_may_do() -> None:
    gate = Gate()
    acl = {"pub": ["up/%c", 7], "sub": ["down/%u/+"], "all": ["both/#"]}
    client = gate.comes_in({"acl": acl}, username="u1")
    assert gate.gets_through(client, "up/c1")
    assert gate.gets_through(client, "both/x")
    assert not gate.gets_through(client, "up/c2")
    assert not gate.gets_through(client, "down/u1/x")
    denied = ReasonCode.NOT_AUTHORIZED
    filters = ("down/u1/x", "down/u1/#", "down/u2/x", "both/+", "up/c1", "#")
    assert subscribed(client, *filters) == [0, denied, denied, 0, denied, denied]


@pytest.mark.parametrize("acl", [None, [], "all", {}, {"pub": "t"}, {"pub": [[]], "sub": {}}])
def test_a_list_that_is_none_allows_nothing(acl: object) -> None:
    client = (gate := Gate()).comes_in({"acl": acl})
    assert not gate.gets_through(client, "t")


def test_without_a_list_the_other_rules_are_asked() -> None:
    gate = Gate(acl_claim_name="may")
    client = gate.comes_in({"acl": {"pub": []}})
    assert gate.gets_through(client, "t")


@pytest.mark.parametrize("clientid", ["#", "+", "a/b"])
def test_a_client_id_makes_no_wildcard_of_a_rule(clientid: str) -> None:
    gate = Gate()
    client = gate.comes_in({"acl": {"pub": ["up/%c"]}}, clientid)
    assert not gate.gets_through(client, "up/x")


def test_what_was_allowed_does_not_outlast_the_token() -> None:
    gate = Gate()
    client = gate.comes_in({"acl": {"all": ["t/#"]}, "exp": gate.now_s + 30})
    assert gate.gets_through(client, "t/1")
    gate.playbook.advance(29)
    assert gate.gets_through(client, "t/1")
    gate.playbook.advance(1.5)
    assert not gate.gets_through(client, "t/1")
    assert subscribed(client, "t/1") == [ReasonCode.NOT_AUTHORIZED]


@pytest.mark.parametrize("delay_s", [0, 300])
@pytest.mark.parametrize(("topic", "goes_out"), [("t/will", True), ("elsewhere", False)])
def test_a_will_is_held_to_the_token_of_a_client_who_has_gone(
    delay_s: int, topic: str, goes_out: bool
) -> None:
    gate = Gate()
    watcher = gate.comes_in({}, "watcher")
    watcher.subscribes("#")
    will = Will(topic, b"gone", properties={"will_delay_interval": delay_s})
    client = gate.comes_in(
        {"acl": {"pub": ["t/#"]}}, will=will, properties={"session_expiry_interval": 1000}
    )
    client.crashes()
    gate.playbook.advance(delay_s + 1)
    assert bool(watcher.receives()) is goes_out


def test_nothing_is_kept_of_clients_who_are_gone_or_never_came() -> None:
    gate = Gate()
    for number in range(5):
        gate.comes_in({"acl": {}}, f"c{number}").crashes()
    nobody = Credentials(gate.playbook.client().channel.client, HMAC.token({"acl": {}}).encode())
    gate.playbook.core.access.authenticate(nobody)
    assert len(gate.plugin.grants) == 6
    gate.playbook.advance(60)
    assert len(gate.plugin.grants) == 0


def test_unloading_ends_it_and_loading_again_knows_who_is_connected() -> None:
    gate = Gate()
    staying = gate.comes_in({"acl": {"pub": ["t"]}}, "staying")
    going = gate.comes_in({"acl": {"pub": ["t"]}}, "going")
    gate.host.unload(gate.plugin)
    assert gate.playbook.core.hooks.point("client.authenticate").callbacks == ()
    going.leaves()
    config = read_config(gate.plugin, {"auth.jwt.secret": SECRET})
    gate.host.load(gate.plugin, config, gate.plugin.prepare(config))
    assert len(gate.plugin.grants) == 1
    assert gate.gets_through(staying, "t")
    assert not gate.gets_through(staying, "other")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, r"Set auth\.jwt\.secret, auth\.jwt\.pubkey or auth\.jwt\.jwks"),
        ({"auth.jwt.pubkey": "/nowhere.pem"}, r"Make /nowhere\.pem readable"),
        ({"auth.jwt.pubkey": __file__}, "it is no public key in PEM"),
        ({"auth.jwt.jwks": "file:///etc/passwd"}, "is not an HTTP address"),
        ({"auth.jwt.from": "topic"}, "one of username, password"),
    ],
)
def test_what_cannot_work_is_told_before_it_is_kept(
    settings: dict[str, str], sentence: str
) -> None:
    plugin = AuthJwt()
    with pytest.raises(ExtensionError, match=sentence):
        plugin.prepare(read_config(plugin, settings))


def test_a_short_secret_is_warned_about_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    plugin = AuthJwt()
    plugin.prepare(read_config(plugin, {"auth.jwt.secret": "emqxsecret"}))
    assert "auth.jwt.secret is shorter than 32 bytes" in caplog.text
    assert "emqxsecret" not in caplog.text
