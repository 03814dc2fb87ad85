"""What is told of each event: EMQX's members, a row for each kind of event.

It knows the broker's types, and neither rules nor the web.

Source: EMQX 4.4 `emqx_web_hook`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.message import Message
from app.broker.router import SubOptions
from app.mqtt.packets import Connect, SubscribeFilter
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import split_share
from app.plugins.web_hook import base62

Body = dict[str, Any]
ENCODE: Mapping[str, Callable[[bytes], str]] = {
    "plain": lambda payload: payload.decode(errors="replace"),
    "base64": lambda payload: b64encode(payload).decode(),
    "base62": base62.encoded,
}


@dataclass(frozen=True, slots=True)
class Told:
    """One event: of whom, about which topic, and what is said."""

    clientid: str
    topic: str | None
    body: Body


@dataclass(frozen=True, slots=True)
class Around:
    """What is known besides the event."""

    core: BrokerCore
    encode: Callable[[bytes], str]
    """How a payload becomes text."""

    def connected_at_ms(self, client: ClientInfo) -> int:
        """Return when a client connected."""
        channel = self.core.cm.get(client.clientid)
        return self.core.clock.wall_ms() if channel is None else channel.connected_at_ms


Describe = Callable[..., Iterator[Told]]
"""Given `Around` and what the hook point calls its callbacks with."""


def _of(client: ClientInfo) -> Body:
    return {"clientid": client.clientid, "username": client.username}


def _connection(client: ClientInfo) -> Body:
    return {
        **_of(client),
        "ipaddress": client.peerhost,
        "keepalive": client.keepalive_s,
        "proto_ver": client.proto_ver,
    }


def _connect(_around: Around, client: ClientInfo, packet: Connect) -> Iterator[Told]:
    # What the client is called in the end is not decided yet.
    said = {
        "clientid": packet.clientid,
        "username": packet.username,
        "ipaddress": client.peerhost,
        "keepalive": packet.keepalive,
        "proto_ver": packet.proto_ver,
    }
    yield Told(packet.clientid, None, said)


def _connack(around: Around, client: ClientInfo, reason: ReasonCode) -> Iterator[Told]:
    del around
    said = {**_connection(client), "conn_ack": ReasonCode(reason).name.lower()}
    yield Told(client.clientid, None, said)


def _connected(around: Around, client: ClientInfo) -> Iterator[Told]:
    said = {**_connection(client), "connected_at": around.connected_at_ms(client)}
    yield Told(client.clientid, None, said)


def _disconnected(around: Around, client: ClientInfo, reason: str) -> Iterator[Told]:
    times = {
        "connected_at": around.connected_at_ms(client),
        "disconnected_at": around.core.clock.wall_ms(),
    }
    yield Told(client.clientid, None, {**_of(client), "reason": str(reason), **times})


def _subscribe(
    _around: Around, client: ClientInfo, filters: tuple[SubscribeFilter, ...]
) -> Iterator[Told]:
    for one in filters:
        said = {"topic": one.topic_filter, "opts": _options(one)}
        yield Told(client.clientid, one.topic_filter, {**_of(client), **said})


def _unsubscribe(_around: Around, client: ClientInfo, filters: tuple[str, ...]) -> Iterator[Told]:
    for one in filters:
        yield Told(client.clientid, one, {**_of(client), "topic": one, "opts": {}})


def _subscribed(
    _around: Around, client: ClientInfo, topic_filter: str, options: SubOptions
) -> Iterator[Told]:
    share, topic = split_share(topic_filter)
    opts = _options(options)
    if share is not None:
        opts["share"] = share
    yield Told(client.clientid, topic, {**_of(client), "topic": topic, "opts": opts})


def _unsubscribed(_around: Around, client: ClientInfo, topic_filter: str) -> Iterator[Told]:
    topic = split_share(topic_filter)[1]
    yield Told(client.clientid, topic, {**_of(client), "topic": topic})


def _terminated(_around: Around, client: ClientInfo, reason: str) -> Iterator[Told]:
    yield Told(client.clientid, None, {**_of(client), "reason": str(reason)})


def _published(around: Around, message: Message) -> Iterator[Told]:
    if not message.about_broker:
        yield Told(message.clientid or "", message.topic, _message(around, message))


def _delivered(around: Around, clientid: str, message: Message) -> Iterator[Told]:
    if not message.about_broker:
        channel = around.core.cm.get(clientid)
        username = None if channel is None else channel.client.username
        receiver = {"clientid": clientid, "username": username}
        yield Told(clientid, message.topic, {**receiver, **_message(around, message)})


def _message(around: Around, message: Message) -> Body:
    return {
        "from_client_id": message.clientid,
        "from_username": message.username,
        "topic": message.topic,
        "qos": message.qos,
        "retain": message.retain,
        "payload": around.encode(message.payload),
        "ts": message.timestamp_ms,
    }


def _options(options: SubscribeFilter | SubOptions) -> Body:
    return {
        "qos": options.qos,
        "nl": int(options.no_local),
        "rap": int(options.retain_as_published),
        "rh": options.retain_handling,
    }


EVENTS: Mapping[str, Describe] = {
    "client.connect": _connect,
    "client.connack": _connack,
    "client.connected": _connected,
    "client.disconnected": _disconnected,
    "client.subscribe": _subscribe,
    "client.unsubscribe": _unsubscribe,
    "session.subscribed": _subscribed,
    "session.unsubscribed": _unsubscribed,
    "session.terminated": _terminated,
    "message.publish": _published,
    "message.delivered": _delivered,
    "message.acked": _delivered,
}
"""By hook point."""
