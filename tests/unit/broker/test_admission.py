"""The line at the door: a slice of each turn for those who come and go, and a bound for logins that are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.broker.access_control import Verdict
from app.broker.admission import Admission
from app.broker.hooks import Ok
from app.broker.metrics import Metrics
from app.clock import FakeClock
from app.config import BrokerConfig
from app.mqtt.packets import (
    MQTT_5,
    Connack,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
    SubscribeFilter,
    Will,
)
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import connect_packet, only
from tests.unit.broker.test_websocket import Browser
from tests.unit.broker.wires import House, TurnLoop

Houses = Callable[..., House]
MS = 2.0**-10
"""A millisecond that adds up exactly."""


class Line:
    """The line at the door where whoever comes or goes costs as much as the test says."""

    def __init__(self, **settings: Any) -> None:
        self.loop = TurnLoop()
        self.clock = FakeClock()
        self.metrics = Metrics()
        config = BrokerConfig(listeners=(), **settings)
        self.admission = Admission(self.loop, self.clock, config, self.metrics)
        self.seen: list[str] = []

    def step(self, name: str, costs_s: float = 0.0) -> Callable[[], None]:
        def take() -> None:
            self.seen.append(name)
            self.clock.advance(costs_s)

        return take

    def in_turns(self, *work: Callable[[], object]) -> list[list[str]]:
        """Return who had his turn while this work was done, and in each slice that followed."""
        slices: list[list[str]] = []

        def note() -> None:
            seen, self.seen = self.seen, []
            slices.append(seen)
            if seen:
                self.loop.call_soon(note)

        def do() -> None:
            for each in work:
                each()
            note()

        self.loop.turn(do)
        self.loop.turns(10)
        return [seen for seen in slices if seen]


@pytest.fixture
def line() -> Iterator[Callable[..., Line]]:
    made: list[Line] = []

    def make(**settings: Any) -> Line:
        made.append(Line(**settings))
        return made[-1]

    yield make
    for each in made:
        each.loop.close()


@pytest.fixture
def house() -> Iterator[Houses]:
    made: list[House] = []

    def make(*arguments: Any, **settings: Any) -> House:
        made.append(House(*arguments, **settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


def comers(line: Line, count: int, costs_s: float) -> list[Callable[[], object]]:
    def come(number: int) -> Callable[[], object]:
        return lambda: line.admission.let_in(line.step(str(number), costs_s))

    return [come(number) for number in range(count)]


def test_newcomers_have_a_slice_of_each_turn_in_the_order_in_which_they_came(
    line: Callable[..., Line],
) -> None:
    here = line(admission_slice_s=3 * MS)
    found = here.in_turns(*comers(here, 8, MS))
    assert found == [["0", "1", "2"], ["3", "4", "5"], ["6", "7"]]
    assert here.admission.waiting == 0
    assert here.metrics.admission_waits == 5


def test_who_costs_more_than_a_slice_has_a_turn_for_himself(line: Callable[..., Line]) -> None:
    here = line(admission_slice_s=MS)
    assert here.in_turns(*comers(here, 3, 1.0)) == [["0"], ["1"], ["2"]]


def test_who_goes_makes_room_before_the_next_one_comes(line: Callable[..., Line]) -> None:
    here = line(admission_slice_s=MS)
    found = here.in_turns(
        *comers(here, 2, MS),
        lambda: here.admission.do(here.step("gone", MS)),
    )
    assert found == [["0"], ["gone"], ["1"]]


def test_what_an_end_costs_behind_our_back_counts(line: Callable[..., Line]) -> None:
    here = line(admission_slice_s=MS)

    def go(name: str) -> Callable[[], object]:
        return lambda: here.admission.do(here.step(name), MS / 2)

    assert here.in_turns(go("a"), go("b"), go("c")) == [["a", "b"], ["c"]]


def test_no_more_logins_are_waited_for_than_allowed(line: Callable[..., Line]) -> None:
    here = line(max_pending_logins=1)
    found = here.in_turns(
        lambda: here.admission.let_in(here.step("a")),
        here.admission.login_begins,
        lambda: here.admission.let_in(here.step("b")),
    )
    assert found == [["a"]]
    assert here.admission.waiting == 1
    assert here.metrics.admission_waits_for_logins == 1
    here.loop.turn(here.admission.login_ends)
    assert here.seen == ["b"]


def test_without_a_limit_any_number_of_logins_is_waited_for(line: Callable[..., Line]) -> None:
    here = line(max_pending_logins=0)
    for _ in range(1_000):
        here.admission.login_begins()
    assert here.in_turns(lambda: here.admission.let_in(here.step("a"))) == [["a"]]


def test_a_step_that_fails_holds_up_nobody_behind_it(line: Callable[..., Line]) -> None:
    here = line(admission_slice_s=MS)
    told: list[object] = []
    here.loop.set_exception_handler(lambda _loop, context: told.append(context["exception"]))

    def fail() -> None:
        raise RuntimeError("a bug of ours")

    found = here.in_turns(
        *comers(here, 1, MS),
        lambda: here.admission.let_in(fail),
        lambda: here.admission.let_in(here.step("b")),
    )
    here.loop.turns()
    assert [str(error) for error in told] == ["a bug of ours"]
    assert [name for names in found for name in names] + here.seen == ["0", "b"]


# -- with connections --------------------------------------------------------------------------


def spent(house: House) -> Callable[[], None]:
    """Return what uses up the slice of a turn."""
    return lambda: house.playbook.clock.advance(1.0)


def test_a_newcomer_in_line_is_not_read_from_and_comes_in_with_all_that_it_said(
    house: Houses,
) -> None:
    here = house()
    peer = here.peer()

    def come() -> bool:
        here.admission.let_in(spent(here))
        said = connect_packet("c"), Subscribe(1, (SubscribeFilter("t", 0),))
        peer.connection.data_received(b"".join(packet.encode(MQTT_5) for packet in said))
        return peer.transport.reads

    assert not here.loop.turn(come)
    here.loop.turn()
    assert [type(packet).__name__ for packet in peer.receives()] == ["Connack", "Suback"]
    assert peer.transport.reads


def test_those_who_are_connected_are_served_while_newcomers_wait(house: Houses) -> None:
    here = house()
    old, new = here.connect("old"), here.peer()
    old.sends(Subscribe(1, (SubscribeFilter("t", 0),)))
    old.receives()

    def storm() -> None:
        here.admission.let_in(spent(here))
        new.connection.data_received(connect_packet("new").encode())
        old.connection.data_received(Publish("t", b"x").encode(MQTT_5))
        here.listener.flusher.flush()

    here.loop.turn(storm)
    assert [type(packet) for packet in old.receives()] == [Publish]


def test_subscriptions_of_very_many_wait_in_line_and_keep_their_order(house: Houses) -> None:
    here = house()
    peers = [here.connect(f"c{number}") for number in range(3)]
    said = (
        Subscribe(1, (SubscribeFilter("t", 0),)),
        Publish("t", b"x"),
        Subscribe(2, (SubscribeFilter("u", 0),)),
        Pingreq(),
    )

    def storm() -> list[bool]:
        here.admission.do(spent(here))
        for peer in peers:
            peer.connection.data_received(b"".join(packet.encode(MQTT_5) for packet in said))
        return [peer.transport.reads for peer in peers]

    assert here.loop.turn(storm) == [False] * 3
    here.loop.turns()
    for peer in peers:
        answers = [type(packet) for packet in peer.receives() if type(packet) is not Publish]
        assert answers == [Suback, Suback, Pingresp]
        assert peer.transport.reads


def test_who_publishes_is_not_in_line_behind_those_who_subscribe(house: Houses) -> None:
    here = house()
    peer = here.connect("c")

    def storm() -> None:
        here.admission.do(spent(here))
        peer.connection.data_received(Publish("t", b"x", 1, packet_id=1).encode(MQTT_5))
        here.listener.flusher.flush()

    here.loop.turn(storm)
    assert [type(packet) for packet in peer.receives()] == [Puback]


def test_a_newcomer_that_has_gone_before_its_turn_costs_nothing(house: Houses) -> None:
    here = house()
    peer = here.peer()

    def come_and_go() -> None:
        here.admission.let_in(spent(here))
        peer.connection.data_received(connect_packet("c").encode())
        peer.connection.connection_lost(None)

    here.loop.turn(come_and_go)
    here.loop.turns()
    assert here.core.cm.get("c") is None
    assert here.core.metrics.client_connect == 0


def test_who_has_gone_while_its_login_was_decided_takes_nobodys_place(house: Houses) -> None:
    here = house()
    asked: list[asyncio.Future[object]] = []

    def ask(*_: object) -> asyncio.Future[object] | Ok:
        if asked:
            return Ok(Verdict(ReasonCode.SUCCESS))
        asked.append(here.loop.create_future())
        return asked[-1]

    here.playbook.hook("client.authenticate", ask)
    first = here.peer()
    first.sends(connect_packet("c"))
    second = here.connect("c")

    def storm() -> None:
        for _ in range(10):
            here.admission.do(spent(here))
        first.connection.connection_lost(None)
        asked[0].set_result(Ok(Verdict(ReasonCode.SUCCESS)))

    here.loop.turn(storm)
    here.loop.turns(20)
    assert not second.transport.closing
    assert here.core.metrics.client_connected == 1


def test_who_has_gone_and_waits_to_be_seen_off_takes_no_place(house: Houses) -> None:
    here = house(listener={"max_connections": 2})
    old = here.connect("old")
    here.connect("other")

    def gone() -> bool:
        here.admission.do(spent(here))
        old.connection.connection_lost(None)
        return here.listener.has_room(0)

    assert not here.listener.has_room(0)
    assert here.loop.turn(gone)
    here.loop.turns()
    assert here.listener.has_room(0)
    here.connect("old")
    assert not here.listener.has_room(0)


def test_what_a_newcomer_says_in_pieces_keeps_its_order(house: Houses) -> None:
    here = house("ws")
    browser = Browser(here)
    said = connect_packet("c").encode()

    def come() -> None:
        here.admission.let_in(spent(here))
        for place in range(len(said)):
            browser.protocol.send_binary(said[place : place + 1])
        browser.peer.connection.data_received(b"".join(browser.protocol.data_to_send()))

    here.loop.turn(come)
    here.loop.turns()
    assert [type(packet) for packet in browser.receives()] == [Connack]


def test_what_a_newcomer_says_in_pieces_comes_before_what_it_says_when_it_is_in(
    house: Houses,
) -> None:
    here = house("ws")
    browser = Browser(here)
    connection = browser.peer.connection
    here.playbook.hook("client.connected", lambda *_: spent(here)())

    def say(*packets: Packet) -> None:
        for packet in packets:
            browser.protocol.send_binary(packet.encode(MQTT_5))
        connection.data_received(b"".join(browser.protocol.data_to_send()))

    def go_on() -> None:
        if browser.peer.transport.reads:
            say(Pingreq())

    def come() -> None:
        here.admission.let_in(spent(here))
        say(connect_packet("c"), Subscribe(1, (SubscribeFilter("t", 0),)))
        here.loop.call_soon(go_on)

    here.loop.turn(come)
    here.loop.turns()
    assert [type(packet) for packet in browser.receives()] == [Connack, Suback, Pingresp]


def test_what_comes_for_a_client_that_has_gone_and_waits_to_be_seen_off_is_what_it_missed(
    house: Houses,
) -> None:
    here = house()
    gone = here.peer()
    gone.connects("gone", clean_start=False, properties={"session_expiry_interval": 60})
    gone.sends(Subscribe(1, (SubscribeFilter("t", 1),)))
    gone.receives()
    other = here.connect("other")

    def storm() -> None:
        here.admission.do(spent(here))
        gone.connection.connection_lost(None)
        other.connection.data_received(Publish("t", b"x", 1, packet_id=1).encode(MQTT_5))

    here.loop.turn(storm)
    here.loop.turns()
    assert here.core.cm.live == 1
    back = here.peer()
    back.sends(
        connect_packet("gone", clean_start=False, properties={"session_expiry_interval": 60})
    )
    answer, missed = back.receives()
    assert isinstance(answer, Connack)
    assert answer.session_present
    assert isinstance(missed, Publish)
    assert missed.payload == b"x"


def test_a_client_that_comes_back_before_it_was_seen_off_takes_its_place(house: Houses) -> None:
    here = house()
    first = here.connect("c", will=Will("w", b"gone"))
    witness = here.connect("witness")
    witness.sends(Subscribe(1, (SubscribeFilter("w", 0),)))
    witness.receives()

    def storm() -> None:
        here.admission.do(spent(here))
        first.connection.connection_lost(None)

    here.loop.turn(storm)
    here.connect("c")
    here.loop.turns()
    assert here.core.cm.live == 2
    assert here.listener.record().current_conns == 2
    assert only(witness.receives()) == Publish("w", b"gone")


def test_logins_wait_for_those_that_are_being_decided(house: Houses) -> None:
    here = house(max_pending_logins=2)
    asked: list[asyncio.Future[object]] = []

    def ask(*_: object) -> asyncio.Future[object]:
        asked.append(here.loop.create_future())
        return asked[-1]

    here.playbook.hook("client.authenticate", ask)
    peers = [here.peer() for _ in range(5)]
    for number, peer in enumerate(peers):
        peer.sends(connect_packet(f"c{number}"))
    here.loop.turns()
    assert (len(asked), here.admission.waiting) == (2, 3)
    here.loop.turn(asked[0].set_result, Ok(Verdict(ReasonCode.SUCCESS)))
    here.loop.turns()
    assert (len(asked), here.admission.waiting) == (3, 2)
    here.playbook.advance(here.core.config.zones["external"].idle_timeout_s + 1)
    here.loop.turns()
    assert [peer.transport.closing for peer in peers] == [False, True, True, True, True]


def test_a_websockets_handshake_waits_in_the_same_line(house: Houses) -> None:
    here = house("ws")
    peer = here.peer()
    request = (
        b"GET /mqtt HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )

    def come() -> tuple[bool, int]:
        here.admission.let_in(spent(here))
        peer.connection.data_received(request)
        return peer.transport.reads, len(peer.transport.writes)

    assert here.loop.turn(come) == (False, 0)
    here.loop.turn()
    assert b"".join(peer.transport.writes).startswith(b"HTTP/1.1 101")
    assert peer.transport.reads
