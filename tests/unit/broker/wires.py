"""A real listener and real connections over transports and a loop whose time belong to the test; no sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.broker.admission import Admission
from app.broker.connection import Connection
from app.broker.flusher import Flusher
from app.broker.listener import CONNECTIONS, Listener
from app.config import ListenerConfig
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import MQTT_5, Packet
from tests.harness.playbook import LARGEST, Playbook, connect_packet


class TurnLoop(asyncio.SelectorEventLoop):
    """An event loop that takes one turn when told to, with a clock to match."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        super().__init__()

    def time(self) -> float:
        return self.now_s

    def turn(self, function: Callable[..., Any] | None = None, *args: Any) -> Any:
        """Call a function on the loop, and all that it asked to be called soon."""

        async def call() -> Any:
            return function(*args) if function is not None else None

        return self.run_until_complete(call())

    def turns(self, count: int = 5) -> None:
        for _ in range(count):
            self.turn()

    def advance(self, seconds: float) -> None:
        self.now_s += seconds
        self.turns()


class FakeTransport(asyncio.Transport):
    """Keeps what is written; its buffer is as full as the test says."""

    def __init__(self, loop: TurnLoop, protocol: asyncio.Protocol, **extra: Any) -> None:
        super().__init__({"peername": ("10.0.0.7", 51_000), "sockname": ("0.0.0.0", 1883), **extra})
        self.loop = loop
        self.protocol = protocol
        self.writes: list[bytes] = []
        self.buffered = 0
        self.high = 0
        self.reads = True
        self.closing = False
        self.aborted = False
        self._lost = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closing, "written after close"
        self.writes.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high or 0

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        assert not self.closing, "reads after close"
        self.reads = True

    def is_closing(self) -> bool:
        return self.closing

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.closing = True
        if not self.buffered:
            self._lose(None)

    def abort(self) -> None:
        self.closing = self.aborted = True
        self._lose(None)

    def lose(self, error: Exception | None = None) -> None:
        """Let the network end the connection."""
        self.closing = True
        self._lose(error)
        self.loop.turn()

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self.loop.call_soon(self.protocol.connection_lost, error)


class Peer:
    """The other end of one connection."""

    def __init__(self, house: House, **extra: Any) -> None:
        self.house = house
        self.loop = house.loop
        kind = CONNECTIONS[house.listener.config.protocol]
        self.connection: Connection = self.loop.turn(kind, house.listener)
        self.transport = FakeTransport(self.loop, self.connection, **extra)
        self.loop.turn(self.connection.connection_made, self.transport)
        self.decoder = FrameDecoder(LARGEST, MQTT_5, server=False)

    def sends(self, *packets: Packet | bytes) -> None:
        """Send packets in one segment and let the loop take a turn."""
        data = b"".join(p if isinstance(p, bytes) else p.encode(MQTT_5) for p in packets)
        self.loop.turn(self.connection.data_received, data)

    def receives(self) -> list[Packet]:
        """Return what was written since the last look."""
        writes, self.transport.writes = self.transport.writes, []
        packets = self.decoder.feed(b"".join(writes))
        assert self.decoder.error is None, self.decoder.error
        return packets

    def connects(self, clientid: str = "c", **fields: Any) -> None:
        self.sends(connect_packet(clientid, **fields))
        self.receives()


class House:
    """A playbook's broker with a listener that has no socket."""

    def __init__(self, protocol: str = "tcp", **settings: Any) -> None:
        listener = settings.pop("listener", {})
        self.playbook = Playbook(**settings)
        self.core = self.playbook.core
        self.loop = TurnLoop()
        config = replace(ListenerConfig(protocol, "external", "0.0.0.0", 1883), **listener)
        clock = self.core.clock
        self.admission = Admission(self.loop, clock, self.core.config, self.core.metrics)
        self.listener = self.loop.turn(
            Listener, config, self.core, Flusher(self.loop, clock), self.admission
        )

    def peer(self, **extra: Any) -> Peer:
        return Peer(self, **extra)

    def connect(self, clientid: str = "c", **fields: Any) -> Peer:
        peer = self.peer()
        peer.connects(clientid, **fields)
        return peer

    def close(self) -> None:
        pending = asyncio.all_tasks(self.loop)
        for task in pending:
            task.cancel()
        self.loop.turns()
        self.loop.close()
