"""The will of a client that is gone; the ACL is asked when it is published, not at CONNECT."""

from __future__ import annotations

from collections.abc import Awaitable

from app.broker import delayed
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.message import Message, forwarded
from app.broker.reserved import publish_reason
from app.mqtt.errors import MQTTError
from app.mqtt.packets import Will
from app.mqtt.reason_codes import ReasonCode


def publish_will(core: BrokerCore, client: ClientInfo, will: Will) -> None:
    """Publish a client's will [MQTT-3.1.2-8]."""
    if publish_reason(will.topic) is not ReasonCode.SUCCESS:
        core.metrics.publish_error += 1
        return
    allowed = core.access.may(client, "publish", delayed.target_of(will.topic))
    if isinstance(allowed, bool):
        _finish(core, client, will, allowed)
    else:
        core.spawn(_wait_for_acl(core, client, will, allowed))


async def _wait_for_acl(
    core: BrokerCore, client: ClientInfo, will: Will, allowed: Awaitable[bool]
) -> None:
    _finish(core, client, will, await allowed)


def _finish(core: BrokerCore, client: ClientInfo, will: Will, allowed: bool) -> None:
    if not allowed:
        core.metrics.publish_auth_error += 1
        return
    try:
        topic = delayed.mounted(client.mountpoint, will.topic)
    except MQTTError:
        # CONNECT was checked; the user name that was proved since may have made the mountpoint longer.
        core.metrics.publish_error += 1
        return
    core.publish(
        Message(
            topic,
            will.payload,
            will.qos,
            will.retain,
            core.clock.wall_ms(),
            client.clientid,
            client.username,
            client.peerhost,
            forwarded(will.properties),
        )
    )
