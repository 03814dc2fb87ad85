"""CONNECT and DISCONNECT: who is let in, what they are told, how they go."""

from __future__ import annotations

import pytest

from app.broker.access_control import Verdict
from app.broker.channel.dispatch import handle_in
from app.broker.hooks import Ok, Stop
from app.broker.records import BanRecord
from app.config import AllowAnonymous
from app.mqtt.packets import (
    MQTT_3_1,
    MQTT_3_1_1,
    MQTT_5,
    Connack,
    Disconnect,
    Pingreq,
    Pingresp,
    Publish,
    Subscribe,
    SubscribeFilter,
    Will,
)
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import Later, Playbook, connect_packet, only, refusal

VERSIONS = (MQTT_3_1, MQTT_3_1_1, MQTT_5)


# -- let in ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_connect_is_answered_with_success(version: int) -> None:
    client = Playbook().client(version)
    client.sends(connect_packet("c", version))
    connack = only(client.receives())
    assert (connack.session_present, connack.reason_code) == (False, 0)


def test_an_mqtt_5_client_is_told_what_the_server_can_do() -> None:
    client = Playbook().client()
    client.sends(connect_packet("c"))
    assert only(client.receives()).properties == {
        "receive_maximum": 32,
        "retain_available": 1,
        "maximum_packet_size": 1_048_576,
        "topic_alias_maximum": 65_535,
        "wildcard_subscription_available": 1,
        "subscription_identifier_available": 1,
        "shared_subscription_available": 1,
    }


def test_an_mqtt_5_client_is_told_what_the_server_refuses() -> None:
    """[MQTT-3.2.2-9] maximum QoS"""
    playbook = Playbook(
        mqtt={
            "max_qos_allowed": 1,
            "retain_available": False,
            "wildcard_subscription": False,
            "shared_subscription": False,
        }
    )
    client = playbook.client()
    client.sends(connect_packet("c"))
    told = only(client.receives()).properties
    assert told["maximum_qos"] == 1
    assert told["retain_available"] == 0
    assert told["wildcard_subscription_available"] == 0
    assert told["shared_subscription_available"] == 0


@pytest.mark.parametrize("version", [MQTT_3_1_1, MQTT_5])
def test_a_client_without_an_id_is_given_one(version: int) -> None:
    """[MQTT-3.1.3-6]"""
    playbook = Playbook()
    client = playbook.client(version)
    client.sends(connect_packet("", version))
    connack = only(client.receives())
    assert connack.reason_code == 0
    assert client.channel.client.clientid in playbook.core.cm.channels
    if version == MQTT_5:  # [MQTT-3.2.2-16]
        assert connack.properties["assigned_client_identifier"] == client.channel.client.clientid


@pytest.mark.parametrize(("version", "clean"), [(MQTT_3_1, True), (MQTT_3_1_1, False)])
def test_a_client_without_an_id_whose_session_is_to_be_kept_is_refused(
    version: int, clean: bool
) -> None:
    """[MQTT-3.1.3-8]"""
    client = Playbook().client(version)
    client.sends(connect_packet("", version, clean))
    assert refusal(client) == (Connack, ReasonCode.CLIENT_IDENTIFIER_NOT_VALID)


def test_a_client_id_longer_than_allowed_is_refused() -> None:
    client = Playbook(mqtt={"max_clientid_len": 23}).client()
    client.sends(connect_packet("é" * 12))
    assert refusal(client) == (Connack, ReasonCode.CLIENT_IDENTIFIER_NOT_VALID)


def test_the_user_name_replaces_the_client_id_where_the_zone_says_so() -> None:
    playbook = Playbook(zone={"use_username_as_clientid": True})
    playbook.connect("c", username="alice")
    assert list(playbook.core.cm.channels) == ["alice"]


