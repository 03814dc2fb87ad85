"""aiomqtt against the real server: paho under asyncio, as services in Python use it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import aiomqtt
import pytest
from aiomqtt import ProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.harness.node import NodeProcess

DEADLINE_S = 10.0
V311, V5 = ProtocolVersion.V311, ProtocolVersion.V5
VERSIONS = [pytest.param(version, id=version.name) for version in (V311, V5)]
TRANSPORTS = ("tcp", "websockets")


def run(conversation: Callable[[], Awaitable[None]]) -> None:
    """Run a conversation on a loop of its own, to its end or the deadline."""

    async def timed() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await conversation()

    asyncio.run(timed())


def client(
    node: NodeProcess, clientid: str, version: ProtocolVersion, transport: str = "tcp", **more: Any
) -> aiomqtt.Client:
    port = node.ports["tcp" if transport == "tcp" else "ws"]
    if transport == "websockets":
        more["websocket_path"] = "/mqtt"
    return aiomqtt.Client(
        "127.0.0.1", port, identifier=clientid, protocol=version, transport=transport, **more
    )


async def following(person: aiomqtt.Client) -> aiomqtt.Message:
    """Return the next message."""
    return await anext(person.messages)


def seen(message: aiomqtt.Message) -> tuple[str, Any, int, bool]:
    return str(message.topic), message.payload, message.qos, message.retain


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_message_goes_out_and_comes_back(
    node: NodeProcess, transport: str, version: ProtocolVersion, qos: int
) -> None:
    name = f"aio-{transport}-{version.name}-{qos}"

    async def conversation() -> None:
        async with client(node, name, version, transport) as person:
            await person.subscribe(f"{name}/+", qos)
            await person.publish(f"{name}/x", b"\x00\xff", qos)
            assert seen(await following(person)) == (f"{name}/x", b"\x00\xff", qos, False)

    run(conversation)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_retained_message_waits_for_a_subscriber(
    node: NodeProcess, version: ProtocolVersion
) -> None:
    name = f"aio-retain-{version.name}"

    async def conversation() -> None:
        async with client(node, name, version) as person:
            await person.publish(name, b"kept", 1, retain=True)
            await person.subscribe(name, 1)
            assert seen(await following(person)) == (name, b"kept", 1, True)
            await person.publish(name, b"", 1, retain=True)
            assert seen(await following(person)) == (name, b"", 1, False)

    run(conversation)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_lost_connection_publishes_the_will(node: NodeProcess, version: ProtocolVersion) -> None:
    name = f"aio-will-{version.name}"

    async def conversation() -> None:
        will = aiomqtt.Will(name, b"gone", 2)
        async with client(node, f"{name}-watch", version) as watcher:
            await watcher.subscribe(name, 2)
            async with client(node, name, version, will=will) as doomed:
                # aiomqtt offers no way to leave without DISCONNECT.
                doomed._client.socket().shutdown(socket.SHUT_RDWR)
                with pytest.raises(aiomqtt.MqttError):
                    await following(doomed)
            assert seen(await following(watcher)) == (name, b"gone", 2, False)

    run(conversation)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_hundred_publishers_at_once_are_all_acknowledged(
    node: NodeProcess, version: ProtocolVersion
) -> None:
    name = f"aio-many-{version.name}"

    async def conversation() -> None:
        async with client(node, name, version) as person:
            await person.subscribe(f"{name}/#", 1)
            async with asyncio.TaskGroup() as publishing:
                for number in range(100):
                    publishing.create_task(person.publish(f"{name}/{number}", b"", 1))
            got = [str((await following(person)).topic) for _ in range(100)]
        assert sorted(got) == sorted(f"{name}/{number}" for number in range(100))

    run(conversation)


def test_properties_of_version_5_come_through(node: NodeProcess) -> None:
    async def conversation() -> None:
        sent = Properties(PacketTypes.PUBLISH)
        sent.ContentType = "text/plain"
        sent.ResponseTopic = "answer/here"
        sent.CorrelationData = b"\x00\x01"
        sent.UserProperty = [("b", "2"), ("a", "1"), ("b", "3")]
        async with client(node, "aio-properties", V5) as person:
            await person.subscribe("aio-properties", 1)
            await person.publish("aio-properties", b"x", 1, properties=sent)
            message = await following(person)
        assert message.properties is not None
        assert message.properties.json() == sent.json()

    run(conversation)


def test_a_session_is_resumed_with_what_it_missed(node: NodeProcess) -> None:
    name = "aio-session"
    keep = Properties(PacketTypes.CONNECT)
    keep.SessionExpiryInterval = 60

    async def conversation() -> None:
        async with client(node, name, V5, clean_start=True, properties=keep) as person:
            await person.subscribe(name, 2)
        async with client(node, f"{name}-other", V5) as other:
            await other.publish(name, b"missed", 2)
        async with client(node, name, V5, clean_start=False) as person:
            assert seen(await following(person)) == (name, b"missed", 2, False)

    run(conversation)
