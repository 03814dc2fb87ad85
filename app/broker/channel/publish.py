"""PUBLISH from a client: the checks in EMQX's order, then routing, then the acknowledgement."""

from __future__ import annotations

from collections.abc import Awaitable

from app.broker import delayed, reserved
from app.broker.channel.channel import Channel
from app.broker.channel.subscribe import denial
from app.broker.core import BrokerCore
from app.broker.message import Message, forwarded, is_as_promised
from app.broker.session import NOTHING_AWAITED, Session
from app.broker.strict_text import is_discouraged
from app.mqtt.errors import ProtocolViolation
from app.mqtt.packets import MQTT_5, PacketType, Puback, Publish, Pubrec
from app.mqtt.reason_codes import ReasonCode


def handle_publish(channel: Channel, packet: Publish) -> Awaitable[None] | None:
    """Route a PUBLISH."""
    if packet.properties:
        resolve_alias(channel, packet)
        mqtt = channel.core.config.mqtt
        if mqtt.check_payload_format and not is_as_promised(packet.properties, packet.payload):
            refuse_payload(channel, packet)
            return None
    check_capabilities(channel, packet)
    core = channel.core
    if packet.topic[0] == "$":
        reason = reserved_reason(core, packet.topic)
        if reason is not ReasonCode.SUCCESS:
            refuse_reserved(channel, packet, reason)
            return None
    if not core.on_check_acl.callbacks:
        process_publish(channel, packet)
        return None
    allowed = core.access.may(channel.client, "publish", delayed.target_of(packet.topic))
    if allowed is True:
        process_publish(channel, packet)
        return None
    if allowed is False:
        refuse_publish(channel, packet)
        return None
    return wait_for_acl(channel, packet, allowed)


def reserved_reason(core: BrokerCore, topic: str) -> ReasonCode:
    """Say whether a client may publish on a topic that begins with `$`."""
    if topic.startswith(delayed.PREFIX):
        return core.delayed.reason(topic)
    return reserved.publish_reason(topic)


def refuse_reserved(channel: Channel, packet: Publish, why: ReasonCode) -> None:
    """Drop a message whose topic is not for clients; those of MQTT 5 are told why."""
    channel.metrics.publish_error += 1
    channel.counters.recv_msg_dropped += 1
    reason = why if channel.version == MQTT_5 else ReasonCode.SUCCESS
    acknowledge_refusal(channel, packet, reason)


async def wait_for_acl(channel: Channel, packet: Publish, allowed: Awaitable[bool]) -> None:
    """Go on when the ACL has decided, if the client is still there."""
    verdict = await allowed
    if channel.is_open:
        (process_publish if verdict else refuse_publish)(channel, packet)


def resolve_alias(channel: Channel, packet: Publish) -> None:
    """Replace a topic alias by its topic, or learn it [MQTT-3.3.2-7 to 3.3.2-12]."""
    alias = packet.properties.get("topic_alias")
    if "subscription_identifier" in packet.properties:  # [MQTT-3.3.4-6]
        raise ProtocolViolation(
            "a client must not send a subscription identifier", ReasonCode.PROTOCOL_ERROR
        )
    if alias is None:
        return
    if not 0 < alias <= channel.core.config.mqtt.max_topic_alias:
        raise ProtocolViolation(f"topic alias {alias}", ReasonCode.TOPIC_ALIAS_INVALID)
    if channel.aliases is None:
        channel.aliases = {}
    if packet.topic:
        channel.aliases[alias] = packet.topic
    else:
        topic = channel.aliases.get(alias)
        if topic is None:
            raise ProtocolViolation(f"unknown topic alias {alias}", ReasonCode.PROTOCOL_ERROR)
        packet.topic = topic


def check_capabilities(channel: Channel, packet: Publish) -> None:
    """Refuse what this server said it cannot do [MQTT-3.2.2-11, MQTT-3.2.2-14]."""
    mqtt = channel.core.config.mqtt
    if packet.qos > mqtt.max_qos_allowed:
        channel.metrics.publish_error += 1
        raise ProtocolViolation(f"QoS {packet.qos}", ReasonCode.QOS_NOT_SUPPORTED)
    if packet.retain and not mqtt.retain_available:
        channel.metrics.publish_error += 1
        raise ProtocolViolation("RETAIN", ReasonCode.RETAIN_NOT_SUPPORTED)
    limit = mqtt.max_topic_levels
    if limit and packet.topic.count("/") >= limit:
        channel.metrics.publish_error += 1
        channel.metrics.limit_topic_levels += 1
        raise ProtocolViolation(f"more than {limit} levels", ReasonCode.TOPIC_NAME_INVALID)
    if mqtt.strict_mode and is_discouraged(packet.topic):
        channel.metrics.publish_error += 1
        raise ProtocolViolation("control characters", ReasonCode.TOPIC_NAME_INVALID)


def process_publish(channel: Channel, packet: Publish) -> None:
    """Route, then acknowledge as the QoS wants it."""
    qos = packet.qos
    channel.metrics.messages_received[qos] += 1
    channel.counters.count_received(qos)
    if qos == 0:
        channel.core.publish(make_message(channel, packet))
    elif qos == 1:
        packet_id = packet.packet_id or 0
        mark = channel.core.storage.mark
        taken = channel.core.publish(make_message(channel, packet), channel)
        if taken or channel.version != MQTT_5:
            frame = b"\x40\x02" + packet_id.to_bytes(2, "big")
            acknowledge(channel, PacketType.PUBACK, frame, mark)
        else:
            wait_if_said(channel, mark)
            channel.send(Puback(packet_id, ReasonCode.NO_MATCHING_SUBSCRIBERS))
    else:
        process_qos2(channel, packet)


