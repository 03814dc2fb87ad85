"""Enhanced authentication: AUTH back and forth before CONNACK, and anew while connected (MQTT 5, section 4.12).

It speaks MQTT only; what the data means is the method's affair.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from app.broker.access_control import Verdict
from app.broker.channel.channel import Channel
from app.broker.enhanced_auth import Authentication, Continue, Method, Refuse, Step, Success
from app.broker.hooks import HookFailed
from app.mqtt.errors import ProtocolViolation
from app.mqtt.packets import Auth, Connect, PacketType
from app.mqtt.properties import Properties
from app.mqtt.reason_codes import ReasonCode, is_allowed

logger = logging.getLogger(__name__)

UNAVAILABLE = Refuse(ReasonCode.SERVER_UNAVAILABLE)
UNKNOWN_METHOD = Refuse(ReasonCode.BAD_AUTHENTICATION_METHOD)


async def begin(channel: Channel, packet: Connect, admit: Callable[[Success], None]) -> None:
    """Begin what CONNECT asked for; the idle timeout bounds it [MQTT-4.12.0-1].

    Args:
        channel: of the client.
        packet: its CONNECT, which names a method.
        admit: goes on with CONNECT when the method is content.
    """
    properties = packet.properties
    authentication = Authentication(properties["authentication_method"], admit)
    channel.authentication = authentication
    await start(channel, authentication, properties.get("authentication_data", b""))


def handle_auth(channel: Channel, packet: Auth) -> Awaitable[None]:
    """Take an AUTH, before CONNACK or after."""
    authentication = channel.authentication
    if authentication is None:  # [MQTT-4.12.0-7]
        raise ProtocolViolation("AUTH without an authentication method", ReasonCode.PROTOCOL_ERROR)
    if packet.properties.get("authentication_method") != authentication.name:  # [MQTT-4.12.0-5]
        raise ProtocolViolation("another authentication method", ReasonCode.PROTOCOL_ERROR)
    data = packet.properties.get("authentication_data", b"")
    exchange = authentication.exchange
    if packet.reason_code == ReasonCode.CONTINUE_AUTHENTICATION and exchange is not None:
        return go_on(channel, authentication, lambda: exchange.next(data))
    if packet.reason_code == ReasonCode.RE_AUTHENTICATE and channel.is_connected:
        if exchange is None:
            return begin_anew(channel, authentication, data)
        raise ProtocolViolation("an authentication is under way", ReasonCode.PROTOCOL_ERROR)
    raise ProtocolViolation(
        f"AUTH 0x{packet.reason_code:02x} is not due", ReasonCode.PROTOCOL_ERROR
    )


async def begin_anew(channel: Channel, authentication: Authentication, data: bytes) -> None:
    """Authenticate a connected client once more [MQTT-4.12.1-1]; it goes on as before meanwhile."""

    def give_up() -> None:
        refuse(channel, authentication, Refuse())

    authentication.timer = channel.core.after(channel.client.zone.idle_timeout_s, give_up)
    await start(channel, authentication, data)


async def start(channel: Channel, authentication: Authentication, data: bytes) -> None:
    """Find the method and give it the first data."""
    access = channel.core.access
    try:
        exchange: Method | None = await access.find_method(channel.client, authentication.name)
    except HookFailed:
        answer(channel, authentication, UNAVAILABLE)
        return
    if exchange is None:
        answer(channel, authentication, UNKNOWN_METHOD)
        return
    authentication.exchange = exchange
    await go_on(channel, authentication, lambda: exchange.first(channel.client, data))


async def go_on(
    channel: Channel,
    authentication: Authentication,
    ask: Callable[[], Step | Awaitable[Step]],
) -> None:
    """Hear what the method says, and do it."""
    try:
        said = ask()
        if isinstance(said, Awaitable):
            said = await channel.core.hooks.in_time("client.enhanced_authenticate", said)
        step: Step = said
    except Exception:
        # It fails closed, and in no other way than a wrong password does.
        logger.exception("The authentication method %s failed", authentication.name)
        step = UNAVAILABLE
    answer(channel, authentication, step)


def answer(channel: Channel, authentication: Authentication, step: Step) -> None:
    """Tell a client that is still there how its authentication stands."""
    if not channel.is_open:
        return
    if isinstance(step, Continue):
        send_auth(channel, authentication, ReasonCode.CONTINUE_AUTHENTICATION, step.data)
    elif isinstance(step, Refuse):
        refuse(channel, authentication, step)
    elif authentication.admit is not None:
        admit = authentication.admit
        authentication.finish()
        authentication.final_data = step.data
        admit(step)
    else:
        let_stay(channel, authentication, step)


def send_auth(
    channel: Channel, authentication: Authentication, reason: ReasonCode, data: bytes | None
) -> None:
    """Send an AUTH with the method's name in it [MQTT-4.12.0-5]."""
    properties: Properties = {"authentication_method": authentication.name}
    if data is not None:
        properties["authentication_data"] = data
    channel.send(Auth(reason, properties))


def refuse(channel: Channel, authentication: Authentication, step: Refuse) -> None:
    """End it: CONNACK with the reason [MQTT-4.12.0-4], or DISCONNECT [MQTT-4.12.1-2]."""
    is_first = authentication.admit is not None
    authentication.finish()
    verdict = channel.core.access.count(channel.client, Verdict(step.reason))
    if is_first:
        channel.metrics.connack_auth_error += 1
        channel.refuse(verdict.reason)
        return
    reason = verdict.reason
    if not is_allowed(reason, PacketType.DISCONNECT, channel.version):
        reason = ReasonCode.NOT_AUTHORIZED
    channel.disconnect(reason, "not_authorized")


def let_stay(channel: Channel, authentication: Authentication, step: Success) -> None:
    """Tell a connected client that it was recognised again."""
    client = channel.client
    if step.username is not None and step.username != client.username:
        # Session, subscriptions and mountpoint belong to who came in.
        refuse(channel, authentication, Refuse())
        return
    authentication.finish()
    verdict = Verdict(ReasonCode.SUCCESS, is_superuser=step.is_superuser)
    channel.core.access.count(client, verdict)
    client.is_superuser = step.is_superuser
    send_auth(channel, authentication, ReasonCode.SUCCESS, step.data)
