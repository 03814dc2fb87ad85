"""PUBACK, PUBREC, PUBREL and PUBCOMP from a client."""

from __future__ import annotations

from app.broker.channel.channel import Channel
from app.broker.message import Message
from app.broker.session import Session
from app.mqtt.packets import MQTT_5, PacketType, Puback, Pubcomp, Pubrec, Pubrel
from app.mqtt.properties import NO_PROPERTIES, Properties
from app.mqtt.reason_codes import ReasonCode

FAILURE = 0x80
"""Reason codes from here on say that something failed."""


def session_of(channel: Channel) -> Session:
    """Return the session that a connected channel always has."""
    assert channel.session is not None
    return channel.session


def handle_puback(channel: Channel, packet: Puback) -> None:
    """End a QoS 1 delivery."""
    message = session_of(channel).on_puback(packet.packet_id)
    if message is not None:
        tell_acked(channel, message, packet.properties)


def handle_pubrec(channel: Channel, packet: Pubrec) -> None:
    """Go on with a QoS 2 delivery [MQTT-4.3.3-5]."""
    session = session_of(channel)
    packet_id = packet.packet_id
    delivery = session.inflight.get(packet_id)
    is_first = delivery is not None and not delivery.released
    if session.on_pubrec(packet_id, refused=packet.reason_code >= FAILURE):
        if session.log is not None:
            channel.wait_until_safe()
        channel.send_ack(PacketType.PUBREL, b"\x62\x02" + packet_id.to_bytes(2, "big"))
        if is_first and delivery is not None:
            tell_acked(channel, delivery.message, packet.properties)
    elif packet.reason_code < FAILURE:
        reason = ReasonCode.SUCCESS
        if channel.version == MQTT_5:
            reason = ReasonCode.PACKET_IDENTIFIER_NOT_FOUND
        channel.send(Pubrel(packet_id, reason))


def handle_pubrel(channel: Channel, packet: Pubrel) -> None:
    """End a QoS 2 message of the client [MQTT-4.3.3-11]."""
    session = session_of(channel)
    packet_id = packet.packet_id
    known = session.awaiting_rel.pop(packet_id, None) is not None
    if session.log is not None:
        if known:
            session.log.was_released(packet_id)
        channel.wait_until_safe()
    if not known:
        channel.metrics.pubrel_missed += 1
    if known or channel.version != MQTT_5:
        channel.send_ack(PacketType.PUBCOMP, b"\x70\x02" + packet_id.to_bytes(2, "big"))
    else:
        channel.send(Pubcomp(packet_id, ReasonCode.PACKET_IDENTIFIER_NOT_FOUND))


def handle_pubcomp(channel: Channel, packet: Pubcomp) -> None:
    """End a QoS 2 delivery."""
    session_of(channel).on_pubcomp(packet.packet_id)


def tell_acked(channel: Channel, message: Message, properties: Properties) -> None:
    """Tell the hooks that a subscriber has a message, and what it said in acknowledging it."""
    point = channel.core.hooks.point("message.acked")
    if point.callbacks:
        channel.client.said = properties
        point.run(channel.client.clientid, message)
        channel.client.said = NO_PROPERTIES