def process_qos2(channel: Channel, packet: Publish) -> None:
    """Route a QoS 2 message once, however often it is sent [MQTT-4.3.3-10]."""
    packet_id = packet.packet_id or 0
    session = channel.session
    assert session is not None
    if packet_id in session.awaiting_rel:
        channel.metrics.publish_inuse += 1
        channel.wait_until_safe()
        channel.send_ack(PacketType.PUBREC, b"\x50\x02" + packet_id.to_bytes(2, "big"))
        return
    receive_maximum = channel.client.zone.max_inflight
    if channel.version == MQTT_5 and 0 < receive_maximum <= len(session.awaiting_rel):
        channel.metrics.messages_dropped_receive_maximum += 1
        raise ProtocolViolation(  # [MQTT-3.3.4-9]
            f"more than {receive_maximum} in flight", ReasonCode.RECEIVE_MAXIMUM_EXCEEDED
        )
    limit = channel.client.zone.max_awaiting_rel
    if limit and len(session.awaiting_rel) >= limit:
        channel.metrics.publish_dropped += 1
        channel.metrics.messages_dropped_receive_maximum += 1
        channel.counters.recv_msg_dropped += 1
        if channel.version == MQTT_5:
            channel.send(Pubrec(packet_id, ReasonCode.RECEIVE_MAXIMUM_EXCEEDED))
        return
    if not session.awaiting_rel_watched:
        watch_awaiting_rel(channel.core, session)
    if session.awaiting_rel is NOTHING_AWAITED:
        session.awaiting_rel = {}
    session.awaiting_rel[packet_id] = channel.core.clock.monotonic_s()
    mark = channel.core.storage.mark
    if session.log is not None:
        session.log.awaits(packet_id)
    taken = channel.core.publish(make_message(channel, packet), channel)
    if taken or channel.version != MQTT_5:
        acknowledge(channel, PacketType.PUBREC, b"\x50\x02" + packet_id.to_bytes(2, "big"), mark)
    else:
        wait_if_said(channel, mark)
        channel.send(Pubrec(packet_id, ReasonCode.NO_MATCHING_SUBSCRIBERS))


def acknowledge(channel: Channel, kind: PacketType, frame: bytes, mark: int) -> None:
    """Acknowledge a message that was handed out, when it is safe and every queue has room for it.

    Args:
        channel: of the publisher.
        kind: of the acknowledgement.
        frame: the acknowledgement.
        mark: of the storage, before the message was handed out.
    """
    core = channel.core
    wait = core.pressure.take()
    if wait is not None:
        now = core.storage.mark
        wait.owes(kind, frame, now if now != mark else 0)
        return
    wait_if_said(channel, mark)
    channel.send_ack(kind, frame)


def wait_if_said(channel: Channel, mark: int) -> None:
    """Have what leaves from now on wait for the storage, if it was told something since a mark."""
    if channel.core.storage.mark != mark:
        channel.wait_until_safe()


def watch_awaiting_rel(core: BrokerCore, session: Session) -> None:
    """Give up packet ids whose PUBREL does not come, with one timer for as long as there are any."""
    timeout_s = session.zone.await_rel_timeout_s
    session.awaiting_rel_watched = True

    def expire() -> None:
        now_s = core.clock.monotonic_s()
        session.expire_awaiting_rel(now_s - timeout_s)
        if session.awaiting_rel:
            oldest_s = min(session.awaiting_rel.values())
            core.after(oldest_s + timeout_s - now_s, expire)
        else:
            session.awaiting_rel_watched = False

    core.after(timeout_s, expire)


def refuse_publish(channel: Channel, packet: Publish) -> None:
    """Drop a message that the ACL refuses; acknowledge it as EMQX does, or end the connection."""
    channel.metrics.publish_auth_error += 1
    channel.counters.recv_msg_dropped += 1
    if channel.core.config.acl_deny_action == "disconnect":
        channel.disconnect(ReasonCode.NOT_AUTHORIZED, "not_authorized")
        return
    reason = denial(channel.core) if channel.version == MQTT_5 else ReasonCode.SUCCESS
    acknowledge_refusal(channel, packet, reason)


def refuse_payload(channel: Channel, packet: Publish) -> None:
    """Drop a message whose payload is not what it says (MQTT 5, section 3.3.2.3.2)."""
    channel.metrics.publish_error += 1
    channel.counters.recv_msg_dropped += 1
    if packet.qos == 0:
        raise ProtocolViolation("the payload is not UTF-8", ReasonCode.PAYLOAD_FORMAT_INVALID)
    acknowledge_refusal(channel, packet, ReasonCode.PAYLOAD_FORMAT_INVALID)


def acknowledge_refusal(channel: Channel, packet: Publish, reason: ReasonCode) -> None:
    """Answer a message that was dropped, where its QoS wants an answer."""
    if packet.qos == 1:
        channel.send(Puback(packet.packet_id or 0, reason))
    elif packet.qos == 2:
        channel.send(Pubrec(packet.packet_id or 0, reason))


def make_message(channel: Channel, packet: Publish) -> Message:
    """Turn a client's PUBLISH into a message."""
    client = channel.client
    properties = packet.properties
    if properties and "topic_alias" in properties:
        properties = forwarded(properties)
    topic = packet.topic
    if client.mountpoint:
        topic = delayed.mounted(client.mountpoint, topic)
    message = Message(
        topic,
        packet.payload,
        packet.qos,
        packet.retain,
        channel.core.clock.wall_ms(),
        client.clientid,
        client.username,
        client.peerhost,
        properties,
    )
    if packet.frame is not None and topic is packet.topic:
        message.came_as(packet.frame, channel.version)
    return message
