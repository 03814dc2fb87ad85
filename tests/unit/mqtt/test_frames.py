"""FrameDecoder: chunks in, packets out, never more than one frame kept. Faults of bytes are in the corpus."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mqtt.errors import MalformedPacket, PacketTooLarge, ProtocolViolation
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import (
    MQTT_3_1,
    MQTT_3_1_1,
    MQTT_5,
    Connack,
    Connect,
    Packet,
    Pingreq,
    Puback,
    Publish,
)
from app.mqtt.packets.publish import MAX_KNOWN_NAMES, _known_names
from app.mqtt.reason_codes import ReasonCode
from tests.unit.mqtt.strategies import connects, from_client, from_server, patient

CONNECT_V4 = Connect("MQTT", 4, True, 60, "c").encode()
PING = b"\xc0\x00"


def _outcome(decoder: FrameDecoder, chunks: list[bytes]) -> tuple[list[Packet], object, int]:
    """Feed all chunks; return the packets, the fault and what is left over."""
    packets: list[Packet] = []
    for chunk in chunks:
        packets.extend(decoder.feed(chunk))
        assert decoder.pending_bytes <= decoder.max_packet_size + 5
    error = decoder.error
    return packets, error and (type(error), error.reason), decoder.pending_bytes


def _cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


class TestConversation:
    def test_version_comes_from_connect(self) -> None:
        decoder = FrameDecoder(100)
        assert decoder.version is None
        assert decoder.feed(CONNECT_V4 + PING) == [Connect("MQTT", 4, True, 60, "c"), Pingreq()]
        assert decoder.version == 4

    def test_first_packet_must_be_connect(self) -> None:  # [MQTT-3.1.0-1]
        decoder = FrameDecoder(100)
        assert decoder.feed(PING) == []
        assert type(decoder.error) is ProtocolViolation

    def test_stranger_is_refused_at_its_first_byte(self) -> None:
        decoder = FrameDecoder(100)
        decoder.feed(b"G")
        assert type(decoder.error) is ProtocolViolation

    def test_second_connect_is_left_to_the_channel_and_changes_no_version(self) -> None:
        decoder = FrameDecoder(100)
        second = Connect("MQTT", 5, True, 60, "c")
        assert decoder.feed(CONNECT_V4 + second.encode())[1] == second
        assert decoder.version == 4

    def test_unsupported_version_leaves_the_version_open(self) -> None:
        decoder = FrameDecoder(100)
        decoder.feed(CONNECT_V4.replace(b"MQTT\x04", b"MQTT\x07"))
        assert decoder.error is not None
        assert decoder.error.reason is ReasonCode.UNSUPPORTED_PROTOCOL_VERSION
        assert decoder.version is None

    def test_client_side_reads_what_servers_send(self) -> None:
        decoder = FrameDecoder(100, version=5)
        assert decoder.feed(Connack(True, 0).encode(5)) == [Connack(True, 0)]
        assert decoder.feed(CONNECT_V4) == []
        assert type(decoder.error) is ProtocolViolation

    def test_client_without_version_is_our_mistake(self) -> None:
        with pytest.raises(ValueError, match="version"):
            FrameDecoder(100, server=False)

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_any_bytes_like_chunk_will_do(self, kind: type) -> None:
        decoder = FrameDecoder(100, 4, server=True)
        publish = Publish("a", b"p")
        frame = publish.encode(4)
        assert decoder.feed(kind(frame[:3])) == []
        assert decoder.feed(kind(frame[3:])) == [publish]


class TestLimits:
    def test_packet_of_the_greatest_size_is_read(self) -> None:
        decoder = FrameDecoder(50, 4, server=True)
        publish = Publish("a", bytes(47))
        assert decoder.feed(publish.encode(4)) == [publish]

    @pytest.mark.parametrize("size", [48, 200, 200_000])
    def test_greater_packet_is_refused_from_its_header_alone(self, size: int) -> None:
        decoder = FrameDecoder(50, 4, server=True)
        header = Publish("a", bytes(size)).encode(4)[:5]
        assert decoder.feed(PING + header) == [Pingreq()]
        assert type(decoder.error) is PacketTooLarge
        assert decoder.error.reason is ReasonCode.PACKET_TOO_LARGE
        assert decoder.pending_bytes == 0

    def test_connect_is_limited_too(self) -> None:
        decoder = FrameDecoder(10)
        decoder.feed(CONNECT_V4[:2])
        assert type(decoder.error) is PacketTooLarge

    def test_limit_may_change_between_packets(self) -> None:
        decoder = FrameDecoder(1_000, 4, server=True)
        frame = Publish("a", bytes(100)).encode(4)
        assert len(decoder.feed(frame)) == 1
        decoder.max_packet_size = 50
        assert decoder.feed(frame) == []
        assert type(decoder.error) is PacketTooLarge

    def test_fifth_length_byte_is_malformed_before_it_comes(self) -> None:
        decoder = FrameDecoder(1_000, 4, server=True)
        decoder.feed(b"\x30\xff\xff\xff\xff")
        assert type(decoder.error) is MalformedPacket

    def test_one_frame_at_most_is_kept(self) -> None:
        decoder = FrameDecoder(1_000, 4, server=True)
        frame = Publish("a", bytes(900)).encode(4)
        for _ in range(3):
            assert decoder.feed(frame[:500]) == []
            assert decoder.pending_bytes == 500
            assert len(decoder.feed(frame[500:] + frame)) == 2
            assert decoder.pending_bytes == 0

    def test_names_remembered_are_bounded(self) -> None:
        decoder = FrameDecoder(1_000, 4, server=True)
        _known_names.update((str(number).encode(), "") for number in range(MAX_KNOWN_NAMES))
        decoder.feed(Publish("new", b"").encode(4))
        assert _known_names == {b"new": "new"}
        decoder.feed(Publish("n" * 257, b"").encode(4))
        assert _known_names == {b"new": "new"}
        assert decoder.feed(Publish("new", b"2").encode(4)) == [Publish("new", b"2")]


class TestFaults:
    def test_packets_before_a_fault_are_kept_and_later_bytes_ignored(self) -> None:
        decoder = FrameDecoder(100, 4, server=True)
        assert decoder.feed(Puback(1).encode(4) + b"\x00\x00" + PING) == [Puback(1)]
        first = decoder.error
        assert first is not None
        assert decoder.feed(PING) == []
        assert decoder.error is first


@pytest.mark.parametrize("version", [3, 4, 5])
class TestAnyStream:
    @patient
    @given(data=st.data(), cuts=st.lists(st.integers(0, 2_000), max_size=8))
    def test_client_packets_come_back_however_they_are_cut(
        self, version: int, data: st.DataObject, cuts: list[int]
    ) -> None:
        connect = data.draw(connects(version))
        packets = [connect, *data.draw(st.lists(from_client(version), max_size=6))]
        stream = b"".join(packet.encode(version) for packet in packets)
        assert _outcome(FrameDecoder(5_000), _cut(stream, cuts)) == (packets, None, 0)
        assert _outcome(FrameDecoder(5_000), [stream]) == (packets, None, 0)

    @patient
    @given(data=st.data(), cuts=st.lists(st.integers(0, 2_000), max_size=8))
    def test_server_packets_come_back_however_they_are_cut(
        self, version: int, data: st.DataObject, cuts: list[int]
    ) -> None:
        packets = data.draw(st.lists(from_server(version), max_size=6))
        stream = b"".join(packet.encode(version) for packet in packets)
        assert _outcome(FrameDecoder(5_000, version), _cut(stream, cuts)) == (packets, None, 0)

    @patient
    @given(
        stream=st.binary(max_size=200),
        cuts=st.lists(st.integers(0, 200), max_size=8),
        server=st.booleans(),
    )
    def test_arbitrary_bytes_never_raise_and_cutting_changes_nothing(
        self, version: int, stream: bytes, cuts: list[int], server: bool
    ) -> None:
        whole = _outcome(FrameDecoder(100, version, server=server), [stream])
        cut = _outcome(FrameDecoder(100, version, server=server), _cut(stream, cuts))
        assert whole == cut

    @patient
    @given(data=st.data(), cuts=st.lists(st.integers(0, 2_000), max_size=8))
    def test_damaged_packets_never_raise_and_cutting_changes_nothing(
        self, version: int, data: st.DataObject, cuts: list[int]
    ) -> None:
        packets = data.draw(st.lists(from_client(version), min_size=1, max_size=3))
        stream = bytearray(b"".join(packet.encode(version) for packet in packets))
        for _ in range(data.draw(st.integers(1, 3))):
            stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
        damaged = bytes(stream)
        whole = _outcome(FrameDecoder(500, version, server=True), [damaged])
        cut = _outcome(FrameDecoder(500, version, server=True), _cut(damaged, cuts))
        assert whole == cut


@patient
@given(body=st.binary(max_size=60), cuts=st.lists(st.integers(0, 80), max_size=5))
def test_damaged_connect_never_raises(body: bytes, cuts: list[int]) -> None:
    for opening in (b"\0\4MQTT\4", b"\0\4MQTT\5", b"\0\6MQIsdp\3", b""):
        stream = bytes((0x10, len(opening + body))) + opening + body
        assert _outcome(FrameDecoder(200), [stream]) == _outcome(
            FrameDecoder(200), _cut(stream, cuts)
        )


@pytest.mark.parametrize("version", [MQTT_3_1, MQTT_3_1_1, MQTT_5])
@pytest.mark.parametrize("size", [0, 10, 300])
def test_a_plain_publish_keeps_the_frame_that_it_came_in(version: int, size: int) -> None:
    frame = Publish("a/b", b"x" * size).encode(version)
    decoder = FrameDecoder(1_000, version, server=True)
    (packet,) = decoder.feed(frame)
    assert isinstance(packet, Publish)
    assert packet.frame == frame


@pytest.mark.parametrize(
    "packet",
    [
        Publish("a", b"x", qos=1, packet_id=7),
        Publish("a", b"x", retain=True),
        Publish("a", b"x", properties={"content_type": "t"}),
    ],
)
def test_a_publish_that_is_sent_on_otherwise_keeps_no_frame(packet: Publish) -> None:
    decoder = FrameDecoder(1_000, MQTT_5, server=True)
    (read,) = decoder.feed(packet.encode(MQTT_5))
    assert isinstance(read, Publish)
    assert read.frame is None


def test_a_frame_whose_length_takes_more_bytes_than_it_needs_is_not_sent_on() -> None:
    decoder = FrameDecoder(1_000, MQTT_3_1_1, server=True)
    (read,) = decoder.feed(b"\x30\x84\x00\x00\x01ax")
    assert isinstance(read, Publish)
    assert read.frame is None
