"""Conversations with a broker that has neither sockets nor a clock of its own, as plain lists of packets.

A `Playbook` is a broker; `connect` gives a `Client`; what a client `sends` goes through both codecs, what it
`receives` was read from the bytes on its `FakeWire`, and `advance` turns the hands of the clock.

    playbook = Playbook()
    alice = playbook.connect("alice")
    alice.sends(Subscribe(1, (SubscribeFilter("t", 1),)))
    assert alice.receives() == [Suback(1, (1,))]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Coroutine, Generator, Mapping
from dataclasses import replace
from typing import Any

from app.broker.broker import Broker
from app.broker.channel.channel import Channel
from app.broker.channel.dispatch import handle_in
from app.broker.client_info import ClientInfo
from app.broker.hooks import HOOK_POINTS
from app.broker.message import Message
from app.broker.ports import NO_STORAGE, StoragePort
from app.broker.session import Session
from app.broker.timers import RESOLUTION_S
from app.clock import FakeClock
from app.config import AllowAnonymous, BrokerConfig, MqttConfig, RetainerConfig, ZoneConfig
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import (
    MQTT_3_1,
    MQTT_5,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Suback,
    Subscribe,
    SubscribeFilter,
    Will,
)
from app.mqtt.properties import NO_PROPERTIES, Properties
from app.mqtt.reason_codes import ReasonCode

__all__ = ["Client", "FakeClock", "FakeWire", "Later", "Playbook", "only"]

LARGEST = 268_435_455


class FakeWire:
    """A connection without a socket: it keeps the bytes that a channel writes."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.closed = False
        self.octets = 0
        """Bytes that came from the client: what the keepalive watches."""
        self.unsent = 0
        self.backlog = 0
        self.lane = None
        self.waits_for = 0
        """Mark of the storage that the last write waits for."""

    def wait_for(self, mark: int) -> None:
        self.waits_for = mark

    def write_past(self, data: bytes) -> None:
        self.write(data)

    def write(self, data: bytes) -> None:
        if not self.closed:
            self.frames.append(data)

    def close(self) -> None:
        self.closed = True

    def activity(self) -> tuple[int, int]:
        return self.octets, self.unsent

    def silence_ms(self) -> int | None:
        return None

    def pending_bytes(self) -> int:
        return self.unsent

    def backlog_len(self) -> int:
        return self.backlog


class Later:
    """Something to wait for, which comes when the test says so."""

    def __init__(self) -> None:
        self._answer: Any = None
        self._failure: Exception | None = None
        self._done = False

    def answers(self, answer: Any) -> None:
        self._answer, self._done = answer, True

    def fails(self, failure: Exception) -> None:
        self._failure, self._done = failure, True

    def __await__(self) -> Generator[None, None, Any]:
        while not self._done:
            yield
        if self._failure is not None:
            raise self._failure
        return self._answer


class _Until:
    """Something to wait for, up to a moment of a clock; it is looked at whenever the broker is let go on."""

    def __init__(self, clock: FakeClock, seconds: float, answer: Awaitable[Any]) -> None:
        self._clock = clock
        self._until_s = clock.monotonic_s() + seconds
        self._answer = answer

    def __await__(self) -> Generator[Any, None, Any]:
        steps = self._answer.__await__()
        while True:
            try:
                step = next(steps)
            except StopIteration as done:
                return done.value
            if self._clock.monotonic_s() >= self._until_s:
                raise TimeoutError
            yield step


