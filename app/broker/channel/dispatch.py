"""Which function obeys which packet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from app.broker.channel import acks, auth, connect, publish, subscribe
from app.broker.channel.channel import Channel
from app.mqtt.errors import MQTTError, ProtocolViolation
from app.mqtt.packets import PINGRESP, Auth, Connect, Disconnect, Packet, PacketType
from app.mqtt.reason_codes import ReasonCode


def handle_in(channel: Channel, packet: Packet) -> Awaitable[None] | None:
    """Obey one packet.

    Returns:
        None, or something to wait for before the client's next packet may be handled.
    """
    kind = packet.TYPE
    try:
        if channel.is_connected:
            channel.metrics.packets_received[kind] += 1
            channel.counters.recv_pkt += 1
            return HANDLERS[kind](channel, packet)
        if not channel.is_open:
            return None
        channel.metrics.packets_received[kind] += 1
        channel.counters.recv_pkt += 1
        if isinstance(packet, Connect) and not channel.version:
            return connect.handle_connect(channel, packet)
        if channel.authentication is not None:
            return handle_authenticating(channel, packet)
        raise ProtocolViolation(f"{PacketType(kind).name} too early", ReasonCode.PROTOCOL_ERROR)
    except MQTTError as error:
        channel.handle_error(error)
        return None


def handle_pingreq(channel: Channel, _packet: Packet) -> None:
    """Answer a PINGREQ [MQTT-3.12.4-1]."""
    channel.send_past(PINGRESP)


def handle_authenticating(channel: Channel, packet: Packet) -> Awaitable[None] | None:
    """Obey what a client may say between CONNECT and CONNACK [MQTT-3.1.2-30]."""
    if isinstance(packet, Auth):
        return auth.handle_auth(channel, packet)
    if isinstance(packet, Disconnect):
        channel.end("normal")
        channel.wire.close()
        return None
    kind = PacketType(packet.TYPE).name
    raise ProtocolViolation(f"{kind} before CONNACK", ReasonCode.PROTOCOL_ERROR)


def handle_unexpected(_channel: Channel, packet: Packet) -> None:
    """Refuse a packet that a client may not send now [MQTT-3.1.0-2]."""
    kind = PacketType(packet.TYPE).name
    raise ProtocolViolation(f"unexpected {kind}", ReasonCode.PROTOCOL_ERROR)


HANDLERS: dict[PacketType, Callable[[Channel, Any], Awaitable[None] | None]] = {
    PacketType.CONNECT: handle_unexpected,
    PacketType.CONNACK: handle_unexpected,
    PacketType.PUBLISH: publish.handle_publish,
    PacketType.PUBACK: acks.handle_puback,
    PacketType.PUBREC: acks.handle_pubrec,
    PacketType.PUBREL: acks.handle_pubrel,
    PacketType.PUBCOMP: acks.handle_pubcomp,
    PacketType.SUBSCRIBE: subscribe.handle_subscribe,
    PacketType.SUBACK: handle_unexpected,
    PacketType.UNSUBSCRIBE: subscribe.handle_unsubscribe,
    PacketType.UNSUBACK: handle_unexpected,
    PacketType.PINGREQ: handle_pingreq,
    PacketType.PINGRESP: handle_unexpected,
    PacketType.DISCONNECT: connect.handle_disconnect,
    PacketType.AUTH: auth.handle_auth,
}
