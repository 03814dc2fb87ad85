"""CONNECT: the first packet of a connection, and the only one that says which version is spoken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from app.mqtt import wire
from app.mqtt.errors import MalformedPacket, ProtocolViolation
from app.mqtt.packet_type import MQTT_3_1, MQTT_3_1_1, MQTT_5, PacketType, first_byte
from app.mqtt.packets.flags import require_flags
from app.mqtt.properties import (
    NO_PROPERTIES,
    WILL,
    Properties,
    decode_properties,
    encode_properties,
    no_properties,
)
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import InvalidTopic, validate_topic_name

PROTOCOL_NAMES: Final = {MQTT_3_1: "MQIsdp", MQTT_3_1_1: "MQTT", MQTT_5: "MQTT"}

_BRIDGE_BIT: Final = 0x80
_RESERVED: Final = 0x01
_CLEAN_START: Final = 0x02
_WILL: Final = 0x04
_WILL_QOS_SHIFT: Final = 3
_WILL_RETAIN: Final = 0x20
_WILL_DETAILS: Final = 0x38
_PASSWORD: Final = 0x40
_USERNAME: Final = 0x80


@dataclass(frozen=True, slots=True)
class Will:
    """The message that the server publishes when the connection ends without DISCONNECT."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = field(default_factory=no_properties)


@dataclass(frozen=True, slots=True)
class Connect:
    """A client asks to be let in.

    `is_bridge` is the high bit of the protocol level, by which Mosquitto's bridges (up to 3.1.1)
    make themselves known.
    """

    TYPE: ClassVar[PacketType] = PacketType.CONNECT

    proto_name: str
    proto_ver: int
    clean_start: bool
    keepalive: int
    clientid: str
    username: str | None = None
    password: bytes | None = None
    will: Will | None = None
    properties: Properties = field(default_factory=no_properties)
    is_bridge: bool = False

    def encode(self, version: int = 0) -> bytes:
        """Return the whole frame, in the packet's own version (`version` is not looked at)."""
        level = self.proto_ver | (_BRIDGE_BIT if self.is_bridge else 0)
        parts = [
            wire.encode_utf8(self.proto_name),
            bytes((level, self._connect_flags())),
            wire.encode_u16(self.keepalive),
        ]
        if self.proto_ver == MQTT_5:
            parts.append(encode_properties(self.properties, PacketType.CONNECT))
        parts.append(wire.encode_utf8(self.clientid))
        if self.will is not None:
            if self.proto_ver == MQTT_5:
                parts.append(encode_properties(self.will.properties, WILL))
            parts.append(wire.encode_utf8(self.will.topic))
            parts.append(wire.encode_binary(self.will.payload))
        if self.username is not None:
            parts.append(wire.encode_utf8(self.username))
        if self.password is not None:
            parts.append(wire.encode_binary(self.password))
        return wire.encode_frame(first_byte(PacketType.CONNECT), b"".join(parts))

    def _connect_flags(self) -> int:
        flags = _CLEAN_START if self.clean_start else 0
        if self.will is not None:
            flags |= _WILL | self.will.qos << _WILL_QOS_SHIFT
            flags |= _WILL_RETAIN if self.will.retain else 0
        flags |= _PASSWORD if self.password is not None else 0
        return flags | (_USERNAME if self.username is not None else 0)

    @classmethod
    def decode(cls, flags: int, body: bytes, version: int = 0) -> Connect:
        """Read a body; the version is the one that the body names.

        Args:
            flags: of the fixed header.
            body: all that comes after it.
            version: what the connection speaks already, where it does.

        Raises:
            ProtocolViolation: With UNSUPPORTED_PROTOCOL_VERSION where the name or level is none of
                ours and nothing is spoken yet.
        """
        require_flags(PacketType.CONNECT, flags, version)
        try:
            proto_name, proto_ver, is_bridge, pos = _read_protocol(body)
        except ProtocolViolation as error:
            if not version:
                raise
            # A second CONNECT, whatever it names; DISCONNECT has no code for the version [MQTT-3.1.0-2].
            raise ProtocolViolation(error.detail) from error
        connect_flags, pos = wire.read_byte(body, pos)
        _check_connect_flags(connect_flags, proto_ver)
        keepalive, pos = wire.read_u16(body, pos)
        properties = NO_PROPERTIES
        if proto_ver == MQTT_5:
            properties, pos = decode_properties(body, pos, PacketType.CONNECT)
        clientid, pos = wire.read_utf8(body, pos)
        will, pos = _read_will(body, pos, connect_flags, proto_ver)
        username, password, pos = _read_credentials(body, pos, connect_flags, proto_ver)
        wire.require_end(body, pos)
        return cls(
            proto_name=proto_name,
            proto_ver=proto_ver,
            clean_start=bool(connect_flags & _CLEAN_START),
            keepalive=keepalive,
            clientid=clientid,
            username=username,
            password=password,
            will=will,
            properties=properties,
            is_bridge=is_bridge,
        )


