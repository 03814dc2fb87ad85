"""The shell around a channel: bytes from the socket in, bytes to the socket out, once per turn of the loop.

The only files that touch asyncio are this one, `websocket.py`, `listener.py`, `acceptor.py` and `broker.py`.

What bounds it: the decoder holds at most one packet; packets that wait for a slow check are those of one read, and
reading pauses meanwhile; what waits to be sent is bounded by the zone's `max_output_buffer`, beyond which the session
queues instead and reading pauses, so that answers to a client that never reads cannot pile up either.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Sequence
from functools import partial
from typing import Protocol, cast

from app.broker.access_control import Asks
from app.broker.admission import END_COSTS_S, Admission
from app.broker.arrival import introduce
from app.broker.channel.channel import Channel
from app.broker.channel.dispatch import handle_in
from app.broker.core import BrokerCore
from app.broker.flusher import Flusher
from app.broker.lane import CLOSED, MAX_LANE_BYTES, Lane, take
from app.broker.limiter import Limiter, limiter_for
from app.broker.pressure import Wait
from app.broker.proxy_protocol import Origin
from app.broker.router import ROUTE_CACHE_MAX_TOPICS, Route
from app.broker.sockets import silence_ms
from app.config import ListenerConfig, ZoneConfig
from app.mqtt.errors import MQTTError
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import MQTT_5, Packet, Publish, Subscribe, Unsubscribe
from app.mqtt.reason_codes import ReasonCode

logger = logging.getLogger(__name__)

MAX_QOS = 2
SLICE = 100
"""What one client may cost in one turn of the loop on the ordinary way, in PUBLISHes: a millisecond."""
SUBSCRIBING_COSTS = 8
"""What SUBSCRIBE and UNSUBSCRIBE cost, in PUBLISHes."""
OWN_ROUTES_MAX = 64
"""Topics of one client on the express lane, where the ACL has to allow each."""
LINGER_S = 1.0
"""How long a peer may take to end a connection that we have said the last word on."""
FORCE_CLOSE_AFTER_S = 5.0
"""A peer that does not take the last bytes is cut off after so long."""


class Door(Protocol):
    """The listener that a connection came in by, as the connection sees it."""

    config: ListenerConfig
    core: BrokerCore
    flusher: Flusher
    admission: Admission
    zone: ZoneConfig
    max_packet_size: int
    leaving: int
    """Connections that have ended and wait to be seen off."""
    lingers: bool
    """Whether peers get a moment to read our last words; not when the broker stops."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop that everything runs on."""

    def admit(self, connection: Connection) -> bool:
        """Note a new connection; False where there are too many."""

    def forget(self, connection: Connection, reason: str) -> None:
        """Note that a connection ended, and why."""


