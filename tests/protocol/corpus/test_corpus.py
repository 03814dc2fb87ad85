"""Every row of the corpus is read whole, byte by byte and with a tail; canonical rows are written."""

from __future__ import annotations

import pytest

from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import Connect, Packet, PacketType, Pingreq, Pingresp
from tests.protocol.corpus import connecting, properties, publishing, subscribing
from tests.protocol.corpus.row import CLIENT, Row

ROWS = connecting.ROWS + publishing.ROWS + subscribing.ROWS + properties.ROWS
GOOD = [row for row in ROWS if row.packet is not None]
BAD = [row for row in ROWS if row.error is not None]

_MAX_PACKET_SIZE_BYTES = 20_000


def _decoder(row: Row) -> FrameDecoder:
    if row.frame[0] >> 4 == PacketType.CONNECT:
        return FrameDecoder(_MAX_PACKET_SIZE_BYTES)
    return FrameDecoder(_MAX_PACKET_SIZE_BYTES, row.version, server=row.sender == CLIENT)


def _tail(row: Row) -> Packet:
    return Pingreq() if row.sender == CLIENT else Pingresp()


def _feed_bytewise(decoder: FrameDecoder, data: bytes) -> list[Packet]:
    packets: list[Packet] = []
    for byte in data:
        packets.extend(decoder.feed(bytes((byte,))))
    return packets


@pytest.mark.parametrize("row", GOOD, ids=str)
def test_frame_is_read_whole(row: Row) -> None:
    decoder = _decoder(row)
    assert decoder.feed(row.frame) == [row.packet]
    assert decoder.error is None
    assert decoder.pending_bytes == 0


@pytest.mark.parametrize("row", GOOD, ids=str)
def test_frame_is_read_byte_by_byte(row: Row) -> None:
    decoder = _decoder(row)
    assert decoder.feed(b"") == []
    assert _feed_bytewise(decoder, row.frame) == [row.packet]
    assert decoder.error is None


@pytest.mark.parametrize("row", GOOD, ids=str)
def test_frame_is_read_with_a_tail(row: Row) -> None:
    decoder = _decoder(row)
    ping = _tail(row).encode(row.version)
    assert decoder.feed(row.frame + ping + ping[:1]) == [row.packet, _tail(row)]
    assert decoder.pending_bytes == 1
    assert decoder.feed(ping[1:]) == [_tail(row)]
    assert decoder.error is None


@pytest.mark.parametrize("row", [row for row in GOOD if row.canonical], ids=str)
def test_packet_is_written_as_the_row_has_it(row: Row) -> None:
    assert row.packet is not None
    assert row.packet.encode(row.version) == row.frame


@pytest.mark.parametrize("row", [row for row in GOOD if not row.canonical], ids=str)
def test_packet_written_shorter_is_read_alike(row: Row) -> None:
    assert row.packet is not None
    frame = row.packet.encode(row.version)
    assert frame != row.frame
    assert _decoder(row).feed(frame) == [row.packet]


@pytest.mark.parametrize("row", BAD, ids=str)
def test_fault_is_named_whole(row: Row) -> None:
    decoder = _decoder(row)
    assert decoder.feed(row.frame) == []
    _assert_fault(decoder, row)


@pytest.mark.parametrize("row", BAD, ids=str)
def test_fault_is_named_byte_by_byte(row: Row) -> None:
    decoder = _decoder(row)
    assert _feed_bytewise(decoder, row.frame) == []
    _assert_fault(decoder, row)


@pytest.mark.parametrize("row", BAD, ids=str)
def test_fault_hides_what_follows_and_not_what_came_before(row: Row) -> None:
    decoder = _decoder(row)
    ping = _tail(row)
    before = [] if decoder.version is None else [ping]
    frame = b"".join(packet.encode(row.version) for packet in before)
    assert decoder.feed(frame + row.frame + ping.encode(row.version)) == before
    _assert_fault(decoder, row)
    assert decoder.feed(ping.encode(row.version)) == []


def _assert_fault(decoder: FrameDecoder, row: Row) -> None:
    assert type(decoder.error) is row.error
    assert decoder.error is not None
    assert decoder.error.reason == row.reason
    assert decoder.pending_bytes == 0


def test_names_of_rows_are_unique() -> None:
    names = [(str(row), row.sender) for row in ROWS]
    assert len(names) == len(set(names))


def test_corpus_knows_every_packet_in_every_version() -> None:
    types = {(row.packet.TYPE, row.version) for row in GOOD if row.packet is not None}
    expected = {(packet_type, version) for packet_type in PacketType for version in (3, 4, 5)}
    assert expected - types == {(PacketType.AUTH, 3), (PacketType.AUTH, 4)}


def test_version_is_known_even_of_a_connect_that_is_refused() -> None:
    row = next(row for row in BAD if "will topic" in row.name and row.version == 5)
    decoder = _decoder(row)
    decoder.feed(row.frame)
    assert decoder.version == 5
    assert not any(isinstance(packet, Connect) for packet in decoder.feed(row.frame))