def test_a_client_is_told_how_often_to_show_life_where_the_zone_says_so() -> None:
    """[MQTT-3.1.2-21] [MQTT-3.2.2-21]"""
    playbook = Playbook(zone={"server_keepalive_s": 10})
    client = playbook.client()
    client.sends(connect_packet("c", keepalive=600))
    assert only(client.receives()).properties["server_keep_alive"] == 10
    playbook.advance(16)
    assert refusal(client) == (Disconnect, ReasonCode.KEEP_ALIVE_TIMEOUT)


def test_an_mqtt_3_client_cannot_be_told_and_keeps_its_own_keepalive() -> None:
    playbook = Playbook(zone={"server_keepalive_s": 10})
    client = playbook.connect(version=MQTT_3_1_1, keepalive=600)
    playbook.advance(60)
    assert not client.is_closed


@pytest.mark.parametrize(
    ("setting", "asks", "told"), [("here/", 1, "here/"), ("here/", 0, None), ("", 1, None)]
)
def test_response_information_is_for_those_who_ask_where_there_is_any(
    setting: str, asks: int, told: str | None
) -> None:
    """[MQTT-3.1.2-28]"""
    client = Playbook(mqtt={"response_information": setting}).client()
    client.sends(connect_packet("c", properties={"request_response_information": asks}))
    assert only(client.receives()).properties.get("response_information") == told


@pytest.mark.parametrize(("checks", "reason"), [(True, 0x99), (False, 0)])
def test_a_will_that_is_not_the_text_it_promises_is_refused_where_that_is_checked(
    checks: bool, reason: int
) -> None:
    client = Playbook(mqtt={"check_payload_format": checks}).client()
    will = Will("t", b"\xff", properties={"payload_format_indicator": 1})
    client.sends(connect_packet("c", will=will))
    assert only(client.receives()).reason_code == reason


def test_an_authentication_method_is_refused() -> None:
    """[MQTT-4.12.0-1]"""
    client = Playbook().client()
    client.sends(connect_packet("c", properties={"authentication_method": "SCRAM"}))
    assert refusal(client) == (Connack, ReasonCode.BAD_AUTHENTICATION_METHOD)


@pytest.mark.parametrize(
    ("mqtt", "will", "reason"),
    [
        ({"max_qos_allowed": 1}, Will("t", b"", 2), ReasonCode.QOS_NOT_SUPPORTED),
        ({"max_topic_levels": 2}, Will("a/b/c", b""), ReasonCode.TOPIC_NAME_INVALID),
        (
            {"retain_available": False},
            Will("t", b"", 0, retain=True),
            ReasonCode.RETAIN_NOT_SUPPORTED,
        ),
    ],
)
def test_a_will_that_cannot_be_published_is_refused(
    mqtt: dict[str, object], will: Will, reason: ReasonCode
) -> None:
    """[MQTT-3.2.2-12] [MQTT-3.2.2-13]"""
    client = Playbook(mqtt=mqtt).client()
    client.sends(connect_packet("c", will=will))
    assert refusal(client) == (Connack, reason)


# -- order of packets --------------------------------------------------------------------------


def test_a_second_connect_ends_the_connection() -> None:
    """[MQTT-3.1.0-2]"""
    client = Playbook().connect("c")
    client.sends(connect_packet("c"))
    assert refusal(client) == (Disconnect, ReasonCode.PROTOCOL_ERROR)


@pytest.mark.parametrize(
    "packet", [Pingreq(), Publish("t", b""), Subscribe(1, (SubscribeFilter("t", 0),))]
)
def test_a_packet_before_connect_ends_the_connection_without_an_answer(packet: object) -> None:
    """[MQTT-3.1.0-1]"""
    client = Playbook().client()
    client.sends(packet)  # type: ignore[arg-type]
    assert client.receives() == []
    assert client.is_closed


def test_nothing_is_obeyed_after_the_end() -> None:
    playbook = Playbook()
    client = playbook.connect("c")
    client.leaves()
    playbook.counted()
    handle_in(client.channel, Pingreq())
    assert playbook.counted() == {}


# -- verdicts ----------------------------------------------------------------------------------