class Connection(Lane):
    """One TCP connection that speaks MQTT."""

    __slots__ = (
        "backlog",
        "closing",
        "core",
        "decoder",
        "held",
        "held_size",
        "limiter",
        "listener",
        "loop",
        "origin",
        "paused",
        "stalled",
        "transport",
        "unread",
        "waiting",
    )

    def __init__(self, listener: Door, origin: Origin | None = None) -> None:
        """Wait for the socket; `origin` is what a PROXY header said, where there was one."""
        # For ever
        self.listener = listener
        self.origin = origin
        self.core = listener.core
        self.flusher = listener.flusher
        self.loop = listener.loop
        self.decoder = FrameDecoder(listener.max_packet_size)
        self.limiter = limiter_for(listener.zone, listener.loop.time())
        # While connected
        self.transport: asyncio.Transport | None = None
        self.max_output_buffer = listener.zone.max_output_buffer
        self.out = []
        self.out_size = 0
        self.express = CLOSED
        self.routes = listener.core.router.by_packet
        self.is_v5 = False
        self.asks_acl = False
        self.gate = 0
        self.held: deque[tuple[int, bytes]] | None = None
        """What may not leave before the storage is safe up to a mark, with that mark, in order."""
        self.held_size = 0
        self.paused = False
        """The socket's buffer is over the limit."""
        self.stalled = False
        """Nothing is taken from the client: what it sent waits for room in somebody's queue, or it had its turn."""
        self.closing = False
        self.unread = b""
        """What a newcomer said, and says, before its turn to come in."""
        # While a check takes its time
        self.waiting: asyncio.Task[None] | None = None
        self.backlog: Sequence[Packet] = ()

    # -- asyncio.Protocol ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket, or refuse it where the listener is full."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=self.max_output_buffer)
        listener = self.listener
        client = introduce(listener.config, listener.zone, transport, self.origin)
        self.channel = Channel(self.listener.core, client, self)
        if not self.listener.admit(self):
            self.channel.handle_closed("max_connections")
            self.closing = True
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Obey what came: on the express lane if all of it can go that way."""
        size = len(data)
        channel = self.channel
        counters = channel.counters
        counters.recv_oct += size
        counters.recv_cnt += 1
        channel.metrics.bytes_received += size
        if self.express is self.core.express and not self.decoder.pending:
            taken = take(self, data)
            if taken == size:
                return
            data = data[taken:]
        self.feed(data)

    def eof_received(self) -> bool:
        """Close our half as well, when it is its turn."""
        if self.transport is None or self.listener.config.tls is not None:
            return False  # the end of TLS does not wait
        self.listener.admission.do(self.transport.close, END_COSTS_S)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the channel, whoever ended the connection."""
        self.closing = True
        self.express = CLOSED
        self.transport = None
        self.out.clear()
        self.held = None
        self._drop_backlog()
        # A check that is under way runs to its end, which finds the channel closed: cancelled before its first step
        # it would leave behind what it was to wait for.
        reason = "tcp_closed" if exc is None else "tcp_error"
        if not self.channel.is_connected:
            # A login that is being decided has to find that nobody is there any more.
            self._leave(reason)
            return
        self.listener.leaving += 1
        if not self.listener.admission.do(partial(self._is_seen_off, reason)):
            # What comes for the client until it is its turn is what it missed.
            self.channel.set_congested(True)

    def _is_seen_off(self, reason: str) -> None:
        self.listener.leaving -= 1
        self._leave(reason)

    def _leave(self, reason: str) -> None:
        self.channel.handle_closed(reason)
        self.listener.forget(self, self.channel.disconnect_reason)

    def _drop_backlog(self) -> None:
        """Count what came and will not be handled: its sender is gone before its turn was."""
        count = sum(type(packet) is Publish for packet in self.backlog)
        self.backlog = ()
        if count:
            self.channel.counters.recv_msg_dropped += count
            self.channel.metrics.publish_dropped += count

    def pause_writing(self) -> None:
        """The peer does not read: let the session queue, and do not read from it either."""
        self.paused = True
        if self.transport is not None and not self.closing:
            self.transport.pause_reading()
        self.channel.set_congested(True)

    def resume_writing(self) -> None:
        """The peer reads again."""
        self.paused = False
        self._resume_reading()
        self.channel.set_congested(False)

    # -- in ------------------------------------------------------------------------------------

    def count_received(self, size: int) -> None:
        """Count bytes off the socket."""
        counters = self.channel.counters
        counters.recv_oct += size
        counters.recv_cnt += 1
        self.channel.metrics.bytes_received += size

    def feed(self, data: bytes) -> None:
        """Obey MQTT bytes: on the express lane as far as that goes, the rest packet by packet."""
        if self.closing or not data:
            return
        decoder = self.decoder
        if self.express is self.core.express and len(decoder.pending) <= MAX_LANE_BYTES:
            if decoder.pending:
                data = decoder.take_back() + data
            taken = take(self, data)
            if taken == len(data):
                return
            data = data[taken:]
        if self.unread:
            self.unread += data
        elif self.channel.is_connected or self.waiting is not None:
            self._feed_decoder(data)
        else:
            self.unread = data
            if not self.listener.admission.let_in(self._come_in):
                self.stall()

    def _feed_decoder(self, data: bytes) -> None:
        """Hand bytes to the decoder and packets to the channel."""
        packets = self.decoder.feed(data)
        if self.limiter is not None:
            self._limit(sum(type(packet) is Publish for packet in packets), len(data))
        if self.waiting is not None or self.stalled:
            self.backlog = [*self.backlog, *packets]
            return
        self._handle(packets)
        if self.express is not self.core.express:
            self._look_at_lane()

    def _come_in(self) -> None:
        """Take what a newcomer said, now that it is its turn."""
        data, self.unread = self.unread, b""
        self.stalled = False
        if not self.closing:
            self._feed_decoder(data)
            self._resume_reading()

    def find_route(self, raw: bytes) -> Route | None:
        """Look up a topic that this client's express lane does not know yet; None where the rules have to see it.

        Args:
            raw: The topic as it stands in a packet, two bytes of length and the name.
        """
        try:
            topic = raw[2:].decode()
        except UnicodeDecodeError:
            return None
        core = self.core
        mqtt = core.config.mqtt
        levels = mqtt.max_topic_levels
        if (
            not topic
            or topic[0] == "$"
            or "+" in topic
            or "#" in topic
            or "\0" in topic
            or mqtt.strict_mode
            or (levels and topic.count("/") >= levels)
            or (self.asks_acl and not core.access.is_known_to_publish(self.channel.client, topic))
        ):
            return None
        hearer = core.hearer_of(topic) if core.interests else False
        if hearer is True:
            return None
        route = core.router.match(topic)
        route.hearer = hearer or None
        if route.live:
            if len(self.routes) >= (OWN_ROUTES_MAX if self.asks_acl else ROUTE_CACHE_MAX_TOPICS):
                # What is in use comes back with its next packet.
                self.routes.clear()
            self.routes[raw] = route
        return route

    def _look_at_lane(self) -> None:
        """Open the express lane if nothing about this client has to be asked for every message, else close it."""
        channel = self.channel
        mqtt = self.core.config.mqtt
        asks = self.core.access.asks(channel.client)
        may = (
            self.core.express is not None
            and channel.is_connected
            and not self.closing
            and self.waiting is None
            and not self.stalled
            and self.limiter is None
            and asks is not Asks.EVERY_TIME
            and not channel.client.mountpoint
            and mqtt.max_qos_allowed == MAX_QOS
            and self.decoder.max_packet_size >= MAX_LANE_BYTES
        )
        if may:
            assert channel.session is not None
            self.express = self.core.express
            self.session = channel.session
            self.is_v5 = channel.version == MQTT_5
            self.asks_acl = asks is Asks.ONCE_IN_A_WHILE
            self.routes = {} if self.asks_acl else self.core.router.by_packet
        else:
            self.express = CLOSED

    def limit(self, limiter: Limiter | None) -> None:
        """Hold the client to other limits from now on, or to none."""
        self.limiter = limiter
        # What takes the express lane is not measured; a pause that the old limits imposed is over with them.
        self.express = CLOSED
        self._resume_reading()

    def _limit(self, messages: int, size: int) -> None:
        """Read nothing more until what came is within the rate limit."""
        limiter = self.limiter
        assert limiter is not None
        pause_s = limiter.take(messages, size, self.loop.time())
        if pause_s <= 0 or self.transport is None or self.closing:
            return
        limiter.holds += 1
        self.channel.metrics.client_rate_limited += 1
        self.transport.pause_reading()

        def release() -> None:
            limiter.holds -= 1
            self._resume_reading()

        self.loop.call_later(pause_s, release)

    def _is_limited(self) -> bool:
        return self.limiter is not None and self.limiter.holds > 0

    def _handle(self, packets: Sequence[Packet], *, has_turn: bool = False) -> None:
        """Handle packets in order; with `has_turn` the first one is what the client was in line for."""
        channel = self.channel
        left = iter(packets)
        cost = 0
        for packet in left:
            kind = type(packet)
            if (kind is Subscribe or kind is Unsubscribe) and channel.is_connected:
                if not has_turn and not self.listener.admission.has_room():
                    self.stall()
                    self.backlog = [packet, *left]
                    self.listener.admission.do(self._my_turn)
                    return
                check = self.listener.admission.charge(partial(handle_in, channel, packet))
            else:
                check = handle_in(channel, packet)
            has_turn = False
            if check is not None:
                self._suspend(check, list(left))
                return
            if self.stalled:
                self.backlog = list(left)
                return
            cost += SUBSCRIBING_COSTS if kind is Subscribe or kind is Unsubscribe else 1
            if cost >= SLICE:
                cost = 0
                rest = list(left)
                if rest and not self.closing:
                    self._take_turns(rest)
                    return
        if self.decoder.error is not None:
            self.channel.handle_error(self.decoder.error, self.decoder.version)

    def _take_turns(self, rest: list[Packet]) -> None:
        """Let others have their turn before the rest of what came is handled."""
        self.stall()
        self.backlog = rest
        self.loop.call_soon(self._next_slice)

    def _next_slice(self) -> None:
        self.stalled = False
        if not self.closing:
            self._handle_backlog()

    def _my_turn(self) -> None:
        self.stalled = False
        if not self.closing:
            self._handle_backlog(has_turn=True)

    def _suspend(self, check: Awaitable[None], rest: list[Packet]) -> None:
        """Keep the order: nothing of this client is handled until the check is done."""
        self.backlog = rest
        self.express = CLOSED
        if self.transport is not None:
            self.transport.pause_reading()
        is_login = not self.channel.is_connected
        if is_login:
            self.listener.admission.login_begins()
        self.waiting = self.loop.create_task(self._wait(check, is_login))

    async def _wait(self, check: Awaitable[None], is_login: bool) -> None:
        try:
            await check
        except MQTTError as error:
            self.channel.handle_error(error)
        except Exception:
            logger.exception("A packet of client %s failed", self.channel.client.clientid)
            self.channel.disconnect(ReasonCode.IMPLEMENTATION_SPECIFIC_ERROR, "internal_error")
        self.waiting = None
        if is_login:
            self.listener.admission.login_ends()
        if not self.stalled:
            self._handle_backlog()

    def _handle_backlog(self, *, has_turn: bool = False) -> None:
        """Go on with what came meanwhile, then read again."""
        backlog, self.backlog = self.backlog, ()
        self._handle(backlog, has_turn=has_turn)
        if self.express is not self.core.express:
            # Who always sends more than one turn takes has no other moment to get back to the lane.
            self._look_at_lane()
        self._resume_reading()

    def _resume_reading(self) -> None:
        pauses = (
            self.waiting is not None
            or self.stalled
            or self.paused
            or self.closing
            or self._is_limited()
        )
        if self.held is not None and self.core.storage.is_behind:
            pauses = True
        if self.transport is not None and not pauses:
            self.transport.resume_reading()

    # -- Wire: what the channel asks for --------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send bytes, together with the others of this turn of the loop."""
        if self.closing:
            return
        if not self.out:
            self.flusher.add(self)
        self.out.append(data)
        self.out_size += len(data)
        if self.out_size > self.max_output_buffer:
            self.hold()

    def stall(self) -> None:
        """Take nothing more from the client: what it published waits for room in somebody's queue."""
        self.stalled = True
        self.express = CLOSED
        if self.transport is not None and not self.closing:
            self.transport.pause_reading()

    def go_on(self, wait: Wait) -> None:
        """Have what waited acknowledged in the next turn, and go on with what came meanwhile."""
        self.loop.call_soon(self._go_on, wait)

    def _go_on(self, wait: Wait) -> None:
        self.stalled = False
        if self.closing:
            return
        self.channel.acknowledge(wait)
        if self.waiting is None:
            self._handle_backlog()

    def hold(self) -> None:
        """Have the session queue from now on: more waits to be sent than `max_output_buffer`."""
        self.channel.set_congested(True)

    @property
    def lane(self) -> Lane:
        """Return the lane that the channel's messages may be put on."""
        return self

    def flush(self) -> None:
        """Give everything to the transport in one write."""
        out = self.out
        if not out or self.transport is None:
            return
        data = b"".join(out) if len(out) > 1 else out[0]
        out.clear()
        self.out_size = 0
        if self.gate or self.held is not None:
            self._keep_back(data)
            return
        size = len(data)
        channel = self.channel
        counters = channel.counters
        counters.send_oct += size
        counters.send_cnt += 1
        channel.metrics.bytes_sent += size
        self.transport.write(data)
        if channel.congested:
            self._look_again()

    def transmit(self, data: bytes) -> None:
        """Give bytes to the transport."""
        if self.transport is None:
            return
        size = len(data)
        channel = self.channel
        channel.counters.send_oct += size
        channel.counters.send_cnt += 1
        channel.metrics.bytes_sent += size
        self.transport.write(data)
        if channel.congested:
            self._look_again()

    # -- what has to be safe first -------------------------------------------------------------

    def wait_for(self, mark: int) -> None:
        """Send nothing that is written in this turn, or later, before the storage is safe up to a mark."""
        if mark > self.core.storage.safe:
            self.gate = mark

    def write_past(self, data: bytes) -> None:
        """Send bytes that need not wait for the storage, even where others do."""
        if self.held is None or self.closing:
            self.write(data)
        else:
            self.transmit(data)

    def _keep_back(self, data: bytes) -> None:
        """Send bytes when the storage is safe, behind those that wait for it already."""
        storage = self.core.storage
        gate, self.gate = self.gate, 0
        if self.held is None:
            if gate <= storage.safe:
                self.transmit(data)
                return
            self.held = deque()
            storage.when_safe(self)
        self.held.append((gate, data))
        self.held_size += len(data)
        self.out_size = self.held_size
        if storage.is_behind and self.transport is not None and not self.closing:
            # Or whoever does not wait for acknowledgements fills the memory with what cannot be written.
            self.channel.metrics.storage_paused += 1
            self.transport.pause_reading()

    def on_safe(self) -> None:
        """Send what waited for the storage, as far as it is safe now."""
        held = self.held
        if held is None:
            return
        storage = self.core.storage
        safe = storage.safe
        chunks: list[bytes] = []
        while held and held[0][0] <= safe:
            chunks.append(held.popleft()[1])
        if chunks:
            data = b"".join(chunks)
            self.held_size -= len(data)
            self.out_size -= len(data)
            self.transmit(data)
        if held:
            storage.when_safe(self)
            return
        self.held = None
        if self.closing:
            self.end_transport(lingers=True)
        else:
            self._resume_reading()

    def _look_again(self) -> None:
        """Have the hold that one turn's worth of messages caused lifted, if it is not the peer that holds."""
        if not self.paused:
            self.loop.call_soon(self._recheck)

    def _recheck(self) -> None:
        """Lift the hold that one turn's worth of messages caused, if the socket took them."""
        if self.transport is None or self.paused or not self.channel.congested:
            return
        if self.held is not None:
            return  # looked at again when it has left
        if self.transport.get_write_buffer_size() <= self.max_output_buffer // 4:
            self.channel.set_congested(False)
        else:
            self.loop.call_later(0.01, self._recheck)

    def close(self) -> None:
        """Send what is left to send, then close."""
        if self.closing:
            return
        has_last_words = bool(self.out)
        self.flush()
        self.closing = True
        self.express = CLOSED
        if self.held is not None:
            # The last words wait for the storage, but not for ever.
            self.loop.call_later(FORCE_CLOSE_AFTER_S, self.abort)
        else:
            self.end_transport(lingers=has_last_words)

    def end_transport(self, *, lingers: bool) -> None:
        """Close, once everything was given to the transport; `lingers` where the peer has something to read yet."""
        transport = self.transport
        if transport is None:
            return
        if lingers and self.listener.lingers and transport.can_write_eof():
            # A socket that is closed with bytes unread is reset, and the peer may never read why it was closed. So
            # only our half is closed, and what still comes is read and dropped.
            transport.write_eof()
            if self.paused:
                transport.resume_reading()
            self.loop.call_later(LINGER_S, self._stop_lingering)
        else:
            transport.close()
            if transport.get_write_buffer_size():
                self.loop.call_later(FORCE_CLOSE_AFTER_S, self.abort)

    def _stop_lingering(self) -> None:
        """End a connection whose peer does not, when it took our last words or had enough time to."""
        if self.transport is None:
            return
        if self.transport.get_write_buffer_size():
            self.loop.call_later(FORCE_CLOSE_AFTER_S - LINGER_S, self.abort)
        else:
            self.abort()

    def abort(self) -> None:
        """Close without sending what is left."""
        if self.transport is not None:
            self.transport.abort()

    def activity(self) -> tuple[int, int]:
        """Return a mark that changes whenever the client shows life: bytes came, or were taken."""
        unsent = 0
        if self.paused and self.transport is not None:
            unsent = self.transport.get_write_buffer_size()
        elif self._is_limited() or self.stalled:
            # It may well have sent something: we do not look.
            unsent = -round(self.loop.time() * 1_000)
        return self.channel.counters.recv_oct, unsent

    def silence_ms(self) -> int | None:
        """Return for how long the client has sent nothing at all; None where nobody can tell."""
        return (
            None if self.transport is None else silence_ms(self.transport.get_extra_info("socket"))
        )

    def pending_bytes(self) -> int:
        """Return the bytes that wait to be sent or to be decoded."""
        pending = self.out_size + self.decoder.pending_bytes
        if self.transport is not None:
            pending += self.transport.get_write_buffer_size()
        return pending

    def backlog_len(self) -> int:
        """Return how many packets wait for a check to be done."""
        return len(self.backlog)