_MQTT: Final = b"\x00\x04MQTT"


def read_version(body: bytes) -> int:
    """Return the version that a CONNECT body names, so that a bad one is answered in its own.

    Raises:
        MalformedPacket: The name or level cannot be read.
        ProtocolViolation: With UNSUPPORTED_PROTOCOL_VERSION.
    """
    return _read_protocol(body)[1]


def _read_protocol(body: bytes) -> tuple[str, int, bool, int]:
    # Nearly all say the same six bytes: read at a glance.
    if body.startswith(_MQTT):
        proto_name, pos = "MQTT", len(_MQTT)
    else:
        proto_name, pos = wire.read_utf8(body, 0)
    level, pos = wire.read_byte(body, pos)
    proto_ver = level & ~_BRIDGE_BIT
    if PROTOCOL_NAMES.get(proto_ver) != proto_name:
        raise ProtocolViolation(  # [MQTT-3.1.2-1] [MQTT-3.1.2-2]
            "protocol name or level is not supported", ReasonCode.UNSUPPORTED_PROTOCOL_VERSION
        )
    # The table's own text: a hundred thousand clients need not hold as many.
    return PROTOCOL_NAMES[proto_ver], proto_ver, level != proto_ver, pos


def _check_connect_flags(connect_flags: int, proto_ver: int) -> None:
    """Refuse combinations of flags that cannot be meant. MQTT 3.1 left the unused bits open."""
    if proto_ver != MQTT_3_1:
        if connect_flags & _RESERVED:
            raise MalformedPacket("reserved connect flag is set")  # [MQTT-3.1.2-3]
        if not connect_flags & _WILL and connect_flags & _WILL_DETAILS:
            raise MalformedPacket("will qos or will retain without will")  # [MQTT-3.1.2-11]
    if connect_flags & _WILL and _will_qos(connect_flags) > 2:
        raise MalformedPacket("will qos is 3")  # [MQTT-3.1.2-12]
    if proto_ver != MQTT_5 and connect_flags & _PASSWORD and not connect_flags & _USERNAME:
        # Only MQTT 5 allows a password alone; MQTT 3.1.1 [MQTT-3.1.2-22] forbids it.
        raise ProtocolViolation("password without user name")


def _will_qos(connect_flags: int) -> int:
    return connect_flags >> _WILL_QOS_SHIFT & 3


def _read_will(
    body: bytes, pos: int, connect_flags: int, proto_ver: int
) -> tuple[Will | None, int]:
    if not connect_flags & _WILL:
        return None, pos
    properties = NO_PROPERTIES
    if proto_ver == MQTT_5:
        properties, pos = decode_properties(body, pos, WILL)
    topic, pos = wire.read_utf8(body, pos)
    payload, pos = wire.read_binary(body, pos)
    try:
        validate_topic_name(topic)
    except InvalidTopic as error:
        raise ProtocolViolation(f"will: {error}", ReasonCode.TOPIC_NAME_INVALID) from error
    retain = bool(connect_flags & _WILL_RETAIN)
    return Will(topic, payload, _will_qos(connect_flags), retain, properties), pos


def _read_credentials(
    body: bytes, pos: int, connect_flags: int, proto_ver: int
) -> tuple[str | None, bytes | None, int]:
    username: str | None = None
    password: bytes | None = None
    # "Server implementations must allow for the possibility that the flag is set, but the string is
    # missing": the MQTT 3.1 text puts the Remaining Length above both flags, for clients of the
    # version before it.
    lenient = proto_ver == MQTT_3_1
    if connect_flags & _USERNAME and not (lenient and pos == len(body)):
        username, pos = wire.read_utf8(body, pos)
    if connect_flags & _PASSWORD and not (lenient and pos == len(body)):
        password, pos = wire.read_binary(body, pos)
    return username, password, pos
