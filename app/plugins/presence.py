"""`emqx_mod_presence`: `$SYS` tells who has come and who has gone.

Source: EMQX 4.4 `emqx_mod_presence`; topics and members are its own. `sequence` is an addition: of one client's
messages the later has the greater number, and one that is greater by one is the next, whatever way they took.
"""

from __future__ import annotations

import orjson

from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.message import Message
from app.config.extensions import PRESENCE_QOS
from app.mqtt.topic import is_wildcard
from app.plugins.base import Context, Module

UNDEFINED = "undefined"
MOST_COUNTED = 100_000
"""Clients whose numbers go up by one each time; of those that were quiet longest the next number is a larger one."""


class Presence(Module):
    """Messages about connections."""

    name = "emqx_mod_presence"
    description = "EMQX Presence Module"
    loaded_by_default = True
    parameters = (PRESENCE_QOS,)

    def load(self, context: Context) -> None:
        """Watch clients come and go."""
        teller = _Teller(context.core, context.config[PRESENCE_QOS.key])
        context.hook("client.connected", teller.connected)
        context.hook("client.disconnected", teller.disconnected)


class _Teller:
    """Publishes where somebody may be listening; what nobody hears is not even put into words."""

    def __init__(self, core: BrokerCore, qos: int) -> None:
        self._core = core
        self._qos = qos
        self._numbers: dict[str, int] = {}
        """Of each client's last message; the longest quiet first."""
        self._prefix = f"$SYS/brokers/{core.config.node_name}/clients/"

    def connected(self, client: ClientInfo) -> None:
        number = self._next_number(client)
        topic = self._topic(client, "connected")
        if topic is None:
            return
        channel = self._core.cm.get(client.clientid)
        session = None if channel is None else channel.session
        event: dict[str, object] = {
            "keepalive": client.keepalive_s,
            "sequence": number,
            "connack": 0,
            "clean_start": client.clean_start,
            "expiry_interval": 0 if session is None else int(session.expiry_interval_s),
        }
        self._tell(topic, client, event)

    def disconnected(self, client: ClientInfo, reason: str) -> None:
        number = self._next_number(client)
        topic = self._topic(client, "disconnected")
        if topic is not None:
            event = {
                "sequence": number,
                "reason": reason,
                "disconnected_at": self._core.clock.wall_ms(),
            }
            self._tell(topic, client, event)

    def _next_number(self, client: ClientInfo) -> int:
        # One who was forgotten, or was here before the node's start, goes on from the clock: nobody comes and goes
        # a thousand times a second for long.
        number = self._numbers.pop(client.clientid, self._core.clock.wall_ms()) + 1
        if len(self._numbers) >= MOST_COUNTED:
            del self._numbers[next(iter(self._numbers))]
        self._numbers[client.clientid] = number
        return number

    def _topic(self, client: ClientInfo, event: str) -> str | None:
        if is_wildcard(client.clientid):
            # Such a name cannot be part of a topic name.
            return None
        topic = f"{self._prefix}{client.clientid}/{event}"
        heard = self._core.on_publish.callbacks or self._core.router.match(topic).receivers
        return topic if heard else None

    def _tell(self, topic: str, client: ClientInfo, event: dict[str, object]) -> None:
        now_ms = self._core.clock.wall_ms()
        channel = self._core.cm.get(client.clientid)
        told = {
            "clientid": client.clientid,
            "username": UNDEFINED if client.username is None else client.username,
            "ipaddress": client.peerhost,
            "sockport": client.sockport,
            "proto_name": client.proto_name,
            "proto_ver": client.proto_ver,
            "connected_at": now_ms if channel is None else channel.connected_at_ms,
            "ts": now_ms,
            **event,
        }
        self._core.publish(Message(topic, orjson.dumps(told), self._qos, False, now_ms))
