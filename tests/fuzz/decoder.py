"""The decoder alone: any bytes in, packets or one documented fault out, however the bytes are cut."""

from __future__ import annotations

import random
from typing import Final

from app.mqtt.errors import MQTTError
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import Packet
from app.mqtt.reason_codes import ReasonCode
from tests.fuzz import material
from tests.fuzz.case import Case, Step

TARGET: Final = "decoder"
LARGEST: Final = 100_000
_HEADER: Final = 5
FAULTS: Final = {
    ReasonCode.MALFORMED_PACKET,
    ReasonCode.PROTOCOL_ERROR,
    ReasonCode.PACKET_TOO_LARGE,
    ReasonCode.TOPIC_NAME_INVALID,
    ReasonCode.TOPIC_ALIAS_INVALID,
    ReasonCode.UNSUPPORTED_PROTOCOL_VERSION,
    ReasonCode.CLIENT_IDENTIFIER_NOT_VALID,
}
"""What bytes alone can be refused for."""


def case(seed: int) -> Case:
    """Return the stream of one connection; steps are pieces as they arrive."""
    chance = random.Random(seed)
    version = chance.choice(material.VERSIONS)
    stream = [material.connect(chance, version).encode(version)]
    stream.extend(material.frame(chance, version) for _ in range(chance.randrange(6)))
    at = chance.randrange(len(stream))
    stream[at] = material.damaged(chance, version, stream[at])
    if chance.random() < 0.2:
        chance.shuffle(stream)
    steps = (Step(0, "sends", piece) for piece in material.pieces(chance, b"".join(stream)))
    return Case(TARGET, seed, tuple(steps))


def play(case: Case) -> None:
    """Read the stream in its pieces and in one, and write every packet again."""
    decoder = FrameDecoder(LARGEST)
    packets: list[Packet] = []
    for step in case.steps:
        packets.extend(decoder.feed(step.data))
        assert decoder.pending_bytes <= LARGEST + _HEADER
    whole = FrameDecoder(LARGEST)
    assert whole.feed(b"".join(step.data for step in case.steps)) == packets
    assert str(whole.error) == str(decoder.error)
    error = decoder.error
    if error is not None:
        assert isinstance(error, MQTTError)
        assert error.reason in FAULTS, error
        assert decoder.pending_bytes == 0
    if packets:
        assert decoder.version is not None
        again = FrameDecoder(LARGEST, decoder.version, server=True)
        assert again.feed(b"".join(each.encode(decoder.version) for each in packets)) == packets
