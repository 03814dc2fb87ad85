"""Our MQTT client, in front of a broker that says what the test has it say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
)
from app.mqtt.properties import Properties
from app.mqtt.reason_codes import ReasonCode
from app.rules.errors import ActionFailed, ResourceDown, TryAgain
from app.rules.resources.mqtt_client import ClientOptions, MqttClient


class Peer(asyncio.Transport):
    """The other broker: one object for all connections, which keeps what it is sent."""

    def __init__(self, version: int = MQTT_5) -> None:
        super().__init__()
        self.version = version
        self.connack = Connack(False, 0)
        self.connections = 0
        self.packets: list[Packet] = []
        self.refuses_connections = False
        self.follows: Publish | None = None
        """Sent in one piece with CONNACK."""
        self._line: Any = None

    async def open(self, factory: Callable[[], Any], *_where: object, **_tls: object) -> None:
        if self.refuses_connections:
            raise ConnectionRefusedError(111, "Connection refused")
        self.connections += 1
        self._decoder = FrameDecoder(1_000_000)
        self._line = factory()
        self._line.connection_made(self)

    def write(self, data: Any) -> None:
        for packet in self._decoder.feed(data):
            self.packets.append(packet)
            if isinstance(packet, Connect) and self.connack is not None:
                follows = () if self.follows is None else (self.follows,)
                self.sends(self.connack, *follows)

    def sends(self, *packets: Packet) -> None:
        self._line.data_received(b"".join(one.encode(self.version) for one in packets))

    def close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            asyncio.get_running_loop().call_soon(line.connection_lost, None)

    def congested(self, *, is_congested: bool) -> None:
        (self._line.pause_writing if is_congested else self._line.resume_writing)()

    def got(self, kind: type[Any]) -> list[Any]:
        return [packet for packet in self.packets if isinstance(packet, kind)]


def begun(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(coroutine)


async def turn() -> None:
    """Let everybody do what can be done now."""
    for _ in range(20):
        await asyncio.sleep(0)


def play(
    scene: Callable[[Peer, MqttClient], Coroutine[Any, Any, None]], version: int = MQTT_5
) -> None:
    """Run a scene with a client that keeps itself connected."""

    async def run() -> None:
        peer = Peer(version)
        loop = asyncio.get_running_loop()
        loop.create_connection = peer.open  # type: ignore[method-assign, assignment]
        options = ClientOptions("h", 1, "bridge", version, reconnect_interval_s=0.001)
        client = MqttClient(options, lambda: None)
        task = loop.create_task(client.run())
        await turn()
        try:
            await scene(peer, client)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - who waits is a test
            await asyncio.sleep(0.001)


def a_message(number: int = 0, qos: int = 1) -> Publish:
    return Publish(f"t/{number}", b"x", qos)


@pytest.mark.parametrize("version", [MQTT_3_1_1, MQTT_5])
def test_it_connects_with_a_session_that_outlives_a_connection(version: int) -> None:
    async def scene(peer: Peer, client: MqttClient) -> None:
        (connect,) = peer.got(Connect)
        assert (connect.clientid, connect.proto_ver, connect.clean_start) == (
            "bridge",
            version,
            False,
        )
        assert bool(connect.properties) == (version == MQTT_5)
        assert client.is_connected

    play(scene, version)


def test_each_quality_of_service_is_waited_for_as_it_must_be() -> None:
    async def scene(peer: Peer, client: MqttClient) -> None:
        await client.publish(a_message(0, qos=0))
        first = begun(client.publish(a_message(1, qos=1)))
        second = begun(client.publish(a_message(2, qos=2)))
        await turn()
        assert [(one.topic, one.qos, one.packet_id) for one in peer.got(Publish)] == [
            ("t/0", 0, None),
            ("t/1", 1, 1),
            ("t/2", 2, 2),
        ]
        assert not first.done() and not second.done()
        peer.sends(Puback(1))
        peer.sends(Pubrec(2))
        await turn()
        assert first.done() and not second.done()
        assert [one.packet_id for one in peer.got(Pubrel)] == [2]
        peer.sends(Pubcomp(2))
        await second

    play(scene)


@pytest.mark.parametrize("refusal", [Puback(1, 0x87), Pubrec(1, 0x87)])
def test_a_refused_message_has_failed(refusal: Puback | Pubrec) -> None:
    async def scene(peer: Peer, client: MqttClient) -> None:
        task = begun(client.publish(a_message(qos=2)))
        await turn()
        peer.sends(refusal)
        with pytest.raises(ActionFailed, match="NOT_AUTHORIZED"):
            await task

    play(scene)


def test_what_was_not_acknowledged_is_sent_again_in_order_over_the_next_connection() -> None:
    async def scene(peer: Peer, client: MqttClient) -> None:
        tasks = [begun(client.publish(a_message(n, qos=2))) for n in range(3)]
        await turn()
        peer.sends(Pubrec(1))
        await turn()
        peer.packets.clear()
        peer.connack = Connack(True, 0)
        peer.close()
        await until(lambda: peer.connections == 2 and client.is_connected)
        await turn()
        assert [one.packet_id for one in peer.got(Pubrel)] == [1]
        assert [(one.packet_id, one.dup) for one in peer.got(Publish)] == [(2, True), (3, True)]
        for packet_id in (1, 2, 3):
            peer.sends(Pubcomp(packet_id))
        await asyncio.gather(*tasks)

    play(scene)


def test_a_forgotten_session_makes_it_begin_anew_but_for_what_was_taken() -> None:
    async def scene(peer: Peer, client: MqttClient) -> None:
        taken = begun(client.publish(a_message(0, qos=2)))
        sent = begun(client.publish(a_message(1, qos=1)))
        await turn()
        peer.sends(Pubrec(1))
        peer.packets.clear()
        peer.close()
        await until(lambda: peer.connections == 2 and client.is_connected)
        await taken
        assert [(one.packet_id, one.dup) for one in peer.got(Publish)] == [(2, False)]
        peer.sends(Puback(2))
        await sent

    play(scene)


def test_publishing_waits_for_a_connection_and_for_room() -> None:
    async def scene(peer: Peer, client: MqttClient) -> None:
        peer.connack = Connack(False, 0, Properties(receive_maximum=1))
        peer.close()
        await turn()
        tasks = [begun(client.publish(a_message(n))) for n in range(3)]
        await until(lambda: client.is_connected)
        for number in range(3):
            await turn()
            assert [one.topic for one in peer.got(Publish)] == [f"t/{n}" for n in range(number + 1)]
            peer.sends(Puback(peer.got(Publish)[-1].packet_id))
        await asyncio.gather(*tasks)
        peer.congested(is_congested=True)
        late = begun(client.publish(a_message(4, qos=0)))
        await turn()
        assert not late.done()
        peer.congested(is_congested=False)
        await late

    play(scene)


def test_what_the_other_broker_cannot_take_is_made_to_fit_or_refused() -> None:
    async def scene(peer: Peer, client: MqttClient) -> None:
        limits = Properties(maximum_qos=0, retain_available=0, maximum_packet_size=50)
        peer.connack = Connack(False, 0, limits)
        peer.close()
        await until(lambda: peer.connections == 2 and client.is_connected)
        await client.publish(Publish("t", b"x", 2, True))
        (sent,) = peer.got(Publish)
        assert (sent.qos, sent.retain) == (0, False)
        with pytest.raises(ActionFailed, match="bytes"):
            await client.publish(Publish("t", b"x" * 100))

    play(scene)


def test_what_comes_right_behind_the_answer_to_connect_is_acknowledged() -> None:
    async def scene(peer: Peer, client: MqttClient) -> None:
        peer.connack = Connack(True, 0)
        peer.follows = Publish("t", b"kept for us", 1, packet_id=9)
        peer.close()
        await until(lambda: peer.connections == 2 and client.is_connected)
        assert peer.got(Puback) == [Puback(9)]

    play(scene)


def test_who_is_refused_is_told_why() -> None:
    async def scene(peer: Peer, client: MqttClient) -> None:
        peer.connack = Connack(False, ReasonCode.NOT_AUTHORIZED)
        client.disconnect()
        other = MqttClient(ClientOptions("h", 1, "c", MQTT_5), lambda: None)
        with pytest.raises(ResourceDown, match="NOT_AUTHORIZED"):
            await other.connect()
        peer.refuses_connections = True
        with pytest.raises(ResourceDown, match="Connection refused"):
            await other.connect()

    play(scene)


def test_a_closed_client_says_goodbye_and_gives_back_what_waits() -> None:
    async def scene(peer: Peer, client: MqttClient) -> None:
        under_way = begun(client.publish(a_message(1)))
        peer.congested(is_congested=False)
        await turn()
        client.disconnect()
        with pytest.raises(TryAgain):
            await under_way
        with pytest.raises(TryAgain):
            await client.publish(a_message(2))
        assert isinstance(peer.packets[-1], Disconnect)

    play(scene)


def test_rubbish_ends_the_connection_and_a_new_one_is_made() -> None:
    async def scene(peer: Peer, client: MqttClient) -> None:
        peer._line.data_received(b"\x00\x00")
        assert not client.is_connected
        await until(lambda: peer.connections == 2 and client.is_connected)

    play(scene)
