"""The whole broker behind connections without sockets: strangers do what they like, a witness is served as ever."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, Final

from app.broker.enhanced_auth import Continue, Refuse, Success
from app.broker.enhanced_auth import Step as Answer
from app.broker.hooks import Stop
from app.broker.listener import Listener
from app.broker.websocket import WebSocketConnection
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import (
    MQTT_5,
    PINGREQ,
    PINGRESP,
    Puback,
    Publish,
    Suback,
    Subscribe,
    SubscribeFilter,
)
from tests.fuzz import material
from tests.fuzz.case import Case, Step
from tests.harness.playbook import LARGEST
from tests.unit.broker.wires import House, Peer

TARGET: Final = "broker"
STRANGERS: Final = 4
WITNESS: Final = "witness/mail"
SETTINGS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"zone": {"max_inflight": 2, "max_mqueue_len": 5, "max_awaiting_rel": 3}},
    {"zone": {"mountpoint": "home/%c/", "upgrade_qos": True, "max_subscriptions": 3}},
    {"mqtt": {"max_packet_size": 200, "max_topic_levels": 3, "max_topic_alias": 1}},
    {"mqtt": {"max_qos_allowed": 1, "retain_available": False, "wildcard_subscription": False}},
)
"""The settings of a case are those at its seed, modulo their number; plugins have opinions in every other case."""
SMALLEST_MAXIMUM: Final = 64
"""A client's maximum packet size from which on every packet of ours has to keep to it."""


class Password:
    """An authentication method that asks until it hears the word."""

    def first(self, _client: object, data: bytes) -> Answer:
        return self.next(data)

    def next(self, data: bytes) -> Answer:
        if data == material.PASSWORD:
            return Success(b"welcome")
        return Refuse() if data == b"no" else Continue(b"and?")


async def _slow_opinion(_client: object, _action: object, topic: str, _verdict: object) -> Stop:
    """Allow everything but topics that begin with a slash, after a while."""
    await asyncio.sleep(0)
    return Stop(value=not topic.startswith("/"))


def case(seed: int) -> Case:
    """Return what some strangers do, in the order in which it happens."""
    chance = random.Random(seed)
    waiting = [_stranger(chance, who) for who in range(STRANGERS)]
    steps: list[Step] = []
    while waiting:
        script = chance.choice(waiting)
        steps.append(script.pop(0))
        if not script:
            waiting.remove(script)
    return Case(TARGET, seed, tuple(steps))


def _stranger(chance: random.Random, who: int) -> list[Step]:
    """Return the life of one stranger, over several connections."""
    steps = []
    for _ in range(chance.randrange(1, 4)):
        version = chance.choice(material.VERSIONS)
        first = material.connect(chance, version).encode(version)
        frames = [material.frame(chance, version) for _ in range(chance.randrange(12))]
        stream = [first, *frames]
        for at in range(len(stream)):
            if chance.random() < 0.08:
                stream[at] = material.damaged(chance, version, stream[at])
        if chance.random() < 0.05:
            chance.shuffle(stream)
        on_web = chance.random() < 0.25
        if on_web:
            stream = [material.HANDSHAKE, *(material.web_frame(chance, each) for each in stream)]
            at = chance.randrange(len(stream) * 3)
            if at < len(stream):
                stream[at] = material.damaged(chance, version, stream[at])
        steps.append(Step(who, "knocks" if on_web else "opens"))
        together = chance.randrange(1, 4)
        for at in range(0, len(stream), together):
            data = b"".join(stream[at : at + together])
            steps.extend(Step(who, "sends", piece) for piece in material.pieces(chance, data))
            if chance.random() < 0.15:
                steps.append(Step(who, chance.choice(("stalls", "reads", "waits", "waits"))))
        steps.append(Step(who, chance.choice(("vanishes", "lingers"))))
    return steps


