"""The words that conversations are written in, and the one function that plays them.

A conversation is data: who says what to the broker, and what each must hear, packet by packet. All
run against one server, so topics and client ids belong to one conversation each: `joins` gives every
participant an id of its own, and topics begin with a word that no other conversation uses.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from app.mqtt.packets import MQTT_5, Connack, Disconnect, Packet
from tests.harness.mqtt_client import ClosedByBrokerError, MqttClient

Address = tuple[str, int]


class Stage:
    """Where one conversation is played: its participants by name."""

    def __init__(self, address: Address, name: str, stack: ExitStack) -> None:
        self.name = name
        self.clients: dict[str, MqttClient] = {}
        self._address = address
        self._stack = stack

    def dial(self, who: str, version: int) -> MqttClient:
        client = self._stack.enter_context(MqttClient(self._address, version))
        self.clients[who] = client
        return client


Step = Callable[[Stage], None]


@dataclass(frozen=True)
class Conversation:
    """A title that is a sentence, the sections it is about, and the steps in order."""

    title: str
    tags: tuple[str, ...]
    steps: tuple[Step, ...] = field(repr=False)


def conversation(title: str, tags: str, *steps: Step) -> Conversation:
    """Write a conversation down; tags are separated by spaces."""
    return Conversation(title, tuple(tags.split()), steps)


@dataclass(frozen=True)
class Like:
    """Equal to a packet of this type with at least these fields and properties."""

    type: type
    fields: dict[str, Any]
    properties: dict[str, Any]
    absent: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not self.type:
            return False
        had: dict[str, Any] = dict(other.properties)  # type: ignore[attr-defined]
        return (
            all(getattr(other, name) == value for name, value in self.fields.items())
            and all(had.get(name) == value for name, value in self.properties.items())
            and not any(name in had for name in self.absent)
        )

    __hash__ = None  # type: ignore[assignment]


def like(packet_type: type, *, absent: str = "", **fields: Any) -> Like:
    """Say what matters of a packet whose other properties the broker may choose."""
    properties = fields.pop("properties", {})
    return Like(packet_type, fields, properties, tuple(absent.split()))


def connack(reason: int = 0, *, present: bool = False, absent: str = "", **properties: Any) -> Like:
    """Say what a CONNACK must be like."""
    fields = {"reason_code": reason, "session_present": present}
    return Like(Connack, fields, properties, tuple(absent.split()))


def disconnect(reason: int) -> Like:
    """Say for what reason the broker must send DISCONNECT; the reason string is its own."""
    return Like(Disconnect, {"reason_code": reason}, {})


def dials(who: str, version: int = MQTT_5) -> Step:
    """Open a connection and say nothing yet."""

    def step(stage: Stage) -> None:
        stage.dial(who, version)

    return step


def joins(
    who: str, version: int = MQTT_5, *, same_as: str = "", present: bool = False, **connect: Any
) -> Step:
    """Connect and be let in; `same_as` uses the client id of another participant."""

    def step(stage: Stage) -> None:
        clientid = f"{stage.name}-{same_as or who}"
        answer = stage.dial(who, version).connect(clientid, **connect)
        assert answer == connack(0, present=present), answer

    return step


def says(who: str, *packets: Packet | bytes) -> Step:
    """Send packets, or bytes that no encoder of ours would write."""
    return lambda stage: stage.clients[who].send(*packets)


def hears(who: str, *packets: object) -> Step:
    """Receive exactly these, in this order."""
    return lambda stage: stage.clients[who].expect(*packets)


def hears_in_any_order(who: str, *packets: object) -> Step:
    """Receive exactly these, in an order that the standard leaves open."""

    def step(stage: Stage) -> None:
        missing = list(packets)
        while missing:
            answer = stage.clients[who].receive()
            assert answer in missing, answer
            missing.remove(answer)

    return step


def hears_nothing(*names: str) -> Step:
    """Nothing was due to these until now: a ping is answered before anything else comes."""

    def step(stage: Stage) -> None:
        for who in names:
            stage.clients[who].expect_silence()

    return step


def is_closed(who: str) -> Step:
    """The broker closes, without another word."""
    return lambda stage: stage.clients[who].expect_closed()


def is_refused(who: str) -> Step:
    """The broker closes, with or without a CONNACK that says why: the standard leaves it open."""

    def step(stage: Stage) -> None:
        client = stage.clients[who]
        try:
            answer = client.receive()
        except ClosedByBrokerError:
            return
        assert isinstance(answer, Connack) and answer.reason_code, answer
        client.expect_closed()

    return step


def vanishes(who: str) -> Step:
    """Close the socket without DISCONNECT."""
    return lambda stage: stage.clients[who].close()


def leaves(who: str, **properties: Any) -> Step:
    """Say DISCONNECT and wait until the broker has closed, so that what follows comes after."""

    def step(stage: Stage) -> None:
        client = stage.clients[who]
        client.send(Disconnect(0, properties))  # type: ignore[arg-type]
        client.expect_closed()

    return step


_PASSING: Final = "passing time"


def time_passes() -> Step:
    """Let 1.5 s go by on the broker's own clock: it closes a client with Keep Alive 1 then."""

    def step(stage: Stage) -> None:
        client = stage.dial(_PASSING, 4)
        client.connect(f"{stage.name}-clock", keepalive=1)
        client.expect_closed()

    return step


def play(conversation: Conversation, address: Address, name: str) -> None:
    """Play all steps; a step that fails is named by its number."""
    with ExitStack() as stack:
        stage = Stage(address, name, stack)
        for number, step in enumerate(conversation.steps, 1):
            try:
                step(stage)
            except (AssertionError, OSError) as error:
                raise AssertionError(f"step {number}: {type(error).__name__}: {error}") from error
