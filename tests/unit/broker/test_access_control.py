"""Authentication and ACL: the policy where no hook decides, and the hooks where they do."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker.access_control import Credentials, Verdict
from app.broker.hooks import Ok, Stop
from app.config import AllowAnonymous
from app.mqtt.packets import Puback, Publish, Suback, Subscribe, SubscribeFilter, Will
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Later, Playbook, connect_packet, only


@pytest.mark.parametrize(
    ("policy", "peerhost", "let_in"),
    [
        (AllowAnonymous.TRUE, "203.0.113.9", True),
        (AllowAnonymous.FALSE, "127.0.0.1", False),
        (AllowAnonymous.LOOPBACK, "127.0.0.1", True),
        (AllowAnonymous.LOOPBACK, "127.8.8.8", True),
        (AllowAnonymous.LOOPBACK, "::1", True),
        (AllowAnonymous.LOOPBACK, "::ffff:127.0.0.1", True),
        (AllowAnonymous.LOOPBACK, "10.0.0.1", False),
        (AllowAnonymous.LOOPBACK, "::ffff:10.0.0.1", False),
        (AllowAnonymous.LOOPBACK, "no address", False),
    ],
)
def test_the_policy_decides_on_clients_that_no_hook_knows(
    policy: AllowAnonymous, peerhost: str, let_in: bool
) -> None:
    playbook = Playbook(allow_anonymous=policy)
    client = playbook.client(peerhost=peerhost)
    client.sends(connect_packet("c"))
    reason = only(client.receives()).reason_code
    assert reason == (ReasonCode.SUCCESS if let_in else ReasonCode.NOT_AUTHORIZED)
    counted = playbook.counted()
    assert counted["client.authenticate"] == 1
    assert counted.get("client.auth.success.anonymous", 0) == int(let_in)
    assert counted.get("client.auth.failure", 0) == int(not let_in)


def test_a_hook_that_has_no_opinion_leaves_it_to_the_policy() -> None:
    playbook = Playbook(allow_anonymous=AllowAnonymous.FALSE)
    playbook.always("client.authenticate", None)
    client = playbook.client()
    client.sends(connect_packet("c"))
    assert only(client.receives()).reason_code == ReasonCode.NOT_AUTHORIZED


def test_a_later_hook_may_overrule_ok_and_not_stop() -> None:
    refused, allowed = Verdict(ReasonCode.NOT_AUTHORIZED), Verdict(ReasonCode.SUCCESS)
    for first, expected in ((Ok(refused), 0), (Stop(refused), ReasonCode.NOT_AUTHORIZED)):
        playbook = Playbook()
        playbook.always("client.authenticate", first)
        playbook.always("client.authenticate", Ok(allowed))
        client = playbook.client()
        client.sends(connect_packet("c"))
        assert only(client.receives()).reason_code == expected


def test_refusals_are_logged_once_in_a_while(caplog) -> None:
    playbook = Playbook(allow_anonymous=AllowAnonymous.FALSE)

    def knock(times: int) -> None:
        for _ in range(times):
            playbook.client().sends(connect_packet("c"))

    knock(50)
    assert caplog.text.count("allow_anonymous = false") == 1
    playbook.advance(10)
    knock(50)
    assert caplog.text.count("allow_anonymous = false") == 2


def test_a_password_is_never_shown() -> None:
    client = Playbook().connect("c").channel.client
    assert "secret" not in repr(Credentials(client, b"secret"))


def test_without_acl_hooks_everything_is_allowed_and_nothing_counted() -> None:
    playbook = Playbook()
    playbook.connect("c").sends(Publish("t", b""))
    assert "client.check_acl" not in playbook.counted()


@pytest.mark.parametrize(("allowed", "metric"), [(True, "allow"), (False, "deny")])
def test_acl_verdicts_are_counted(allowed: bool, metric: str) -> None:
    playbook = Playbook()
    playbook.always("client.check_acl", Stop(allowed))
    playbook.connect("c").sends(Publish("t", b""))
    counted = playbook.counted()
    assert (counted["client.check_acl"], counted[f"client.acl.{metric}"]) == (1, 1)


@pytest.mark.parametrize("point", ["client.check_acl", "client.check_acl_subscribe"])
def test_nobody_waits_for_a_verdict_that_is_there(point: str) -> None:
    """What is sent on another connection right behind must find the subscription."""
    playbook = Playbook()
    playbook.core.hooks.point(point).add(lambda *_: Stop(True))
    client = playbook.connect("c").channel.client
    assert playbook.core.access.may(client, "subscribe", "t") is True
    verdict = playbook.core.access.authenticate(Credentials(client, None))
    assert isinstance(verdict, Verdict)


def test_who_is_refused_need_not_be_told_why() -> None:
    """MQTT 5, sections 3.9.3 and 3.4.2.1: 0x80 where the server does not wish to reveal the reason."""
    playbook = Playbook(acl_deny_reveals=False)
    playbook.core.hooks.point("client.check_acl").add(lambda *_: Stop(False))
    client = playbook.connect("c")
    client.sends(Subscribe(1, (SubscribeFilter("t", 0),)), Publish("t", b"", 1, packet_id=2))
    unspecified = ReasonCode.UNSPECIFIED_ERROR
    assert client.receives() == [Suback(1, (unspecified,)), Puback(2, unspecified)]


def test_an_acl_without_an_opinion_allows() -> None:
    playbook = Playbook()
    playbook.always("client.check_acl", None)
    playbook.connect("c").sends(Publish("t", b""))
    assert playbook.counted()["client.acl.allow"] == 1


def test_superusers_are_not_asked_about() -> None:
    playbook = Playbook()
    playbook.always("client.authenticate", Stop(Verdict(ReasonCode.SUCCESS, is_superuser=True)))
    playbook.always("client.check_acl", Stop(value=False))
    playbook.connect("c").subscribes("secret")


def test_a_zone_without_acl_asks_nobody() -> None:
    playbook = Playbook(zone={"enable_acl": False})
    playbook.always("client.check_acl", Stop(value=False))
    playbook.connect("c").subscribes("secret")
    assert "client.check_acl" not in playbook.counted()


def test_what_no_rule_speaks_of_is_refused_where_the_settings_say_so() -> None:
    playbook = Playbook(acl_nomatch="deny")
    client = playbook.connect()
    client.sends(Subscribe(1, (SubscribeFilter("t", 0),)), Publish("t", b"", 1, packet_id=2))
    assert client.receives() == [
        Suback(1, (ReasonCode.NOT_AUTHORIZED,)),
        Puback(2, ReasonCode.NOT_AUTHORIZED),
    ]


def test_a_will_that_no_rule_speaks_of_is_not_published_where_the_settings_say_so() -> None:
    playbook = Playbook(acl_nomatch="deny")
    playbook.connect(will=Will("t", b"x")).crashes()
    counted = playbook.counted()
    assert counted["packets.publish.auth_error"] == 1
    assert "messages.publish" not in counted


@pytest.mark.parametrize("answer", [Ok(value=True), Stop(value=True)])
def test_what_a_rule_allows_is_allowed_whatever_is_said_of_the_rest(answer: object) -> None:
    playbook = Playbook(acl_nomatch="deny")
    playbook.always("client.check_acl", answer)
    playbook.connect("c").subscribes("t")


def test_superusers_and_zones_without_acl_may_do_what_no_rule_speaks_of() -> None:
    Playbook(acl_nomatch="deny", zone={"enable_acl": False}).connect().subscribes("t")
    playbook = Playbook(acl_nomatch="deny")
    playbook.always("client.authenticate", Stop(Verdict(ReasonCode.SUCCESS, is_superuser=True)))
    playbook.connect().subscribes("t")


def test_a_client_whose_authentication_never_answers_is_refused_in_time() -> None:
    playbook = Playbook(hook_timeout_s=5.0)
    playbook.always("client.authenticate", Later())
    client = playbook.client()
    client.sends(connect_packet("c"))
    playbook.advance(4.75)
    client.goes_on()
    assert client.is_waiting
    playbook.advance(0.25)
    client.goes_on()
    assert only(client.receives()).reason_code == ReasonCode.SERVER_UNAVAILABLE
    counted = playbook.counted()
    assert (counted["client.auth.timeout"], counted["client.auth.failure"]) == (1, 1)


def test_what_the_acl_never_answers_is_refused_in_time() -> None:
    playbook = Playbook(hook_timeout_s=5.0)
    client = playbook.connect("c")
    playbook.always("client.check_acl", Later())
    client.sends(Publish("t", b"", 1, packet_id=1))
    playbook.advance(5)
    client.goes_on()
    assert client.receives() == [Puback(1, ReasonCode.NOT_AUTHORIZED)]
    counted = playbook.counted()
    assert (counted["client.acl.timeout"], counted["client.acl.deny"]) == (1, 1)


def test_what_the_acl_said_is_told_whether_it_was_asked_or_remembered() -> None:
    playbook = Playbook()
    playbook.always("client.check_acl", Stop(value=True))
    told: list[tuple[Any, ...]] = []
    playbook.hook("client.check_acl_complete", lambda *args: told.append(args[1:]))
    playbook.connect("c").sends(Publish("t", b"1"), Publish("t", b"2"))
    assert told == [("publish", "t", True)] * 2