class Client:
    """One client and its connection; it does nothing by itself."""

    def __init__(self, playbook: Playbook, version: int, info: ClientInfo) -> None:
        self.playbook = playbook
        self.version = version
        self.wire = FakeWire()
        self.channel = Channel(playbook.core, info, self.wire)
        self._to_broker = FrameDecoder(playbook.config.mqtt.max_packet_size)
        self._to_client = FrameDecoder(LARGEST, version, server=False)
        self._waiting: Coroutine[Any, Any, None] | None = None

    @property
    def session(self) -> Session:
        assert self.channel.session is not None
        return self.channel.session

    @property
    def is_closed(self) -> bool:
        """Tell whether the broker ended the connection."""
        return self.wire.closed

    @property
    def is_waiting(self) -> bool:
        """Tell whether a check keeps the broker from obeying the next packet."""
        return self._waiting is not None

    def sends(self, *packets: Packet | bytes) -> None:
        """Send packets, or raw bytes; each must be obeyed or be the last before a wait."""
        for packet in packets:
            data = packet if isinstance(packet, bytes) else packet.encode(self.version)
            self.wire.octets += len(data)
            for decoded in self._to_broker.feed(data):
                assert self._waiting is None, "the broker still waits; test that with a Connection"
                self._wait_for(handle_in(self.channel, decoded))
            if self._to_broker.error is not None:
                self.channel.handle_error(self._to_broker.error)

    def _wait_for(self, check: Awaitable[None] | None) -> None:
        if check is not None:
            assert isinstance(check, Coroutine)
            self._waiting = check
            self.goes_on()

    def goes_on(self) -> None:
        """Let the broker look whether what it waits for has come."""
        assert self._waiting is not None
        try:
            self._waiting.send(None)
        except StopIteration:
            self._waiting = None

    def receives(self) -> list[Packet]:
        """Return what came since the last look, decoded as a strict client does."""
        packets = self._to_client.feed(b"".join(self.receives_frames()))
        error = self._to_client.error
        assert error is None, f"the broker sent what a client must refuse: {error}"
        return packets

    def receives_frames(self) -> list[bytes]:
        """Return what came since the last look, as written."""
        frames, self.wire.frames = self.wire.frames, []
        return frames

    def subscribes(self, *topic_filters: str, qos: int = 0, **options: Any) -> None:
        """Subscribe and require that all is granted; what is retained stays to be received."""
        filters = tuple(SubscribeFilter(name, qos, **options) for name in topic_filters)
        self.sends(Subscribe(0xFFFF, filters))
        frames = self.receives_frames()
        granted = Suback(0xFFFF, (qos,) * len(filters)).encode(self.version)
        assert frames[0] == granted, frames
        self.wire.frames = frames[1:]

    def leaves(self) -> None:
        """Say goodbye."""
        self.sends(Disconnect())

    def crashes(self) -> None:
        """Lose the connection without a word."""
        self.wire.closed = True
        if self._waiting is not None:
            self._waiting.close()
            self._waiting = None
        self.channel.handle_closed("tcp_closed")


