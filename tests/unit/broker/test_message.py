"""A message and its shared encodings."""

from __future__ import annotations

import pytest

from app.broker.message import Message
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import Publish
from app.mqtt.properties import NO_PROPERTIES, Properties

EXPIRING: Properties = {"message_expiry_interval": 60, "content_type": "x"}


def message(qos: int = 1, properties: Properties = NO_PROPERTIES) -> Message:
    return Message("a/b", b"payload", qos, False, 1_000_000, "c", properties=properties)


def decoded(form: tuple[bytes, bytes], version: int, packet_id: int = 0) -> Publish:
    head, tail = form
    frame = head + (packet_id.to_bytes(2, "big") if packet_id else b"") + tail
    (packet,) = FrameDecoder(10_000, version, server=False).feed(frame)
    assert isinstance(packet, Publish)
    return packet


@pytest.mark.parametrize("version", [3, 4, 5])
@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("retain", [False, True])
def test_every_form_says_what_it_should(version: int, qos: int, retain: bool) -> None:
    form = message(2, {"content_type": "x"}).form(version, qos, retain, 1_000_000)
    packet = decoded(form, version, packet_id=9 if qos else 0)
    assert (packet.topic, packet.payload) == ("a/b", b"payload")
    assert (packet.qos, packet.retain, packet.dup) == (qos, retain, False)
    assert packet.properties == ({"content_type": "x"} if version == 5 else {})


def test_all_receivers_of_a_form_share_its_bytes() -> None:
    shared = message()
    head, tail = shared.form(5, 1, False, 0)
    again = shared.form(5, 1, False, 0)
    assert head is again[0]
    assert tail is again[1]
    assert tail is not shared.form(4, 1, False, 0)[1]


def test_the_expiry_interval_counts_down_by_whole_seconds() -> None:
    """[MQTT-3.3.2-6]"""
    waiting = message(0, EXPIRING)
    for waited_ms, left_s in ((0, 60), (999, 60), (1_000, 59), (59_000, 1), (90_000, 0)):
        packet = decoded(waiting.form(5, 0, False, 1_000_000 + waited_ms), 5)
        assert packet.properties == {"message_expiry_interval": left_s, "content_type": "x"}
    assert waiting.properties == {"message_expiry_interval": 60, "content_type": "x"}


def test_a_clock_that_was_set_back_does_not_lengthen_a_life() -> None:
    packet = decoded(message(0, EXPIRING).form(5, 0, False, 0), 5)
    assert packet.properties["message_expiry_interval"] == 60


def test_older_versions_need_no_form_for_each_second() -> None:
    waiting = message(0, EXPIRING)
    early, late = (waiting.form(4, 0, False, now_ms) for now_ms in (1_000_000, 1_030_000))
    assert early[0] is late[0]


@pytest.mark.parametrize(("waited_ms", "expired"), [(0, False), (59_999, False), (60_000, True)])
def test_a_message_expires_when_its_interval_has_passed(waited_ms: int, expired: bool) -> None:
    assert message(0, EXPIRING).is_expired(1_000_000 + waited_ms) is expired
    assert not message().is_expired(1_000_000 + waited_ms)


def test_an_id_is_made_once() -> None:
    one = message()
    assert one.id == one.id
    assert len(one.id) == 32
    assert one.id != message().id


def test_unmounting_takes_the_prefix_off_a_copy() -> None:
    mounted = message(0, EXPIRING)
    mounted.form(5, 0, False, 1_000_000)
    unmounted = mounted.unmounted("a/")
    assert (mounted.topic, unmounted.topic) == ("a/b", "b")
    assert decoded(unmounted.form(5, 0, False, 1_000_000), 5).topic == "b"
    assert (unmounted.id, unmounted.clientid) == (mounted.id, "c")


def test_a_message_from_elsewhere_is_left_as_it_is() -> None:
    mounted = message()
    assert mounted.unmounted("x/") is mounted