def test_authentication_that_takes_time_lets_the_client_in_when_it_is_done() -> None:
    playbook, verdict = Playbook(), Later()
    playbook.always("client.authenticate", verdict)
    client = playbook.client()
    client.sends(connect_packet("c", username="alice", password=b"secret"))
    assert (client.receives(), client.is_waiting) == ([], True)
    verdict.answers(Stop(Verdict(ReasonCode.SUCCESS, is_superuser=True)))
    client.goes_on()
    assert only(client.receives()).reason_code == 0
    assert client.channel.client.is_superuser
    assert not client.channel.client.anonymous


@pytest.mark.parametrize("version", [MQTT_3_1_1, MQTT_5])
def test_authentication_may_refuse(version: int) -> None:
    """[MQTT-3.1.4-2]"""
    playbook = Playbook()
    refused = Stop(Verdict(ReasonCode.BAD_USER_NAME_OR_PASSWORD))
    playbook.always("client.authenticate", refused)
    client = playbook.client(version)
    client.sends(connect_packet("c", version, username="alice"))
    assert refusal(client) == (Connack, ReasonCode.BAD_USER_NAME_OR_PASSWORD)
    assert playbook.core.cm.channels == {}


def test_authentication_that_fails_refuses() -> None:
    playbook, verdict = Playbook(), Later()
    playbook.always("client.authenticate", verdict)
    client = playbook.client()
    client.sends(connect_packet("c", username="alice"))
    verdict.fails(ConnectionError("the database is away"))
    client.goes_on()
    assert refusal(client) == (Connack, ReasonCode.SERVER_UNAVAILABLE)


def test_a_client_that_leaves_while_its_authentication_runs_is_never_let_in() -> None:
    playbook, verdict = Playbook(), Later()
    playbook.always("client.authenticate", verdict)
    client = playbook.client()
    client.sends(connect_packet("c", will=Will("will", b"")))
    client.channel.handle_closed("tcp_closed")
    verdict.answers(Ok(Verdict(ReasonCode.SUCCESS)))
    client.goes_on()
    assert client.receives() == []
    assert (playbook.core.cm.channels, playbook.core.cm.live) == ({}, 0)
    assert "client.connected" not in playbook.counted()


def test_an_authentication_that_takes_longer_than_the_idle_timeout_is_given_up() -> None:
    playbook, verdict = Playbook(), Later()
    playbook.always("client.authenticate", verdict)
    client = playbook.client()
    client.sends(connect_packet("c"))
    playbook.advance(15)
    assert client.is_closed
    client.crashes()


def test_why_an_anonymous_client_is_refused_is_told_if_it_wants_to_know() -> None:
    playbook = Playbook(allow_anonymous=AllowAnonymous.LOOPBACK)
    for wanted in (1, 0):
        client = playbook.client(peerhost="10.0.0.1")
        client.sends(connect_packet("c", properties={"request_problem_information": wanted}))
        connack = only(client.receives())
        assert connack.reason_code == ReasonCode.NOT_AUTHORIZED
        assert ("reason_string" in connack.properties) is bool(wanted)


@pytest.mark.parametrize(
    ("size", "reason", "told"),
    [(24, 0, True), (23, 0, False), (16, 0, False), (15, 0x95, False), (5, 0x95, False)],
)
def test_connack_is_no_larger_than_the_client_takes(size: int, reason: int, told: bool) -> None:
    """[MQTT-3.1.2-24]"""
    client = Playbook().client()
    client.sends(connect_packet("c", properties={"maximum_packet_size": size}))
    (frame,) = client.receives_frames()
    assert len(frame) <= size
    client.wire.frames = [frame]
    connack = only(client.receives())
    assert connack.reason_code == reason
    assert ("retain_available" in connack.properties) is told


@pytest.mark.parametrize(("size", "told"), [(20, False), (511, False), (512, True)])
def test_a_client_that_takes_small_packets_only_is_refused_without_a_sentence(
    size: int, told: bool
) -> None:
    """[MQTT-3.2.2-19]"""
    client = Playbook(allow_anonymous=AllowAnonymous.LOOPBACK).client(peerhost="10.0.0.1")
    client.sends(connect_packet("c", properties={"maximum_packet_size": size}))
    (frame,) = client.receives_frames()
    assert len(frame) <= size
    assert (b"anonymous" in frame) is told


