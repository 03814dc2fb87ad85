"""Clients that come and go without end are banned, and addresses that guess are refused, each for a while."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker import flapping
from app.broker.access_control import Verdict
from app.broker.flapping import Windows
from app.broker.hooks import Stop
from app.clock import FakeClock
from app.config import AllowAnonymous, BrokerConfig, Policy, ZoneConfig
from app.mqtt.packets import Connack, Disconnect
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Playbook, connect_packet, only

THREE = Policy(3, 60.0, 300.0)
FAR = "192.0.2.7"


def playbook_with(*, limits: bool = True, **settings: Any) -> Playbook:
    zone = {"enable_flapping_detect": limits, "enable_auth_failure_limit": limits}
    return Playbook(zone=zone, flapping_detect_policy=THREE, auth_failure_policy=THREE, **settings)


def comes_and_goes(playbook: Playbook, clientid: str, times: int) -> None:
    for _ in range(times):
        playbook.connect(clientid).sends(Disconnect())


def answer(playbook: Playbook, clientid: str, peerhost: str = FAR) -> ReasonCode:
    client = playbook.client(peerhost=peerhost)
    client.sends(connect_packet(clientid))
    connack = only(client.receives())
    assert isinstance(connack, Connack)
    return ReasonCode(connack.reason_code)


def test_who_disconnects_too_often_is_banned_in_emqx_s_words() -> None:
    playbook = playbook_with()
    comes_and_goes(playbook, "c", 3)
    assert answer(playbook, "c") == ReasonCode.BANNED
    assert answer(playbook, "other") == ReasonCode.SUCCESS
    (made,) = playbook.core.banned.made
    assert (made.kind, made.who) == ("clientid", "c")
    assert (made.by, made.reason) == ("flapping detector", "flapping is detected")
    assert made.until_s is not None
    assert made.until_s - made.at_s == 300
    assert playbook.core.metrics.snapshot()["client.flapping.banned"] == 1


def test_the_ban_ends_by_itself_and_the_count_begins_anew() -> None:
    playbook = playbook_with()
    comes_and_goes(playbook, "c", 3)
    playbook.advance(301)
    comes_and_goes(playbook, "c", 2)
    assert answer(playbook, "c") == ReasonCode.SUCCESS


def test_who_takes_longer_than_the_window_is_not_flapping() -> None:
    playbook = playbook_with()
    for _ in range(4):
        comes_and_goes(playbook, "c", 1)
        playbook.advance(31)
    assert not playbook.core.banned.made


def test_a_zone_that_does_not_want_it_bans_and_refuses_nobody() -> None:
    playbook = playbook_with(limits=False, allow_anonymous=AllowAnonymous.LOOPBACK)
    comes_and_goes(playbook, "c", 9)
    assert [answer(playbook, "x") for _ in range(9)] == [ReasonCode.NOT_AUTHORIZED] * 9


def test_an_address_that_fails_too_often_is_refused_without_being_asked() -> None:
    playbook = playbook_with()
    asked: list[str] = []

    def authenticate(credentials: Any, _verdict: object) -> Stop:
        asked.append(credentials.client.clientid)
        is_good = credentials.client.clientid == "good"
        reason = ReasonCode.SUCCESS if is_good else ReasonCode.BAD_USER_NAME_OR_PASSWORD
        return Stop(Verdict(reason))

    playbook.hook("client.authenticate", authenticate)
    inside = playbook.client(peerhost=FAR)
    inside.sends(connect_packet("good"))
    for _ in range(3):
        assert answer(playbook, "bad") == ReasonCode.BAD_USER_NAME_OR_PASSWORD
    del asked[:]
    assert answer(playbook, "good") == ReasonCode.CONNECTION_RATE_EXCEEDED
    assert asked == []
    assert not inside.wire.closed
    assert answer(playbook, "good", "192.0.2.8") == ReasonCode.SUCCESS
    assert playbook.core.metrics.snapshot()["client.auth.limited"] == 1
    playbook.advance(301)
    assert answer(playbook, "good") == ReasonCode.SUCCESS


def test_a_good_login_wipes_no_failures_out() -> None:
    playbook = playbook_with()
    playbook.hook(
        "client.authenticate",
        lambda asked, _: Stop(
            Verdict(
                ReasonCode.SUCCESS if asked.client.clientid == "good" else ReasonCode.NOT_AUTHORIZED
            )
        ),
    )
    for clientid in ("bad", "bad", "good", "bad"):
        answer(playbook, clientid)
    assert answer(playbook, "good") == ReasonCode.CONNECTION_RATE_EXCEEDED


def test_this_machine_s_own_addresses_are_nobody_s_in_particular() -> None:
    playbook = playbook_with(allow_anonymous=AllowAnonymous.FALSE)
    for _ in range(9):
        assert answer(playbook, "x", "127.0.0.1") == ReasonCode.NOT_AUTHORIZED


def test_what_is_over_is_swept_and_names_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flapping, "MOST_WATCHED", 2)
    clock = FakeClock()
    windows = Windows(clock)
    for name in ("a", "b", "c"):
        windows.note(name, THREE)
    assert (len(windows), windows.times("a"), windows.times("c")) == (2, 0, 1)
    assert windows.note("c", THREE) is False
    assert windows.note("c", THREE) is True
    clock.advance(61)
    windows.sweep(60.0)
    assert (len(windows), windows.left_s("c")) == (1, 239.0)
    clock.advance(240)
    windows.sweep(60.0)
    assert len(windows) == 0


def test_both_are_off_by_default_and_have_emqx_s_policy() -> None:
    config = BrokerConfig()
    assert config.flapping_detect_policy == Policy(30, 60.0, 300.0)
    assert not ZoneConfig("external").enable_flapping_detect
    assert not ZoneConfig("external").enable_auth_failure_limit
