"""gmqtt against the real server: a codec in Python that shares nothing with paho's, version 5 first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Self

import gmqtt
import pytest
from gmqtt.mqtt.constants import MQTTv50, MQTTv311

from tests.harness.node import NodeProcess

DEADLINE_S = 10.0
LEAVE_WITH_WILL = 0x04
VERSIONS = [pytest.param(MQTTv311, id="v311"), pytest.param(MQTTv50, id="v5")]


class Message(NamedTuple):
    """What the client's callback is given."""

    topic: str
    payload: bytes
    qos: int
    properties: dict[str, Any]


class Person:
    """A client whose callbacks land in queues."""

    def __init__(self, node: NodeProcess, clientid: str, version: int, **more: Any) -> None:
        self._node, self._version = node, version
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.granted: asyncio.Queue[Any] = asyncio.Queue()
        self.told: dict[str, Any] = {}
        self.gmqtt = gmqtt.Client(clientid, **more)
        self.gmqtt.on_message = self._on_message
        self.gmqtt.on_subscribe = self._on_subscribe
        self.gmqtt.on_connect = self._on_connect

    async def __aenter__(self) -> Self:
        await self.gmqtt.connect("127.0.0.1", self._node.ports["tcp"], version=self._version)
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self.gmqtt.is_connected:
            await self.gmqtt.disconnect()

    async def subscribe(self, topic_filter: str, qos: int = 0, **more: Any) -> None:
        """Subscribe, and wait for SUBACK."""
        self.gmqtt.subscribe(topic_filter, qos, **more)
        assert await self.granted.get() == (qos,)

    async def next(self) -> tuple[str, bytes, int, int]:
        """Return topic, payload, QoS and RETAIN of the next message."""
        message = await self.messages.get()
        return (*message[:3], message.properties["retain"])

    def _on_connect(self, _client: object, _flags: int, _reason: int, told: dict[str, Any]) -> None:
        self.told = told

    def _on_subscribe(self, _client: object, _mid: int, granted: Any, _properties: Any) -> None:
        self.granted.put_nowait(tuple(granted))

    def _on_message(self, _client: object, *message: Any) -> int:
        self.messages.put_nowait(Message(message[0], bytes(message[1]), *message[2:]))
        return 0


def run(conversation: Callable[[], Awaitable[None]]) -> None:
    """Run a conversation on a loop of its own, to its end or the deadline."""

    async def timed() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await conversation()

    asyncio.run(timed())


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_message_goes_out_and_comes_back(node: NodeProcess, version: int, qos: int) -> None:
    name = f"gm-{version}-{qos}"

    async def conversation() -> None:
        async with Person(node, name, version) as person:
            await person.subscribe(f"{name}/+", qos)
            person.gmqtt.publish(f"{name}/x", b"\x00\xff", qos)
            assert await person.next() == (f"{name}/x", b"\x00\xff", qos, 0)

    run(conversation)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_retained_message_waits_for_a_subscriber(node: NodeProcess, version: int) -> None:
    name = f"gm-retain-{version}"

    async def conversation() -> None:
        async with Person(node, name, version) as person:
            person.gmqtt.publish(name, b"kept", 1, retain=True)
            await person.subscribe(name, 1)
            assert await person.next() == (name, b"kept", 1, 1)
            person.gmqtt.publish(name, b"", 1, retain=True)
            assert await person.next() == (name, b"", 1, 0)

    run(conversation)


def test_leaving_with_the_reason_for_it_publishes_the_will(node: NodeProcess) -> None:
    async def conversation() -> None:
        will = gmqtt.Message("gm-will", b"gone", qos=1, user_property=("why", "asked"))
        async with Person(node, "gm-watch", MQTTv50) as watcher:
            await watcher.subscribe("gm-will", 1)
            async with Person(node, "gm-doomed", MQTTv50, will_message=will) as doomed:
                await doomed.gmqtt.disconnect(reason_code=LEAVE_WITH_WILL)
            message = await watcher.messages.get()
            assert message[:3] == ("gm-will", b"gone", 1)
            assert message.properties["user_property"] == [("why", "asked")]

    run(conversation)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_clean_disconnect_publishes_no_will(node: NodeProcess, version: int) -> None:
    name = f"gm-no-will-{version}"

    async def conversation() -> None:
        will = gmqtt.Message(f"{name}/will", b"gone", qos=1)
        async with Person(node, f"{name}-watch", version) as watcher:
            await watcher.subscribe(f"{name}/#", 1)
            async with Person(node, name, version, will_message=will):
                pass
            watcher.gmqtt.publish(f"{name}/end", b"end", 1)
            assert await watcher.next() == (f"{name}/end", b"end", 1, 0)

    run(conversation)


def test_properties_of_version_5_come_through(node: NodeProcess) -> None:
    sent = {
        "payload_format_id": 1,
        "content_type": "text/plain",
        "response_topic": "answer/here",
        "correlation_data": b"\x00\x01",
        "user_property": [("b", "2"), ("a", "1"), ("b", "3")],
    }

    async def conversation() -> None:
        async with Person(node, "gm-properties", MQTTv50) as person:
            await person.subscribe("gm-properties", 1, subscription_identifier=300)
            person.gmqtt.publish("gm-properties", b"x", 1, message_expiry_interval=100, **sent)
            got = (await person.messages.get()).properties
        assert got["subscription_identifier"] == [300]
        assert got["message_expiry_interval"][0] in (99, 100)
        assert got["user_property"] == sent["user_property"]
        for name in ("payload_format_id", "content_type", "response_topic", "correlation_data"):
            assert got[name] == [sent[name]]

    run(conversation)


def test_version_5_is_told_what_the_server_offers(node: NodeProcess) -> None:
    async def conversation() -> None:
        async with Person(node, "gm-told", MQTTv50) as person:
            assert person.told["maximum_packet_size"] == [1_048_576]
            assert person.told["shared_subscription_available"] == [1]

    run(conversation)


def test_a_client_that_asked_for_no_local_hears_others_only(node: NodeProcess) -> None:
    async def conversation() -> None:
        async with (
            Person(node, "gm-local", MQTTv50) as person,
            Person(node, "gm-other", MQTTv50) as other,
        ):
            await person.subscribe("gm-local", 1, no_local=True)
            await other.subscribe("gm-local", 1)
            person.gmqtt.publish("gm-local", b"mine", 1)
            assert (await other.next())[1] == b"mine"
            other.gmqtt.publish("gm-local", b"theirs", 1)
            assert (await person.next())[1] == b"theirs"

    run(conversation)