# -- bans --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "who"), [("clientid", "c"), ("username", "u"), ("peerhost", "::1")]
)
def test_who_is_banned_is_refused_before_authentication(kind: str, who: str) -> None:
    playbook = Playbook()
    playbook.broker.ban(BanRecord(kind, who, "admin", "", 0, None))
    client = playbook.client(peerhost="::1")
    client.sends(connect_packet("c", username="u"))
    assert refusal(client) == (Connack, ReasonCode.BANNED)
    counted = playbook.counted()
    assert "client.authenticate" not in counted
    assert counted["packets.connack.auth_error"] == 1


def test_an_mqtt_3_client_reads_a_ban_as_not_authorized() -> None:
    playbook = Playbook()
    playbook.broker.ban(BanRecord("clientid", "c", "admin", "", 0, None))
    client = playbook.client(MQTT_3_1_1)
    client.sends(connect_packet("c", MQTT_3_1_1))
    assert client.receives_frames() == [b"\x20\x02\x00\x05"]


def test_a_ban_that_comes_while_the_authentication_runs_holds() -> None:
    playbook, verdict = Playbook(), Later()
    playbook.always("client.authenticate", verdict)
    client = playbook.client()
    client.sends(connect_packet("c"))
    playbook.broker.ban(BanRecord("clientid", "c", "admin", "", 0, None))
    verdict.answers(None)
    client.goes_on()
    assert refusal(client) == (Connack, ReasonCode.BANNED)


def test_a_zone_may_ignore_bans() -> None:
    playbook = Playbook(zone={"enable_ban": False})
    playbook.broker.ban(BanRecord("clientid", "c", "admin", "", 0, None))
    playbook.connect("c")


# -- mountpoint --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clientid", "username", "expected"),
    [
        ("c", "u", "dev/c/u/"),
        ("c", None, "dev/c//"),
        ("%u", "u", "dev/%u/u/"),  # what is filled in is not filled in again
        ("c", "%c", "dev/c/%c/"),
    ],
)
def test_a_mountpoint_is_filled_in_once(clientid: str, username: str, expected: str) -> None:
    client = Playbook(zone={"mountpoint": "dev/%c/%u/"}).connect(clientid, username=username)
    assert client.channel.client.mountpoint == expected


@pytest.mark.parametrize("clientid", ["+", "#", "a/+/b"])
def test_a_client_id_must_not_turn_the_mountpoint_into_a_wildcard(clientid: str) -> None:
    client = Playbook(zone={"mountpoint": "dev/%c/"}).client()
    client.sends(connect_packet(clientid))
    assert refusal(client) == (Connack, ReasonCode.CLIENT_IDENTIFIER_NOT_VALID)


def test_such_a_client_id_is_fine_where_there_is_no_mountpoint() -> None:
    Playbook().connect("#")


# -- leaving -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_disconnect_closes_the_connection_without_an_answer(version: int) -> None:
    playbook = Playbook()
    playbook.watch("client.disconnected")
    client = playbook.connect("c", version=version)
    client.leaves()
    assert (client.receives(), client.is_closed) == ([], True)
    assert playbook.told == [("client.disconnected", "normal")]


def test_disconnect_may_change_the_session_expiry() -> None:
    playbook = Playbook()
    client = playbook.connect("c", properties={"session_expiry_interval": 10})
    client.sends(Disconnect(0, {"session_expiry_interval": 100}))
    playbook.advance(99)
    assert "c" in playbook.core.cm.channels
    playbook.advance(1)
    assert "c" not in playbook.core.cm.channels


def test_disconnect_must_not_keep_a_session_that_was_to_end() -> None:
    client = Playbook().connect("c")
    client.sends(Disconnect(0, {"session_expiry_interval": 100}))
    assert refusal(client) == (Disconnect, ReasonCode.PROTOCOL_ERROR)