class Playbook:
    """A broker without sockets, on a clock that stands still."""

    def __init__(
        self,
        *,
        mqtt: Mapping[str, Any] | None = None,
        zone: Mapping[str, Any] | None = None,
        retainer: Mapping[str, Any] | None = None,
        storage: StoragePort = NO_STORAGE,
        clock: FakeClock | None = None,
        **settings: Any,
    ) -> None:
        """Make a broker that lets everybody in; arguments change single settings."""
        settings.setdefault("allow_anonymous", AllowAnonymous.TRUE)
        self.clock = clock or FakeClock()
        self.config = BrokerConfig(
            mqtt=replace(MqttConfig(), **(mqtt or {})),
            retainer=replace(RetainerConfig(), **(retainer or {})),
            zones={"external": replace(ZoneConfig("external"), **(zone or {}))},
            listeners=(),
            **settings,
        )
        self.broker = Broker(self.config, self.clock, storage)
        self.core = self.broker.core
        self.core.spawn = self._spawn
        self.core.hooks.in_time = self._in_time
        self.told: list[tuple[str, Any]] = []
        """Hook points that were run and their last argument, for points that were `watch`ed."""
        self._spawned: list[Coroutine[Any, Any, None]] = []
        self._metrics_before: Counter[str] = Counter()

    # -- clients -------------------------------------------------------------------------------

    def client(
        self, version: int = MQTT_5, peerhost: str = "127.0.0.1", zone: ZoneConfig | None = None
    ) -> Client:
        """Open a connection; CONNECT is for the test to send."""
        zone = zone or self.config.zones["external"]
        return Client(self, version, ClientInfo(zone, "mqtt:tcp:external", peerhost, 50_000, 1883))

    def connect(
        self,
        clientid: str = "client",
        *,
        version: int = MQTT_5,
        clean_start: bool = True,
        properties: Properties = NO_PROPERTIES,
        **fields: Any,
    ) -> Client:
        """Open a connection and require that it is let in; its CONNACK is taken."""
        peerhost = fields.pop("peerhost", "127.0.0.1")
        client = self.client(version, peerhost)
        client.sends(
            connect_packet(clientid, version, clean_start, properties=properties, **fields)
        )
        frames = client.receives_frames()
        connack, *_ = FrameDecoder(LARGEST, version, server=False).feed(frames[0])
        assert isinstance(connack, Connack), connack
        assert connack.reason_code == 0, connack
        client.wire.frames = frames[1:]
        return client

    # -- time ----------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let time pass, with a turn of the timers at every tick."""
        until_s = self.clock.monotonic_s() + seconds
        while (left_s := until_s - self.clock.monotonic_s()) > 0:
            self.clock.advance(min(RESOLUTION_S, left_s))
            self.core.timers.advance(self.clock.monotonic_s())

    # -- the broker's inside -------------------------------------------------------------------

    def publish(
        self,
        topic: str,
        payload: bytes = b"x",
        qos: int = 0,
        *,
        retain: bool = False,
        properties: Properties = NO_PROPERTIES,
    ) -> int:
        """Publish in nobody's name."""
        message = Message(topic, payload, qos, retain, self.clock.wall_ms(), properties=properties)
        return self.broker.publish(message)

    def hook(self, name: str, callback: Any, priority: int = 0) -> None:
        """Add a callback to a hook point."""
        self.core.hooks.point(name).add(callback, priority)

    def always(self, name: str, answer: Any) -> None:
        """Add a callback that has one answer to everything."""
        self.hook(name, lambda *_: answer)

    def watch(self, *names: str) -> None:
        """Note in `told` when these points are run."""
        specs = {spec.name: spec for spec in HOOK_POINTS}
        for name in names:
            assert name in specs
            self.hook(name, lambda *args, name=name: self.told.append((name, args[-1])))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._spawned.append(coroutine)
        self.settle()

    async def _in_time(self, point: str, answer: Awaitable[Any]) -> Any:
        """Wait for a hook as the broker does, by the playbook's clock."""
        try:
            return await _Until(self.clock, self.config.hook_timeout_s, answer)
        except TimeoutError:
            self.core.metrics.count_hook_timeout(point)
            raise

    def settle(self) -> None:
        """Let what the broker does by the way go on."""
        waiting = []
        for coroutine in self._spawned:
            try:
                coroutine.send(None)
            except StopIteration:
                continue
            waiting.append(coroutine)
        self._spawned = waiting

    # -- figures -------------------------------------------------------------------------------

    def counted(self) -> dict[str, int]:
        """Return by how much which metrics grew since the last call."""
        now = Counter(self.core.metrics.snapshot())
        grown = {name: count - self._metrics_before[name] for name, count in now.items()}
        self._metrics_before = now
        return {name: growth for name, growth in grown.items() if growth}


def connect_packet(
    clientid: str = "client",
    version: int = MQTT_5,
    clean_start: bool = True,
    *,
    keepalive: int = 0,
    username: str | None = None,
    password: bytes | None = None,
    will: Will | None = None,
    properties: Properties = NO_PROPERTIES,
    is_bridge: bool = False,
) -> Connect:
    """Return a CONNECT of any version."""
    return Connect(
        "MQIsdp" if version == MQTT_3_1 else "MQTT",
        version,
        clean_start,
        keepalive,
        clientid,
        username,
        password,
        will,
        properties,
        is_bridge,
    )


def only(packets: list[Packet]) -> Any:
    """Return the one packet of a list."""
    assert len(packets) == 1, packets
    return packets[0]


def refusal(client: Client) -> tuple[type[Packet], ReasonCode]:
    """Return the one packet that told a client no, and require that the connection was ended."""
    packet = only(client.receives())
    assert client.is_closed
    assert isinstance(packet, Connack | Disconnect), packet
    return type(packet), ReasonCode(packet.reason_code)
