"""What strangers send: packets as the standard has them, and packets that something happened to.

Everything grows from a `random.Random` that the caller seeded, so a seed is a case.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

from app.mqtt.packets import (
    MQTT_3_1,
    MQTT_5,
    PINGREQ,
    Auth,
    Connect,
    Disconnect,
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Subscribe,
    SubscribeFilter,
    Unsubscribe,
    Will,
)
from app.mqtt.properties import Properties
from tests.protocol.corpus import connecting, properties, publishing, subscribing
from tests.protocol.corpus.row import CLIENT

VERSIONS: Final = (3, 4, 5)
TOPICS: Final = ("a", "a/b", "a/b/c", "/", "$SYS/brokers", "$delayed/1/a", "a/" + "x" * 60)
FILTERS: Final = (
    *TOPICS,
    "#",
    "+/b",
    "a/#",
    "$share/g/a",
    "$share/g/#",
    "$queue/a/b",
    "$exclusive/a",
)
IDENTIFIERS: Final = (1, 2, 3, 65_535)
CLIENTIDS: Final = ("stranger-1", "stranger-2", "stranger-3", "")
PASSWORD: Final = b"sesame"
METHOD: Final = "ask"
LENGTHS: Final = (0, 1, 127, 128, 16_383, 16_384, 2_097_151, 268_435_455)
WORDS: Final = (
    b"\x00",
    b"\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\xff\xff\xff\xff\xff",
    b"\x00\x00",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"$share/",
    b"$delayed/4294967295/",
    b"/+/#",
)

_ROWS: Final = connecting.ROWS + publishing.ROWS + subscribing.ROWS + properties.ROWS
CORPUS: Final = {
    version: [row.frame for row in _ROWS if row.version == version and row.sender == CLIENT]
    for version in VERSIONS
}
"""Frames of clients, good and bad, by version."""


def connect(chance: random.Random, version: int) -> Connect:
    """Return a CONNECT that the broker should like."""
    kept: Properties = {}
    if version == MQTT_5:
        kept = {
            "session_expiry_interval": chance.choice((0, 1, 60, 0xFFFF_FFFF)),
            "receive_maximum": chance.choice((1, 2, 65_535)),
            "topic_alias_maximum": chance.choice((0, 1, 10)),
        }
        if chance.random() < 0.2:
            kept["maximum_packet_size"] = chance.choice((64, 100, 1_000))
        if chance.random() < 0.2:
            kept["authentication_method"] = METHOD
            kept["authentication_data"] = chance.choice((PASSWORD, PASSWORD, b"?"))
    clientid = chance.choice(CLIENTIDS if version == MQTT_5 else CLIENTIDS[:-1])
    will = None
    if chance.random() < 0.4:
        delay: Properties = {"will_delay_interval": 1} if version == MQTT_5 else {}
        will = Will(chance.choice(TOPICS), b"gone", chance.randrange(3), True, delay)
    name = "MQIsdp" if version == MQTT_3_1 else "MQTT"
    clean = chance.random() < 0.5
    return Connect(
        name, version, clean, chance.choice((0, 1, 60)), clientid, will=will, properties=kept
    )


def _publish(chance: random.Random, version: int) -> Packet:
    qos = chance.randrange(3)
    said: Properties = {}
    if version == MQTT_5 and chance.random() < 0.4:
        said = chance.choice(
            (
                {"topic_alias": chance.choice((1, 2, 65_535))},
                {"message_expiry_interval": chance.choice((0, 1, 60))},
                {"user_property": [("k", "v")] * chance.randrange(1, 40)},
                {"response_topic": "answer", "correlation_data": b"\x00"},
            )
        )
    topic = "" if "topic_alias" in said and chance.random() < 0.5 else chance.choice(TOPICS)
    payload = b"x" * chance.choice((0, 1, 10, 120, 128, 5_000))
    identifier = chance.choice(IDENTIFIERS) if qos else None
    return Publish(
        topic, payload, qos, chance.random() < 0.3, packet_id=identifier, properties=said
    )


def _subscribe(chance: random.Random, version: int) -> Packet:
    filters = tuple(
        SubscribeFilter(chance.choice(FILTERS), chance.randrange(3))
        for _ in range(chance.randrange(1, 4))
    )
    named: Properties = {}
    if version == MQTT_5 and chance.random() < 0.3:
        named = {"subscription_identifier": [chance.choice((1, 268_435_455))]}
    return Subscribe(chance.choice(IDENTIFIERS), filters, named)


def _acknowledge(chance: random.Random, version: int) -> Packet:
    return chance.choice((Puback, Pubrec, Pubrel, Pubcomp))(chance.choice(IDENTIFIERS))


def _unsubscribe(chance: random.Random, version: int) -> Packet:
    return Unsubscribe(chance.choice(IDENTIFIERS), (chance.choice(FILTERS), chance.choice(FILTERS)))


def _authenticate(chance: random.Random, version: int) -> Packet:
    if version != MQTT_5:
        return PINGREQ
    data = chance.choice((PASSWORD, PASSWORD, b"?", b"no"))
    said: Properties = {"authentication_method": METHOD, "authentication_data": data}
    return Auth(chance.choice((0x18, 0x19)), said)


_KINDS: Final[tuple[tuple[int, Callable[[random.Random, int], Packet]], ...]] = (
    (8, _publish),
    (4, _subscribe),
    (6, _acknowledge),
    (2, _unsubscribe),
    (1, connect),
    (1, lambda _chance, _version: PINGREQ),
    (1, lambda _chance, _version: Disconnect()),
    (1, _authenticate),
)
_WEIGHTS: Final = [weight for weight, _ in _KINDS]
_MAKERS: Final = [maker for _, maker in _KINDS]


def frame(chance: random.Random, version: int) -> bytes:
    """Return the bytes of a packet: one of the corpus, or one that fits this connection."""
    if chance.random() < 0.25:
        return chance.choice(CORPUS[version])
    (maker,) = chance.choices(_MAKERS, _WEIGHTS)
    return maker(chance, version).encode(version)


# -- what happens to packets -------------------------------------------------------------------


def _flip(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes((data[at] ^ (1 << chance.randrange(8)),)) + data[at + 1 :]


def _overwrite(chance: random.Random, data: bytes) -> bytes:
    at, word = chance.randrange(len(data)), chance.choice(WORDS)
    return data[:at] + word + data[at + len(word) :]


def _insert(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(WORDS) + data[at:]


def _remove(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.randrange(1, 5) :]


def _truncate(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def _repeat(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at : at + chance.randrange(1, 20)] * chance.randrange(2, 6) + data[at:]


def _announce(chance: random.Random, data: bytes) -> bytes:
    """Give the frame another Remaining Length."""
    return data[:1] + _length(chance.choice(LENGTHS)) + data[2:]


_ACCIDENTS: Final = (_flip, _overwrite, _insert, _remove, _truncate, _repeat, _announce)


def damaged(chance: random.Random, version: int, data: bytes) -> bytes:
    """Let something happen to a frame; half of the time its length is made to fit again."""
    if chance.random() < 0.1:
        other = frame(chance, chance.choice(VERSIONS))
        return data[: chance.randrange(len(data))] + other[chance.randrange(len(other)) :]
    changed = data
    for _ in range(chance.choice((1, 1, 2, 4))):
        if changed:
            changed = chance.choice(_ACCIDENTS)(chance, changed)
    if len(changed) > 2 and chance.random() < 0.5:
        body = changed[2:]
        return changed[:1] + _length(len(body)) + body
    return changed


def _length(value: int) -> bytes:
    digits = []
    while True:
        value, digit = divmod(value, 128)
        digits.append(digit | (0x80 if value else 0))
        if not value:
            return bytes(digits)


# -- the same over WebSocket -------------------------------------------------------------------

HANDSHAKE: Final = (
    b"GET /mqtt HTTP/1.1\r\nHost: broker\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
)
OPCODES: Final = (0x82, 0x82, 0x82, 0x82, 0x82, 0x02, 0x80, 0x81, 0x88, 0x89, 0x8A, 0xC2, 0x83)
"""First bytes of frames: mostly a whole binary message, else fragments, text, close, ping, or nonsense."""


def web_frame(chance: random.Random, data: bytes) -> bytes:
    """Return a masked frame around bytes; the mask changes nothing."""
    size = len(data)
    if size < 126:
        length = bytes((0x80 | size,))
    elif size < 65_536:
        length = b"\xfe" + size.to_bytes(2, "big")
    else:
        length = b"\xff" + size.to_bytes(8, "big")
    return (
        bytes((chance.choice(OPCODES) if chance.random() < 0.3 else 0x82,))
        + length
        + b"\0" * 4
        + data
    )


def pieces(chance: random.Random, data: bytes) -> Sequence[bytes]:
    """Cut a stream as networks do: not at all, into a few pieces, or into bytes."""
    way = chance.random()
    if way < 0.5 or len(data) < 2:
        return (data,)
    if way < 0.6 and len(data) < 400:
        return [data[at : at + 1] for at in range(len(data))]
    cuts = sorted(chance.sample(range(1, len(data)), min(len(data) - 1, chance.randrange(1, 5))))
    return [data[a:b] for a, b in zip((0, *cuts), (*cuts, len(data)), strict=True)]