def test_disconnect_may_end_a_session_that_was_to_be_kept() -> None:
    playbook = Playbook()
    client = playbook.connect("c", properties={"session_expiry_interval": 10})
    client.sends(Disconnect(0, {"session_expiry_interval": 0}))
    assert playbook.core.cm.channels == {}


# -- wills -------------------------------------------------------------------------------------

WILL = Will("will", b"gone", 1)
DELAYED = Will("will", b"gone", 0, properties={"will_delay_interval": 10})
KEPT = {"session_expiry_interval": 100}


def heard(playbook: Playbook) -> list[bytes]:
    """Return what a witness received since the last look."""
    witness = playbook.witness  # type: ignore[attr-defined]
    return [packet.payload for packet in witness.receives()]


@pytest.fixture
def playbook() -> Playbook:
    """Return a broker with a witness of wills."""
    book = Playbook()
    witness = book.connect("witness")
    witness.subscribes("will")
    book.witness = witness  # type: ignore[attr-defined]
    return book


def test_a_client_that_vanishes_leaves_its_will(playbook: Playbook) -> None:
    """[MQTT-3.1.2-8]"""
    playbook.connect("c", will=WILL).crashes()
    assert heard(playbook) == [b"gone"]


def test_a_will_is_published_once(playbook: Playbook) -> None:
    client = playbook.connect("c", will=WILL)
    client.crashes()
    client.crashes()
    assert heard(playbook) == [b"gone"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_says_goodbye_leaves_no_will(playbook: Playbook, version: int) -> None:
    """[MQTT-3.14.4-3]"""
    playbook.connect("c", version=version, will=WILL).leaves()
    assert heard(playbook) == []


@pytest.mark.parametrize("reason", [0x04, 0x80, 0x82, 0x99])
def test_any_other_goodbye_leaves_the_will_standing(playbook: Playbook, reason: int) -> None:
    """[MQTT-3.1.2-8] only reason code 0x00 deletes it"""
    playbook.connect("c", will=WILL).sends(Disconnect(reason))
    assert heard(playbook) == [b"gone"]


def test_a_protocol_error_publishes_the_will(playbook: Playbook) -> None:
    client = playbook.connect("c", will=WILL)
    client.sends(connect_packet("c"))
    assert heard(playbook) == [b"gone"]


def test_a_delayed_will_waits(playbook: Playbook) -> None:
    playbook.connect("c", will=DELAYED, properties=KEPT).crashes()
    playbook.advance(9.75)
    assert heard(playbook) == []
    playbook.advance(0.25)
    assert heard(playbook) == [b"gone"]


def test_a_delayed_will_is_forgotten_when_the_client_comes_back(playbook: Playbook) -> None:
    """[MQTT-3.1.3-9]"""
    playbook.connect("c", will=DELAYED, properties=KEPT).crashes()
    playbook.advance(5)
    playbook.connect("c", clean_start=False, properties=KEPT)
    playbook.advance(100)
    assert heard(playbook) == []


def test_a_delayed_will_goes_out_when_the_session_is_discarded(playbook: Playbook) -> None:
    playbook.connect("c", will=DELAYED, properties=KEPT).crashes()
    playbook.connect("c", clean_start=True)
    assert heard(playbook) == [b"gone"]


def test_a_delayed_will_does_not_wait_longer_than_the_session(playbook: Playbook) -> None:
    properties = {"session_expiry_interval": 3}
    playbook.connect("c", will=DELAYED, properties=properties).crashes()
    playbook.advance(2.75)
    assert heard(playbook) == []
    playbook.advance(0.25)
    assert heard(playbook) == [b"gone"]
    playbook.advance(100)
    assert heard(playbook) == []


def test_a_delayed_will_of_a_session_that_ends_with_its_connection_goes_out_at_once(
    playbook: Playbook,
) -> None:
    playbook.connect("c", will=DELAYED).crashes()
    assert heard(playbook) == [b"gone"]


def test_a_client_that_listens_to_its_own_will_finds_it_when_it_comes_back() -> None:
    playbook = Playbook()
    client = playbook.connect("c", will=Will("will", b"gone"), properties=KEPT)
    client.subscribes("will")
    playbook.counted()
    client.crashes()
    assert "messages.sent" not in playbook.counted()
    client = playbook.connect("c", clean_start=False, properties=KEPT)
    assert client.receives() == [Publish("will", b"gone")]


def test_nothing_is_sent_to_a_client_that_has_said_goodbye() -> None:
    client = Playbook().connect("c", will=Will("will", b"gone"))
    client.subscribes("will")
    client.sends(Disconnect(ReasonCode.DISCONNECT_WITH_WILL_MESSAGE))
    assert client.receives() == []


def test_a_will_carries_what_receivers_may_know_and_no_delay(playbook: Playbook) -> None:
    will = Will("will", b"gone", 0, properties={"will_delay_interval": 1, "content_type": "x"})
    playbook.connect("c", will=will).crashes()
    (packet,) = playbook.witness.receives()  # type: ignore[attr-defined]
    assert packet.properties == {"content_type": "x"}


def test_a_retained_will_is_retained(playbook: Playbook) -> None:
    playbook.connect("c", will=Will("other", b"gone", 0, retain=True)).crashes()
    assert [message.payload for message in playbook.core.retained.match("other")] == [b"gone"]


def test_a_will_goes_below_the_mountpoint_of_its_client() -> None:
    playbook = Playbook(zone={"mountpoint": "dev/%c/"})
    playbook.connect("c", will=Will("t", b"gone", 0, retain=True)).crashes()
    assert [message.topic for message in playbook.core.retained.match("#")] == ["dev/c/t"]


def test_a_will_that_the_acl_refuses_is_not_published(playbook: Playbook) -> None:
    playbook.connect("c", will=WILL)
    answer = Later()
    playbook.always("client.check_acl", answer)
    playbook.core.cm.channels["c"].handle_closed("tcp_closed")
    answer.answers(Stop(value=False))
    playbook.settle()
    assert heard(playbook) == []
    assert playbook.counted()["packets.publish.auth_error"] == 1


def test_a_will_goes_out_when_a_slow_acl_allows_it(playbook: Playbook) -> None:
    client = playbook.connect("c", will=WILL)
    answer = Later()
    playbook.always("client.check_acl", answer)
    client.crashes()
    assert heard(playbook) == []
    answer.answers(Stop(value=True))
    playbook.settle()
    assert heard(playbook) == [b"gone"]


def test_a_refused_client_leaves_no_will(playbook: Playbook) -> None:
    playbook.broker.ban(BanRecord("clientid", "c", "admin", "", 0, None))
    client = playbook.client()
    client.sends(connect_packet("c", will=WILL))
    client.crashes()
    assert heard(playbook) == []


def test_a_kicked_client_leaves_its_will_even_a_delayed_one(playbook: Playbook) -> None:
    playbook.connect("c", will=DELAYED, properties=KEPT)
    playbook.broker.kick("c")
    assert heard(playbook) == [b"gone"]


def test_a_client_that_is_taken_over_leaves_its_will(playbook: Playbook) -> None:
    playbook.connect("c", will=WILL, properties=KEPT)
    playbook.connect("c", clean_start=False, properties=KEPT)
    assert heard(playbook) == [b"gone"]


def test_a_client_that_is_taken_over_leaves_no_delayed_will(playbook: Playbook) -> None:
    playbook.connect("c", will=DELAYED, properties=KEPT)
    playbook.connect("c", clean_start=False, properties=KEPT)
    playbook.advance(100)
    assert heard(playbook) == []


def test_pings_are_answered() -> None:
    """[MQTT-3.12.4-1]"""
    client = Playbook().connect("c")
    client.sends(Pingreq())
    assert client.receives() == [Pingresp()]