class Log(logging.Handler):
    """Notes what is logged as an error: nothing a stranger does may be one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        self.lines.append(f"{record.getMessage()}\n{trace}")


class Scene:
    """One broker, its strangers and its witness."""

    def __init__(self, seed: int) -> None:
        self.house = House(**SETTINGS[seed % len(SETTINGS)])
        self.house.loop.set_exception_handler(self._unhandled)
        self.unhandled: list[dict[str, Any]] = []
        hooks = self.house.playbook.hook
        hooks("client.enhanced_authenticate", lambda *_: Stop(Password()))
        if seed % 2:
            hooks("client.check_acl", _slow_opinion)
        self.strangers: dict[int, Peer] = {}
        self.web = copy(self.house)
        config = replace(self.house.listener.config, protocol="ws", name="web")
        flusher = self.house.listener.flusher
        self.web.listener = self.house.loop.turn(
            Listener, config, self.house.core, flusher, self.house.admission
        )
        self.letters = 0
        self.witness = self.house.peer()

    def begin(self) -> None:
        """Let the witness in."""
        self.witness.connects("witness")
        self.witness.sends(Subscribe(1, (SubscribeFilter(WITNESS, 1),)))
        self.house.loop.turns()
        assert self.witness.receives() == [Suback(1, (1,))]

    def _unhandled(self, _loop: object, context: dict[str, Any]) -> None:
        self.unhandled.append(context)

    # -- what strangers do ---------------------------------------------------------------------

    def does(self, step: Step) -> None:
        """Take one step; what no connection is there for does not happen."""
        if step.does in {"opens", "knocks"}:
            self.vanishes(step.who)
            self.strangers[step.who] = Peer(self.house if step.does == "opens" else self.web)
            return
        peer = self.strangers.get(step.who)
        if peer is None:
            return
        actions: dict[str, Callable[[], None]] = {
            "sends": lambda: self._sends(peer, step.data),
            "stalls": lambda: self._stalls(peer),
            "reads": lambda: self._reads(peer),
            "waits": lambda: self._waits(1.0),
            "vanishes": lambda: self.vanishes(step.who),
            "lingers": lambda: None,
        }
        actions[step.does]()

    def _sends(self, peer: Peer, data: bytes) -> None:
        if peer.transport.closing or not peer.transport.reads:
            return
        peer.sends(data)
        decoder = peer.connection.decoder
        assert decoder.pending_bytes <= decoder.max_packet_size + 5, "more is kept than a packet"
        session = peer.connection.channel.session
        if session is not None:
            zone = peer.connection.channel.client.zone
            assert len(session.inflight) <= zone.max_inflight, "the window is wider than it may be"
            # One message more of each publisher that waits for room.
            longest = zone.max_mqueue_len + STRANGERS + 1
            assert len(session.mqueue) <= longest, "the queue is longer than it may be"
            assert len(session.awaiting_rel) <= zone.max_awaiting_rel, "too much awaits PUBREL"

    def _stalls(self, peer: Peer) -> None:
        if not peer.transport.closing:
            peer.transport.buffered = 10_000_000
            self.house.loop.turn(peer.connection.pause_writing)

    def _reads(self, peer: Peer) -> None:
        peer.transport.buffered = 0
        if not peer.transport.closing and peer.connection.paused:
            self.house.loop.turn(peer.connection.resume_writing)

    def _waits(self, seconds: float) -> None:
        self.house.loop.turn(self.house.playbook.advance, seconds)
        self.house.loop.advance(seconds)

    def vanishes(self, who: int) -> None:
        """Let a connection be lost, and require that all it was sent is MQTT."""
        peer = self.strangers.pop(who, None)
        if peer is None:
            return
        self._lose(peer)
        assert not peer.connection.out, "something is kept for a connection that is gone"
        if isinstance(peer.connection, WebSocketConnection):
            return
        channel = peer.connection.channel
        version = channel.version or MQTT_5
        reader = FrameDecoder(LARGEST, version, server=False)
        packets = reader.feed(b"".join(peer.transport.writes))
        assert reader.error is None, f"a client of version {version} must refuse: {reader.error}"
        if channel.max_outgoing_packet >= SMALLEST_MAXIMUM:
            sizes = [len(each.encode(version)) for each in packets]
            assert max(sizes, default=0) <= channel.max_outgoing_packet, "too large for the client"

    def _lose(self, peer: Peer) -> None:
        """Let the network end a connection between two turns of the loop, unless the broker has ended it."""
        transport = peer.transport
        transport.buffered = 0
        if transport.closing:
            transport.abort()
            self.house.loop.turns()
        else:
            transport.abort = transport.close = lambda: None  # type: ignore[method-assign]
            self.house.loop.turn(peer.connection.connection_lost, None)

    # -- what must be true ---------------------------------------------------------------------

    def witness_is_served(self) -> None:
        """Require that a message of the witness reaches it, acknowledged, and that a ping is answered.

        A stranger who subscribes to its mail and acknowledges nothing may hold up the acknowledgement, for as long as
        the settings allow.
        """
        self.letters += 1
        text = b"letter %d" % self.letters
        self.witness.sends(Publish(WITNESS, text, 1, packet_id=7), PINGREQ)
        self.house.loop.turns()
        got = self.witness.receives()
        if Puback(7) not in got:
            zone = self.witness.connection.channel.client.zone
            self._waits(zone.mqueue_backpressure_timeout_s + 1.0)
            self.house.loop.turns()
            got += self.witness.receives()
        letters = [each for each in got if isinstance(each, Publish)]
        assert [each.payload for each in letters if each.topic == WITNESS] == [text], got
        assert Puback(7) in got, got
        assert PINGRESP in got, got
        self.witness.sends(*(Puback(each.packet_id) for each in letters if each.packet_id))

    def nothing_is_left(self) -> None:
        """End every stranger's session and require that the broker has forgotten all of them."""
        core = self.house.core
        for clientid in list(core.cm.channels):
            if clientid != "witness":
                self.house.loop.turn(self.house.playbook.broker.kick, clientid)
        self._waits(2.0)
        assert set(core.cm.channels) == {"witness"}, core.cm.channels
        assert core.cm.live == 1, core.cm.live
        assert self.house.listener.connections == {self.witness.connection}
        assert not self.web.listener.connections
        assert [name.rpartition("/")[2] for name in core.router.filters()] == ["mail"]


def play(case: Case) -> None:
    """Let the strangers have their way, and require that nobody is the worse for it."""
    log = Log()
    root = logging.getLogger()
    root.addHandler(log)
    scene = Scene(case.seed)
    try:
        scene.begin()
        for step in case.steps:
            scene.does(step)
        scene.witness_is_served()
        for who in list(scene.strangers):
            scene.vanishes(who)
        scene.nothing_is_left()
        scene.witness_is_served()
        assert not log.lines, "\n".join(log.lines)
        assert not scene.unhandled, scene.unhandled
    finally:
        root.removeHandler(log)
        scene.house.close()
