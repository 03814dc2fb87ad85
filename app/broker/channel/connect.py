"""CONNECT and DISCONNECT: how a client comes in and how it says goodbye.

CONNECT is a line of small checks in EMQX's order; the first that objects decides the CONNACK.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable
from typing import Final, cast

from app.broker import delayed
from app.broker.access_control import Credentials, Verdict
from app.broker.channel import auth
from app.broker.channel.channel import Channel
from app.broker.core import BrokerCore
from app.broker.enhanced_auth import Success
from app.broker.kept import keep_from_now_on
from app.broker.message import is_as_promised
from app.broker.os_mon import check_memory
from app.broker.session import NEVER_EXPIRES_S, Session
from app.broker.strict_text import is_discouraged
from app.broker.topic_aliases import TopicAliases
from app.ids import random_clientid
from app.mqtt.errors import MQTTError, ProtocolViolation
from app.mqtt.packets import MQTT_3_1, MQTT_5, Connack, Connect, Disconnect
from app.mqtt.properties import Properties
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import InvalidTopic, is_wildcard, levels, validate_topic_name

logger = logging.getLogger(__name__)

PLACEHOLDERS = re.compile("%c|%u")
ROOM_FOR_REASONS_BYTES: Final = 512
"""More than CONNACK or DISCONNECT has with the longest reason string that the server knows."""

UNSAID_IF_AVAILABLE: Final = (
    "retain_available",
    "wildcard_subscription_available",
    "subscription_identifier_available",
    "shared_subscription_available",
)


def handle_connect(channel: Channel, packet: Connect) -> Awaitable[None] | None:
    """Let a client in, or say why not."""
    channel.version = packet.proto_ver
    channel.metrics.client_connect += 1
    channel.core.hooks.point("client.connect").run(channel.client, packet)
    enrich(channel, packet)
    for check in CHECKS:
        reason = check(channel, packet)
        if reason is not ReasonCode.SUCCESS:
            channel.refuse(reason)
            return None
    if "authentication_method" in packet.properties:
        return auth.begin(channel, packet, lambda step: admit(channel, packet, step))
    verdict = channel.core.access.authenticate(Credentials(channel.client, packet.password))
    if isinstance(verdict, Verdict):
        finish_connect(channel, packet, verdict)
        return None
    return wait_for_verdict(channel, packet, verdict)


async def wait_for_verdict(channel: Channel, packet: Connect, verdict: Awaitable[Verdict]) -> None:
    """Go on when the authentication has decided, if the client is still there."""
    decided = await verdict
    if channel.is_open:
        finish_connect(channel, packet, decided)


def admit(channel: Channel, packet: Connect, step: Success) -> None:
    """Go on when enhanced authentication is done, under the name that it has proved."""
    reason = ReasonCode.SUCCESS
    if step.username is not None:
        reason = adopt_username(channel, packet, step.username)
    verdict = Verdict(reason, is_superuser=step.is_superuser)
    finish_connect(channel, packet, channel.core.access.count(channel.client, verdict))


def adopt_username(channel: Channel, packet: Connect, username: str) -> ReasonCode:
    """Put a name that was proved in the place of the one that CONNECT only claims."""
    client = channel.client
    if client.cert_username not in (None, username):
        # The certificate has proved another one.
        return ReasonCode.NOT_AUTHORIZED
    client.username = username
    if client.zone.use_username_as_clientid and client.cert_clientid is None:
        client.clientid = username
    # Client id and mountpoint may hang on the name.
    return check_clientid(channel, packet)


def enrich(channel: Channel, packet: Connect) -> None:
    """Note what CONNECT says about the client."""
    client = channel.client
    zone = client.zone
    client.clientid = packet.clientid
    client.username = packet.username if client.cert_username is None else client.cert_username
    client.proto_name = packet.proto_name
    client.proto_ver = packet.proto_ver
    client.clean_start = packet.clean_start
    client.is_bridge = packet.is_bridge
    client.keepalive_s = packet.keepalive
    if zone.use_username_as_clientid and client.username:
        client.clientid = client.username
    if client.cert_clientid is not None:
        client.clientid = client.cert_clientid
    properties = packet.properties
    if packet.proto_ver == MQTT_5 and zone.server_keepalive_s:
        client.keepalive_s = zone.server_keepalive_s
    channel.receive_maximum = properties.get("receive_maximum", 65_535)
    channel.max_outgoing_packet = properties.get("maximum_packet_size", 0)
    aliases = min(
        properties.get("topic_alias_maximum", 0),
        channel.core.config.mqtt.max_topic_alias_outgoing,
    )
    if aliases:  # [MQTT-3.1.2-26] [MQTT-3.1.2-27]
        channel.topic_aliases = TopicAliases(aliases, channel.max_outgoing_packet)
    channel.has_own_forms = bool(aliases or channel.max_outgoing_packet)
    has_room = not 0 < channel.max_outgoing_packet < ROOM_FOR_REASONS_BYTES
    # Who takes small packets only gets the code without the sentence [MQTT-3.14.2-3] [MQTT-3.2.2-19].
    channel.problem_information = has_room and bool(
        properties.get("request_problem_information", 1)
    )


def check_clientid(channel: Channel, packet: Connect) -> ReasonCode:
    """Accept, assign or refuse the client id [MQTT-3.1.3-5 to 3.1.3-9]."""
    client = channel.client
    if not client.clientid:
        may_be_empty = packet.proto_ver == MQTT_5 or (
            packet.proto_ver != MQTT_3_1 and packet.clean_start
        )
        if not may_be_empty:
            return ReasonCode.CLIENT_IDENTIFIER_NOT_VALID
        client.clientid = random_clientid()
    elif not is_acceptable_clientid(channel.core, client.clientid):
        return ReasonCode.CLIENT_IDENTIFIER_NOT_VALID
    client.mountpoint = fill_mountpoint(client.zone.mountpoint, client.clientid, client.username)
    if is_wildcard(client.mountpoint):
        # A client called `#` must not get below everybody's mountpoint.
        return ReasonCode.CLIENT_IDENTIFIER_NOT_VALID
    return ReasonCode.SUCCESS


def is_acceptable_clientid(core: BrokerCore, clientid: str) -> bool:
    """Tell whether a client id is within what the settings allow."""
    mqtt = core.config.mqtt
    if mqtt.strict_mode and is_discouraged(clientid):
        return False
    if len(clientid.encode()) > mqtt.max_clientid_len:
        core.metrics.limit_clientid_len += 1
        return False
    return True


def check_username(channel: Channel, packet: Connect) -> ReasonCode:
    """Refuse a user name that strict mode does not take."""
    if channel.core.config.mqtt.strict_mode and is_discouraged(packet.username or ""):
        return ReasonCode.BAD_USER_NAME_OR_PASSWORD
    return ReasonCode.SUCCESS


def check_will(channel: Channel, packet: Connect) -> ReasonCode:
    """Refuse a will that could not be published."""
    will = packet.will
    mqtt = channel.core.config.mqtt
    if will is None:
        return ReasonCode.SUCCESS
    try:
        validate_topic_name(will.topic)
        delayed.mounted(channel.client.mountpoint, will.topic)
    except (InvalidTopic, MQTTError):
        return ReasonCode.TOPIC_NAME_INVALID
    if mqtt.max_topic_levels and levels(will.topic) > mqtt.max_topic_levels:
        channel.metrics.limit_topic_levels += 1
        return ReasonCode.TOPIC_NAME_INVALID
    if mqtt.strict_mode and is_discouraged(will.topic):
        return ReasonCode.TOPIC_NAME_INVALID
    if mqtt.check_payload_format and not is_as_promised(will.properties, will.payload):
        return ReasonCode.PAYLOAD_FORMAT_INVALID
    if will.qos > mqtt.max_qos_allowed:  # [MQTT-3.2.2-12]
        return ReasonCode.QOS_NOT_SUPPORTED
    if will.retain and not mqtt.retain_available:  # [MQTT-3.2.2-13]
        return ReasonCode.RETAIN_NOT_SUPPORTED
    return ReasonCode.SUCCESS


def check_banned(channel: Channel, packet: Connect) -> ReasonCode:
    """Refuse who is banned, before anybody is asked for a verdict."""
    if channel.client.zone.enable_ban and channel.core.banned.find(channel.client) is not None:
        channel.metrics.connack_auth_error += 1
        return ReasonCode.BANNED
    return ReasonCode.SUCCESS


def check_failures(channel: Channel, packet: Connect) -> ReasonCode:
    """Refuse whoever comes from where too many logins have failed, before anybody is asked for a verdict."""
    if channel.core.flapping.is_refused(channel.client):
        channel.metrics.connack_auth_error += 1
        channel.metrics.client_auth_limited += 1
        return ReasonCode.CONNECTION_RATE_EXCEEDED
    return ReasonCode.SUCCESS


CHECKS = (check_clientid, check_username, check_will, check_banned, check_failures, check_memory)


def finish_connect(channel: Channel, packet: Connect, verdict: Verdict) -> None:
    """Open the session and say so, or refuse."""
    if verdict.reason is not ReasonCode.SUCCESS:
        channel.metrics.connack_auth_error += 1
        channel.refuse(verdict.reason, verdict.hint)
        return
    if check_banned(channel, packet) is not ReasonCode.SUCCESS:
        # The ban came while the authentication took its time.
        channel.refuse(ReasonCode.BANNED)
        return
    told = connack_properties(channel, packet)
    if not fits(channel, Connack(False, ReasonCode.SUCCESS, told)):
        channel.refuse(ReasonCode.PACKET_TOO_LARGE)
        return
    core = channel.core
    client = channel.client
    client.anonymous = verdict.anonymous
    client.is_superuser = verdict.is_superuser
    previous = core.cm.get(client.clientid)
    mark = core.storage.mark
    session, present = core.cm.open_session(channel)
    if previous is not None:
        previous.cancel_delayed_will()
    channel.session = session
    channel.will = packet.will
    session.expiry_interval_s = session_expiry_s(channel, packet)
    session.mountpoint = client.mountpoint
    session.inflight_max = min(client.zone.max_inflight, channel.receive_maximum)
    channel.connected_at_ms = core.clock.wall_ms()
    channel.is_connected = True
    keep_from_now_on(core.storage, core.subscriptions, channel, session)
    if core.storage.mark != mark:
        channel.connack_mark = core.storage.mark
        channel.wait_until_safe()
    core.hooks.point("client.connack").run(client, ReasonCode.SUCCESS)
    channel.metrics.client_connack += 1
    channel.metrics.client_connected += 1
    channel.send(Connack(present, ReasonCode.SUCCESS, told))
    channel.start_keepalive()
    core.hooks.point("client.connected").run(client)
    session.resume(channel)


def session_expiry_s(channel: Channel, packet: Connect) -> int:
    """Return how long the session outlives the connection, in seconds."""
    if packet.proto_ver == MQTT_5:
        return packet.properties.get("session_expiry_interval", 0)
    if packet.clean_start:
        return 0
    configured = channel.client.zone.session_expiry_interval_s
    return (
        min(int(configured), NEVER_EXPIRES_S) if configured < NEVER_EXPIRES_S else NEVER_EXPIRES_S
    )


def connack_properties(channel: Channel, packet: Connect) -> Properties:
    """Return what an MQTT 5 client is told about this server (MQTT 5, 3.2.2.3)."""
    properties = offer(channel, packet)
    if fits(channel, Connack(False, ReasonCode.SUCCESS, properties)):
        return properties
    # What is available is so where nothing is said.
    said = {k: v for k, v in properties.items() if not (v and k in UNSAID_IF_AVAILABLE)}
    return cast("Properties", said)


def fits(channel: Channel, answer: Connack) -> bool:
    """Tell whether the client takes a packet as large as this one [MQTT-3.1.2-24]."""
    limit = channel.max_outgoing_packet
    return not limit or len(answer.encode(channel.version)) <= limit


def offer(channel: Channel, packet: Connect) -> Properties:
    """Return all that there is to tell."""
    properties: Properties = {}
    if packet.proto_ver != MQTT_5:
        return properties
    mqtt = channel.core.config.mqtt
    if channel.client.clientid != packet.clientid:
        properties["assigned_client_identifier"] = channel.client.clientid  # [MQTT-3.2.2-16]
    if channel.client.zone.max_inflight:
        properties["receive_maximum"] = channel.client.zone.max_inflight
    if mqtt.max_qos_allowed < 2:
        properties["maximum_qos"] = mqtt.max_qos_allowed  # [MQTT-3.2.2-9]
    properties["retain_available"] = int(mqtt.retain_available)
    properties["maximum_packet_size"] = mqtt.max_packet_size
    properties["topic_alias_maximum"] = mqtt.max_topic_alias
    properties["wildcard_subscription_available"] = int(mqtt.wildcard_subscription)
    properties["subscription_identifier_available"] = 1
    properties["shared_subscription_available"] = int(mqtt.shared_subscription)
    if channel.client.zone.server_keepalive_s:  # [MQTT-3.1.2-21]
        properties["server_keep_alive"] = channel.client.zone.server_keepalive_s
    if mqtt.response_information and packet.properties.get("request_response_information"):
        properties["response_information"] = mqtt.response_information  # [MQTT-3.1.2-28]
    if channel.authentication is not None:  # [MQTT-4.12.0-5]
        properties["authentication_method"] = channel.authentication.name
        if channel.authentication.final_data is not None:
            properties["authentication_data"] = channel.authentication.final_data
    return properties


def fill_mountpoint(mountpoint: str, clientid: str, username: str | None) -> str:
    """Put client id and user name into a zone's mountpoint."""
    # In one pass: a client id that reads `%u` is not to be filled in again.
    values = {"%c": clientid, "%u": username or ""}
    return PLACEHOLDERS.sub(lambda found: values[found[0]], mountpoint)


def handle_disconnect(channel: Channel, packet: Disconnect) -> None:
    """Take the client's goodbye; only the plain one deletes its will [MQTT-3.14.4-3] [MQTT-3.1.2-8]."""
    session: Session | None = channel.session
    interval_s = packet.properties.get("session_expiry_interval")
    if interval_s is not None and session is not None:
        if session.expiry_interval_s == 0 and interval_s:  # MQTT 5, 3.14.2.2.2
            raise ProtocolViolation(
                "the session expiry interval was 0 and stays it", ReasonCode.PROTOCOL_ERROR
            )
        session.expiry_interval_s = interval_s
    if packet.reason_code == ReasonCode.NORMAL_DISCONNECTION:
        channel.will = None
    channel.client.said = packet.properties
    channel.end("normal")
    channel.wire.close()
