"""The loop's copy of the ban list."""

from __future__ import annotations

import pytest

from app.broker.banned import Banned
from app.broker.client_info import ClientInfo
from app.broker.records import BanRecord
from app.clock import FakeClock
from app.config import ZoneConfig
from tests.harness.playbook import Playbook, connect_packet


def client(clientid: str = "c", username: str | None = "u", peerhost: str = "::1") -> ClientInfo:
    return ClientInfo(ZoneConfig("z"), "mqtt:tcp:external", peerhost, 1, 2, clientid, username)


def record(kind: str, who: str, until_s: int | None = None) -> BanRecord:
    return BanRecord(kind, who, "admin", "because", 0, until_s)


@pytest.mark.parametrize(
    ("kind", "who"), [("clientid", "c"), ("username", "u"), ("peerhost", "::1")]
)
def test_a_ban_is_found_by_what_it_names(kind: str, who: str) -> None:
    banned = Banned(FakeClock())
    banned.add(record(kind, who))
    assert banned.find(client()) == record(kind, who)
    assert banned.find(client("x", "x", "x")) is None


def test_the_client_id_comes_first_then_the_user_name_then_the_address() -> None:
    banned = Banned(FakeClock())
    for kind, who in (("peerhost", "::1"), ("username", "u"), ("clientid", "c")):
        banned.add(record(kind, who))
        found = banned.find(client())
        assert found is not None
        assert found.kind == kind


def test_a_ban_ends_at_its_second() -> None:
    clock = FakeClock()
    banned = Banned(clock)
    now_s = clock.wall_ms() // 1000
    banned.add(record("clientid", "c", now_s + 10))
    clock.advance(9.999)
    assert banned.find(client()) is not None
    clock.advance(0.001)
    assert banned.find(client()) is None


def test_a_ban_of_the_empty_user_name_is_none_of_clients_without_one() -> None:
    banned = Banned(FakeClock())
    banned.add(record("username", ""))
    assert banned.find(client(username=None)) is None
    assert banned.find(client(username="")) is not None


def test_the_list_can_be_replaced_and_single_bans_lifted() -> None:
    banned = Banned(FakeClock())
    banned.add(record("clientid", "c"))
    banned.load([record("username", "u"), record("username", "v")])
    assert len(banned) == 2
    banned.remove("username", "u")
    banned.remove("username", "u")
    assert banned.find(client()) is None
    assert len(banned) == 1


def test_a_ban_given_again_is_changed() -> None:
    banned = Banned(FakeClock())
    banned.add(record("clientid", "c", 1))
    banned.add(record("clientid", "c", None))
    assert banned.find(client()) == record("clientid", "c", None)


def test_ended_bans_are_swept_and_others_are_not() -> None:
    clock = FakeClock()
    now_s = clock.wall_ms() // 1000
    banned = Banned(clock)
    banned.load(
        [
            BanRecord("clientid", "short", "admin", "", now_s, now_s + 10),
            BanRecord("clientid", "long", "admin", "", now_s, now_s + 100),
            BanRecord("clientid", "ever", "admin", "", now_s, None),
        ]
    )
    banned.add(BanRecord("username", "changed", "admin", "", now_s, now_s + 10))
    banned.add(BanRecord("username", "changed", "admin", "", now_s, now_s + 100))
    clock.advance(10)
    banned.sweep()
    assert sorted(who for _, who in banned._records) == ["changed", "ever", "long"]
    banned.remove("username", "changed")
    clock.advance(90)
    banned.sweep()
    assert [who for _, who in banned._records] == ["ever"]
    assert banned._ends == []


def test_a_ban_that_changes_again_and_again_is_kept_once() -> None:
    clock = FakeClock()
    banned = Banned(clock)
    now_s = clock.wall_ms() // 1000
    for number in range(10_000):
        banned.add(BanRecord("clientid", "c", "admin", "", now_s, now_s + 1_000 + number))
    assert len(banned) == 1
    assert len(banned._ends) < 100


def test_a_running_broker_sweeps_once_a_minute() -> None:
    playbook = Playbook()
    banned = playbook.core.banned
    banned.keep_swept(playbook.core.after)
    now_s = playbook.clock.wall_ms() // 1000
    banned.add(BanRecord("clientid", "c", "admin", "", now_s, now_s + 1))
    for left in (0, 0):
        playbook.advance(60)
        assert len(banned) == left


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
        ("192.0.2.128/25", "192.0.2.128", "192.0.2.127"),
        ("0.0.0.0/0", "203.0.113.9", "::1"),
        ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
        ("10.0.0.0/8", "10.0.0.0", "/run/godwit.sock"),
    ],
)
def test_a_ban_of_a_network_meets_every_address_in_it(
    network: str, inside: str, outside: str
) -> None:
    banned = Banned(FakeClock())
    banned.add(record("peerhost", network))
    assert banned.find(client(peerhost=inside)) == record("peerhost", network)
    assert banned.find(client(peerhost=outside)) is None
    banned.remove("peerhost", network)
    banned.remove("peerhost", network)
    assert banned.find(client(peerhost=inside)) is None


def test_the_narrowest_network_is_named_and_an_ended_one_looks_no_further_than_the_next() -> None:
    clock = FakeClock()
    banned = Banned(clock)
    now_s = clock.wall_ms() // 1000
    wide, narrow = record("peerhost", "10.0.0.0/8"), record("peerhost", "10.1.0.0/16", now_s + 5)
    banned.load([wide, narrow])
    assert banned.find(client(peerhost="10.1.2.3")) == narrow
    clock.advance(5)
    assert banned.find(client(peerhost="10.1.2.3")) == wide
    banned.sweep()
    assert len(banned) == 1


def test_who_is_connected_from_a_banned_network_is_put_out() -> None:
    playbook = Playbook()
    near, far = playbook.client(peerhost="10.1.2.3"), playbook.client(peerhost="192.0.2.1")
    near.sends(connect_packet("near"))
    far.sends(connect_packet("far"))
    playbook.broker.ban(record("peerhost", "10.0.0.0/8"))
    assert (near.wire.closed, far.wire.closed) == (True, False)


def test_what_the_broker_bans_itself_holds_at_once_and_waits_to_be_kept() -> None:
    banned = Banned(FakeClock())
    banned.make(record("clientid", "c"))
    assert banned.find(client()) is not None
    assert banned.made.popleft() == record("clientid", "c")
