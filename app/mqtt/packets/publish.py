"""PUBLISH: the packet that nearly all traffic consists of, so this file is written for speed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from app.mqtt import wire
from app.mqtt.errors import MalformedPacket, ProtocolViolation
from app.mqtt.packet_type import MQTT_5, PacketType
from app.mqtt.packets.flags import require_flags
from app.mqtt.properties import NO_PROPERTIES, Properties, decode_properties, encode_properties
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import InvalidTopic, validate_topic_name

MAX_KNOWN_NAMES: Final = 65_536
MAX_KNOWN_NAME_BYTES: Final = 256

_FIRST_BYTE: Final = PacketType.PUBLISH << 4
_DUP: Final = 0x08
_RETAIN: Final = 0x01

_known_names: Final[dict[bytes, str]] = {}
"""Names seen lately, as sent and as text: a repeated one is not decoded and validated again."""


@dataclass(slots=True, init=False)
class Publish:
    """An application message on its way.

    Not frozen, with a constructor of its own: this is the hot one, and both make it several times
    as fast. Treat it as frozen all the same; only a topic alias is resolved in place.
    """

    TYPE: ClassVar[PacketType] = PacketType.PUBLISH

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    packet_id: int | None
    properties: Properties
    frame: bytes | None = field(compare=False, repr=False)
    """The frame as it came, where it could be sent on as it is; the decoder knows."""

    def __init__(  # noqa: PLR0913, PLR0917 - the fields of the packet
        self,
        topic: str,
        payload: bytes,
        qos: int = 0,
        retain: bool = False,
        dup: bool = False,
        packet_id: int | None = None,
        properties: Properties = NO_PROPERTIES,
    ) -> None:
        """Keep the fields; `packet_id` belongs to QoS 1 and 2 only."""
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.dup = dup
        self.packet_id = packet_id
        self.properties = properties
        self.frame = None

    def encode(self, version: int) -> bytes:
        """Return the whole frame.

        Raises:
            ValueError: A packet identifier is missing at QoS 1 or 2.
        """
        head, tail = encode_publish_form(
            version, self.topic, self.payload, self.qos, self.retain, self.properties
        )
        if not self.qos:
            return head
        if not self.packet_id:
            raise ValueError("PUBLISH at QoS 1 or 2 needs a packet identifier")
        if self.dup:
            head = (head[0] | _DUP).to_bytes(1, "big") + head[1:]
        return head + self.packet_id.to_bytes(2, "big") + tail

    @classmethod
    def decode(cls, flags: int, body: bytes, version: int) -> Publish:
        """Read a body."""
        require_flags(PacketType.PUBLISH, flags, version)
        return decode_publish(flags, body, 0, len(body), version)


def decode_publish(flags: int, data: bytes, pos: int, end: int, version: int) -> Publish:
    """Read the PUBLISH whose body lies in `data` from `pos` to `end`, without cutting it out first.

    Args:
        flags: The lower half of the first byte; the caller has checked it, an upper half does not
            matter.
        data: Any stretch of the stream.
        pos: Where the body begins.
        end: Where it ends; `data` reaches at least so far.
        version: The version that the connection speaks.

    Raises:
        MalformedPacket: The body is too short for its fields, or the topic is not UTF-8.
        ProtocolViolation: The topic is not a topic name (TOPIC_NAME_INVALID), the packet identifier
            is 0, or a property is not as it should be.
    """
    start = pos + 2
    if start > end:
        raise MalformedPacket("PUBLISH ends inside its topic")
    at = start + (data[pos] << 8 | data[pos + 1])
    if at > end:
        raise MalformedPacket("PUBLISH ends inside its topic")
    raw = data[start:at]
    topic = _known_names.get(raw)
    if topic is None:
        topic = _read_name(raw)
    qos = flags >> 1 & 3
    packet_id = None
    if qos:
        at += 2
        if at > end:
            raise MalformedPacket("PUBLISH ends inside its packet identifier")
        packet_id = data[at - 2] << 8 | data[at - 1]
        if not packet_id:
            raise ProtocolViolation("packet identifier is 0")  # [MQTT-2.2.1-3]
    properties = NO_PROPERTIES
    if version == MQTT_5:
        if at < end and not data[at]:
            at += 1
        else:
            properties, used = decode_properties(data[at:end], 0, PacketType.PUBLISH)
            at += used
    if not topic and "topic_alias" not in properties:
        raise ProtocolViolation("topic is empty", ReasonCode.TOPIC_NAME_INVALID)
    # Filling an empty object costs less than half of a call of the constructor.
    packet = _new_publish(Publish)
    packet.topic = topic
    packet.payload = data[at:end]
    packet.qos = qos
    packet.retain = flags & _RETAIN != 0
    packet.dup = flags & _DUP != 0
    packet.packet_id = packet_id
    packet.properties = properties
    packet.frame = None
    return packet


_new_publish: Final = Publish.__new__


def encode_publish_form(
    version: int, topic: str, payload: bytes, qos: int, retain: bool, properties: Properties
) -> tuple[bytes, bytes]:
    """Encode a message once for all receivers who get it alike.

    Returns:
        Head and tail. At QoS 0 the head is the whole frame and the tail is empty; else a frame is
        the head, a packet identifier of two bytes (big endian), and the tail. DUP is bit 3 of the
        head's first byte.
    """
    name = topic.encode()
    section = encode_properties(properties, PacketType.PUBLISH) if version == MQTT_5 else b""
    size = 2 + len(name) + len(section) + len(payload) + (2 if qos else 0)
    head = b"".join(
        (
            (_FIRST_BYTE | qos << 1 | (_RETAIN if retain else 0)).to_bytes(1, "big"),
            wire.encode_varint(size),
            len(name).to_bytes(2, "big"),
            name,
        )
    )
    tail = section + payload
    return (head, tail) if qos else (head + tail, b"")


def _read_name(raw: bytes) -> str:
    """Decode and validate a topic name not met before.

    An empty one is left to the caller, who knows of topic aliases.
    """
    topic = wire.decode_utf8(raw)
    if not topic:
        return topic
    try:
        validate_topic_name(topic)
    except InvalidTopic as error:
        raise ProtocolViolation(str(error), ReasonCode.TOPIC_NAME_INVALID) from error
    if len(raw) <= MAX_KNOWN_NAME_BYTES:
        if len(_known_names) >= MAX_KNOWN_NAMES:
            # Dropping all is the cheapest bound: what is in use comes back within a few packets.
            _known_names.clear()
        _known_names[raw] = topic
    return topic
