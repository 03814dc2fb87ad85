"""Enhanced authentication (MQTT 5, section 4.12): the exchange before CONNACK, and anew while connected."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker.enhanced_auth import Continue, Refuse, Step, Success
from app.broker.hooks import Stop
from app.broker.records import BanRecord
from app.broker.scram import Scram
from app.mqtt.packets import (
    PINGREQ,
    PINGRESP,
    Auth,
    Connack,
    Disconnect,
    Publish,
    Will,
)
from app.mqtt.properties import Properties
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Client, Later, Playbook, connect_packet, only, refusal
from tests.harness.scram_client import MemoryStore, ScramClient, offer
from tests.unit.broker.wires import House

CONTINUE = ReasonCode.CONTINUE_AUTHENTICATION
ANEW = ReasonCode.RE_AUTHENTICATE
SHA256 = "SCRAM-SHA-256"


class Echo:
    """A method that asks for the same again until it hears what ends it."""

    def __init__(self, username: str | None = None) -> None:
        self.username = username

    def first(self, _client: object, data: bytes) -> Step:
        return self.next(data)

    def next(self, data: bytes) -> Step:
        if data == b"yes":
            return Success(b"welcome", self.username)
        if data == b"no":
            return Refuse()
        if data == b"down":
            return Refuse(ReasonCode.SERVER_UNAVAILABLE)
        if data == b"bug":
            raise RuntimeError("a bug in a plugin")
        return Continue(data)


def house(method: Any = Echo, **settings: Any) -> Playbook:
    """Return a broker that speaks the method `echo`."""
    playbook = Playbook(**settings)

    def find(_client: object, name: str, _found: object) -> Stop | None:
        return Stop(method()) if name == "echo" else None

    playbook.hook("client.enhanced_authenticate", find)
    return playbook


def named(data: bytes | None = None, method: str = "echo") -> Properties:
    properties: Properties = {"authentication_method": method}
    if data is not None:
        properties["authentication_data"] = data
    return properties


def begin(playbook: Playbook, data: bytes | None = b"more", **fields: Any) -> Client:
    """Send a CONNECT with authentication data and leave the answer to be read."""
    client = playbook.client()
    client.sends(connect_packet("c", properties=named(data), **fields))
    return client


def let_in(playbook: Playbook, **fields: Any) -> Client:
    client = begin(playbook, b"yes", **fields)
    assert only(client.receives()).reason_code == 0
    return client


# -- before CONNACK ----------------------------------------------------------------------------


def test_a_client_is_asked_until_the_method_is_content() -> None:
    """[MQTT-4.12.0-2] [MQTT-4.12.0-5]"""
    client = begin(house(), b"one")
    assert client.receives() == [Auth(CONTINUE, named(b"one"))]
    client.sends(Auth(CONTINUE, named(b"two")))
    assert client.receives() == [Auth(CONTINUE, named(b"two"))]
    client.sends(Auth(CONTINUE, named(b"yes")))
    connack = only(client.receives())
    assert connack.reason_code == 0
    assert connack.properties["authentication_method"] == "echo"
    assert connack.properties["authentication_data"] == b"welcome"
    client.sends(PINGREQ)
    assert client.receives() == [PINGRESP]


def test_a_method_may_be_content_at_once() -> None:
    assert let_in(house()).channel.client.anonymous is False


def test_a_method_that_wants_no_data_gets_none() -> None:
    assert begin(house(), None).receives() == [Auth(CONTINUE, named(b""))]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no", ReasonCode.NOT_AUTHORIZED),
        (b"down", ReasonCode.SERVER_UNAVAILABLE),
        (b"bug", ReasonCode.SERVER_UNAVAILABLE),
    ],
)
def test_who_is_refused_hears_why_in_connack(data: bytes, reason: ReasonCode) -> None:
    """[MQTT-4.12.0-4]"""
    playbook = house()
    client = begin(playbook)
    client.receives()
    client.sends(Auth(CONTINUE, named(data)))
    assert refusal(client) == (Connack, reason)
    counted = playbook.counted()
    assert counted["client.auth.failure"] == 1
    assert counted["packets.connack.auth_error"] == 1
    assert "session.created" not in counted


def test_a_method_that_nobody_speaks_is_refused() -> None:
    """[MQTT-4.12.0-1]"""
    client = house().client()
    client.sends(connect_packet("c", properties=named(b"", "ROT13")))
    assert refusal(client) == (Connack, ReasonCode.BAD_AUTHENTICATION_METHOD)


def test_a_hook_that_fails_refuses() -> None:
    playbook = Playbook()

    def fails(*_: object) -> None:
        raise RuntimeError("a bug in a plugin")

    playbook.hook("client.enhanced_authenticate", fails)
    assert refusal(begin(playbook)) == (Connack, ReasonCode.SERVER_UNAVAILABLE)


@pytest.mark.parametrize(
    "packet",
    [
        PINGREQ,
        Publish("t", b""),
        connect_packet("again"),
        Auth(CONTINUE, named(b"yes", "other")),
        Auth(ANEW, named(b"yes")),
        Auth(),
        Auth(0, named(b"yes")),
    ],
)
def test_any_other_packet_ends_the_exchange(packet: Any) -> None:
    """[MQTT-3.1.2-30] [MQTT-4.12.0-3] [MQTT-4.12.0-5]"""
    client = begin(house())
    client.receives()
    client.sends(packet)
    assert refusal(client) == (Connack, ReasonCode.PROTOCOL_ERROR)


def test_a_client_may_leave_in_the_middle() -> None:
    playbook = house()
    playbook.watch("client.disconnected", "session.created")
    client = begin(playbook, will=Will("will", b"x"))
    client.receives()
    client.sends(Disconnect())
    assert client.is_closed
    assert client.receives() == []
    client.crashes()
    assert playbook.told == []
    assert playbook.core.cm.get("c") is None


def test_a_client_may_vanish_in_the_middle() -> None:
    playbook = house()
    client = begin(playbook)
    client.crashes()
    playbook.advance(60)
    assert playbook.core.cm.get("c") is None


def test_an_exchange_is_no_longer_than_the_idle_timeout_however_many_steps_it_has() -> None:
    playbook = house(zone={"idle_timeout_s": 10.0})
    client = begin(playbook)
    for _ in range(3):
        playbook.advance(3)
        client.sends(Auth(CONTINUE, named(b"more")))
    assert not client.is_closed
    playbook.advance(2)
    assert client.is_closed


def test_a_client_that_is_let_in_has_no_idle_timeout() -> None:
    playbook = house()
    client = let_in(playbook)
    playbook.advance(60)
    assert not client.is_closed


def test_an_exchange_may_wait_and_the_client_be_gone_meanwhile() -> None:
    later = Later()

    class Slow(Echo):
        def next(self, data: bytes) -> Any:
            return later

    playbook = house(Slow, zone={"idle_timeout_s": 10.0})
    client = begin(playbook)
    assert client.is_waiting
    playbook.advance(12)
    assert client.is_closed
    later.answers(Success())
    client.goes_on()
    assert client.receives() == []
    assert playbook.core.cm.get("c") is None


def test_a_method_that_never_answers_refuses_in_time() -> None:
    class Silent(Echo):
        def next(self, data: bytes) -> Any:
            return Later()

    playbook = house(Silent, hook_timeout_s=5.0)
    client = playbook.client()
    client.sends(connect_packet("c", properties=named(b"hello")))
    playbook.advance(5)
    client.goes_on()
    assert refusal(client) == (Connack, ReasonCode.SERVER_UNAVAILABLE)
    assert playbook.counted()["client.auth.timeout"] == 1


def test_an_exchange_may_wait() -> None:
    later = Later()

    class Slow(Echo):
        def next(self, data: bytes) -> Any:
            return later

    client = begin(house(Slow))
    later.answers(Success())
    client.goes_on()
    assert only(client.receives()).reason_code == 0


def test_what_comes_at_once_is_obeyed_in_order() -> None:
    wires = House()
    wires.playbook.hook("client.enhanced_authenticate", lambda *_: Stop(Echo()))
    try:
        peer = wires.peer()
        peer.sends(
            connect_packet("c", properties=named(b"one")),
            Auth(CONTINUE, named(b"two")),
            Auth(CONTINUE, named(b"yes")),
            PINGREQ,
        )
        wires.loop.turns()
        one, two, connack, pingresp = peer.receives()
        assert (one, two) == (Auth(CONTINUE, named(b"one")), Auth(CONTINUE, named(b"two")))
        assert isinstance(connack, Connack)
        assert connack.reason_code == 0
        assert pingresp == PINGRESP
    finally:
        wires.close()


def test_passwords_are_not_asked_for_as_well() -> None:
    playbook = house()
    playbook.watch("client.authenticate")
    let_in(playbook)
    assert playbook.told == []
    assert playbook.counted()["client.auth.success"] == 1


# -- who it is ---------------------------------------------------------------------------------


def test_the_name_that_was_proved_takes_the_place_of_the_one_in_connect() -> None:
    playbook = house(lambda: Echo("bob"), zone={"mountpoint": "home/%u/"})
    client = let_in(playbook, username="admin")
    assert client.channel.client.username == "bob"
    client.subscribes("t")
    playbook.publish("home/bob/t")
    assert only(client.receives()).topic == "t"


def test_the_name_that_was_proved_becomes_the_client_id_where_the_zone_says_so() -> None:
    playbook = house(lambda: Echo("bob"), zone={"use_username_as_clientid": True})
    let_in(playbook, username="admin")
    assert playbook.core.cm.get("bob") is not None
    assert playbook.core.cm.get("admin") is None


def test_a_proved_name_that_would_break_out_of_its_mountpoint_is_refused() -> None:
    playbook = house(lambda: Echo("#"), zone={"mountpoint": "home/%u/"})
    client = begin(playbook, b"yes", username="bob")
    assert refusal(client) == (Connack, ReasonCode.CLIENT_IDENTIFIER_NOT_VALID)


def test_a_ban_holds_for_the_name_that_was_proved() -> None:
    playbook = house(lambda: Echo("bob"))
    playbook.broker.ban(BanRecord("username", "bob", "me", "", 0, None))
    assert refusal(begin(playbook, b"yes")) == (Connack, ReasonCode.BANNED)


@pytest.mark.parametrize(
    ("certified", "reason"), [("bob", ReasonCode.SUCCESS), ("alice", ReasonCode.NOT_AUTHORIZED)]
)
def test_a_certificate_and_a_method_must_name_the_same_user(
    certified: str, reason: ReasonCode
) -> None:
    client = house(lambda: Echo("bob")).client()
    client.channel.client.cert_username = certified
    client.sends(connect_packet("c", properties=named(b"yes")))
    assert only(client.receives()).reason_code == reason


def test_a_client_id_from_a_certificate_is_kept_whatever_name_is_proved() -> None:
    playbook = house(lambda: Echo("bob"), zone={"use_username_as_clientid": True})
    client = playbook.client()
    client.channel.client.cert_clientid = "device-7"
    client.sends(connect_packet("c", properties=named(b"yes")))
    assert list(playbook.core.cm.channels) == ["device-7"]


def test_a_method_may_leave_the_name_to_connect() -> None:
    assert let_in(house(), username="carol").channel.client.username == "carol"


# -- anew --------------------------------------------------------------------------------------


def test_a_connected_client_may_authenticate_anew() -> None:
    """[MQTT-4.12.1-1]"""
    playbook = house()
    client = let_in(playbook)
    for _ in range(2):
        client.sends(Auth(ANEW, named(b"one")))
        assert client.receives() == [Auth(CONTINUE, named(b"one"))]
        client.sends(PINGREQ)
        assert client.receives() == [PINGRESP]
        client.sends(Auth(CONTINUE, named(b"yes")))
        assert client.receives() == [Auth(0, named(b"welcome"))]
    playbook.advance(60)
    assert not client.is_closed


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no", ReasonCode.NOT_AUTHORIZED),
        (b"bug", ReasonCode.NOT_AUTHORIZED),
    ],
)
def test_who_fails_anew_is_disconnected(data: bytes, reason: ReasonCode) -> None:
    """[MQTT-4.12.1-2]"""
    client = let_in(house())
    client.sends(Auth(ANEW, named(data)))
    assert refusal(client) == (Disconnect, reason)


@pytest.mark.parametrize(
    "packets",
    [
        [Auth(CONTINUE, named(b"yes"))],
        [Auth(ANEW, named(b"yes", "other"))],
        [Auth(0, named(b"yes"))],
        [Auth()],
        [Auth(ANEW, named(b"one")), Auth(ANEW, named(b"two"))],
    ],
)
def test_an_auth_out_of_place_is_a_protocol_error(packets: list[Auth]) -> None:
    client = let_in(house())
    client.sends(*packets[:-1])
    client.receives()
    client.sends(packets[-1])
    assert refusal(client) == (Disconnect, ReasonCode.PROTOCOL_ERROR)


def test_a_client_that_named_no_method_may_not_use_one() -> None:
    """[MQTT-4.12.0-7]"""
    client = house().connect()
    client.sends(Auth(ANEW, named(b"yes")))
    assert refusal(client) == (Disconnect, ReasonCode.PROTOCOL_ERROR)


def test_authenticating_anew_must_not_take_for_ever() -> None:
    playbook = house(zone={"idle_timeout_s": 10.0})
    client = let_in(playbook)
    client.sends(Auth(ANEW, named(b"one")))
    client.receives()
    playbook.advance(12)
    assert refusal(client) == (Disconnect, ReasonCode.NOT_AUTHORIZED)


def test_a_client_that_leaves_while_it_authenticates_anew_leaves_no_timer_behind() -> None:
    playbook = house()
    client = let_in(playbook)
    client.sends(Auth(ANEW, named(b"one")))
    client.crashes()
    failures = playbook.counted().get("client.auth.failure", 0)
    playbook.advance(60)
    assert playbook.counted().get("client.auth.failure", 0) == failures == 0


def test_nobody_becomes_somebody_else_by_authenticating_anew() -> None:
    names = iter(("bob", "alice"))
    client = let_in(house(lambda: Echo(next(names))))
    client.sends(Auth(ANEW, named(b"yes")))
    assert refusal(client) == (Disconnect, ReasonCode.NOT_AUTHORIZED)


# -- SCRAM over MQTT ---------------------------------------------------------------------------


def test_scram_lets_in_who_knows_the_password_and_lets_it_stay() -> None:
    playbook = Playbook()
    playbook.hook(
        "client.enhanced_authenticate", offer(Scram(SHA256, MemoryStore(SHA256, alice="p")))
    )
    scram = ScramClient(SHA256, "alice", "p")
    client = playbook.client()
    client.sends(connect_packet("c", properties=named(scram.first(), SHA256)))
    asked = only(client.receives()).properties["authentication_data"]
    client.sends(Auth(CONTINUE, named(scram.final(asked), SHA256)))
    connack = only(client.receives())
    assert scram.trusts(connack.properties["authentication_data"])
    assert client.channel.client.username == "alice"

    client.sends(Auth(ANEW, named(scram.first(), SHA256)))
    asked = only(client.receives()).properties["authentication_data"]
    client.sends(Auth(CONTINUE, named(scram.final(asked), SHA256)))
    done = only(client.receives())
    assert done.reason_code == 0
    assert scram.trusts(done.properties["authentication_data"])


def test_scram_keeps_out_who_does_not_and_logs_nothing_of_it(caplog) -> None:
    playbook = Playbook()
    caplog.set_level("DEBUG")
    playbook.hook(
        "client.enhanced_authenticate", offer(Scram(SHA256, MemoryStore(SHA256, alice="p")))
    )
    scram = ScramClient(SHA256, "alice", "wrong")
    client = playbook.client()
    client.sends(connect_packet("c", properties=named(scram.first(), SHA256)))
    asked = only(client.receives()).properties["authentication_data"]
    final = scram.final(asked)
    client.sends(Auth(CONTINUE, named(final, SHA256)))
    assert refusal(client) == (Connack, ReasonCode.NOT_AUTHORIZED)
    for secret in (asked, final):
        assert secret.decode() not in caplog.text
