"""A session of its own, and then through everything that can happen to it in any order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from app.broker.inflight import Delivery
from app.broker.message import Message
from app.broker.metrics import Metrics
from app.broker.router import SubOptions
from app.broker.session import Session
from app.clock import FakeClock
from app.config import ZoneConfig

WINDOW = 4
QUEUE = 12


@dataclass
class FakeOutlet:
    """A channel that notes what it is asked to send."""

    congested: bool = False
    congest_after: int | None = None
    sent: list[tuple[str, int, bytes, bool]] = field(default_factory=list)
    """(what, packet id, payload, dup)"""
    dropped: list[tuple[bytes, str]] = field(default_factory=list)
    too_large: set[bytes] = field(default_factory=set)

    def _note(self, what: str, packet_id: int, payload: bytes, dup: bool) -> None:
        self.sent.append((what, packet_id, payload, dup))
        if self.congest_after is not None:
            self.congest_after -= 1
            if self.congest_after <= 0:
                self.congested = True

    def send_publish(self, delivery: Delivery, packet_id: int, *, dup: bool) -> bool:
        payload = delivery.message.payload
        if payload in self.too_large:
            return False
        self._note(f"qos{delivery.qos}", packet_id, payload, dup)
        return True

    def send_message(
        self, message: Message, qos: int, retain: bool, packet_id: int, identifier: int | None
    ) -> bool:
        if message.payload in self.too_large:
            return False
        self._note("qos0", 0, message.payload, False)
        return True

    waiter = None

    def press(self) -> bool:
        return False

    def taker(self) -> None:
        """Want to be asked."""

    def send_plain(self, message: Message) -> bool:
        return self.send_message(message, 0, False, 0, None)

    def send_pubrel(self, packet_id: int) -> None:
        self._note("pubrel", packet_id, b"", False)

    def drop_delivery(self, message: Message, reason: str) -> None:
        self.dropped.append((message.payload, reason))


def session_of(**zone: object) -> Session:
    config = replace(ZoneConfig("test"), **zone)
    return Session("c", config, Metrics(), FakeClock())


def message(payload: bytes, qos: int) -> Message:
    return Message("t", payload, qos, False, 0)


def test_a_delivery_that_is_too_large_takes_no_place_in_the_window() -> None:
    session, outlet = session_of(max_inflight=1), FakeOutlet(too_large={b"big"})
    session.resume(outlet)
    assert not session.deliver(message(b"big", 1), SubOptions(1))
    assert session.deliver(message(b"small", 1), SubOptions(1))
    assert outlet.sent == [("qos1", 2, b"small", False)]


def test_a_delivery_that_became_too_large_for_the_client_is_given_up_on_resume() -> None:
    session = session_of()
    session.resume(FakeOutlet())
    for payload in (b"big", b"small"):
        session.deliver(message(payload, 1), SubOptions(1))
    session.outlet = None
    outlet = FakeOutlet(too_large={b"big"})
    session.resume(outlet)
    assert outlet.sent == [("qos1", 2, b"small", True)]
    assert list(session.inflight) == [2]


def test_a_queued_delivery_that_is_too_large_does_not_stop_the_others() -> None:
    session = session_of()
    for payload in (b"big", b"small"):
        session.deliver(message(payload, 1), SubOptions(1))
    outlet = FakeOutlet(too_large={b"big"})
    session.resume(outlet)
    assert [payload for _, _, payload, _ in outlet.sent] == [b"small"]


def test_an_acknowledgement_that_crosses_the_redelivery_ends_it() -> None:
    session = session_of()
    session.resume(FakeOutlet())
    for payload in (b"1", b"2", b"3"):
        session.deliver(message(payload, 2), SubOptions(2))
    session.outlet, session.inflight_max = None, 1
    outlet = FakeOutlet()
    session.resume(outlet)
    assert session.on_pubrec(2, refused=False)
    assert session.on_pubrec(3, refused=True) is False
    session.on_pubrec(1, refused=False)
    session.on_pubcomp(1)
    assert [(what, packet_id) for what, packet_id, _, _ in outlet.sent] == [("qos2", 1)]
    assert list(session.inflight) == [2]


def test_redelivery_stops_where_the_socket_is_full_and_goes_on_later() -> None:
    session = session_of()
    session.resume(FakeOutlet())
    for payload in (b"1", b"2", b"3"):
        session.deliver(message(payload, 1), SubOptions(1))
    session.outlet = None
    outlet = FakeOutlet(congest_after=1)
    session.resume(outlet)
    session.deliver(message(b"4", 1), SubOptions(1))
    assert [payload for _, _, payload, _ in outlet.sent] == [b"1"]
    outlet.congested, outlet.congest_after = False, None
    session.on_writable()
    assert [payload for _, _, payload, _ in outlet.sent] == [b"1", b"2", b"3", b"4"]


def test_nothing_is_sent_on_behalf_of_a_client_that_is_away() -> None:
    session = session_of()
    session.deliver(message(b"1", 1), SubOptions(1))
    session.on_writable()
    session.retry(session.clock.monotonic_s())
    assert (len(session.mqueue), len(session.inflight)) == (1, 0)


def test_what_is_held_can_be_looked_at() -> None:
    session = session_of()
    session.resume(FakeOutlet())
    session.deliver(message(b"1", 1), SubOptions(1))
    assert [held.payload for held in session.held_messages()] == [b"1"]


def test_a_full_queue_refuses_what_is_new_where_the_zone_says_so() -> None:
    session = session_of(max_mqueue_len=1, mqueue_overflow="drop_new")
    assert session.deliver(message(b"1", 1), SubOptions(1))
    assert not session.deliver(message(b"2", 1), SubOptions(1))
    assert [held.message.payload for held in session.mqueue] == [b"1"]
    assert (session.mqueue.dropped, session.metrics.delivery_dropped_queue_full) == (1, 1)


def test_another_zone_brings_its_own_queue_and_what_does_not_fit_is_counted() -> None:
    session = session_of()
    for payload in (b"1", b"2", b"3"):
        session.deliver(message(payload, 1), SubOptions(1))
    session.enter(replace(ZoneConfig("small"), max_mqueue_len=2))
    assert [held.message.payload for held in session.mqueue] == [b"2", b"3"]
    assert (session.mqueue.max_len, session.mqueue.dropped) == (2, 1)
    session.enter(session.zone)
    assert len(session.mqueue) == 2


def test_sessions_that_never_needed_window_or_queue_share_empty_ones() -> None:
    idle, busy = session_of(), session_of(max_inflight=1)
    for session in (idle, busy):
        session.resume(FakeOutlet())
    for payload in (b"1", b"2"):
        busy.deliver(message(payload, 1), SubOptions(1))
    assert (len(busy.inflight), len(busy.mqueue)) == (1, 1)
    assert (len(idle.inflight), len(idle.mqueue), idle.mqueue.dropped) == (0, 0, 0)
    assert idle.bequeath() == []


class SessionLife(RuleBasedStateMachine):
    """Deliver, acknowledge, part and come back in any order; the client here is a correct one.

    What it checks: nothing is lost but what the queue counted as dropped, no QoS 2 message comes twice, no packet id
    is in flight twice, each QoS keeps its order, and neither window nor queue outgrows its limit.
    """

    acks = Bundle("acks")

    def __init__(self) -> None:
        super().__init__()
        self.session = session_of(max_inflight=WINDOW, max_mqueue_len=QUEUE)
        self.outlet: FakeOutlet | None = None
        self.seen = 0
        """How many entries of the outlet the client has read."""
        self.serial = 0
        self.published: list[tuple[int, bytes]] = []
        self.received: dict[int, list[bytes]] = {0: [], 1: [], 2: []}
        """By QoS, first arrivals only."""
        self.unacknowledged: dict[int, tuple[str, bytes]] = {}
        """What the client owes an answer to: packet id -> (what, payload)."""
        self.qos_2_known: dict[int, bytes] = {}
        """Packet ids for which the client sent PUBREC and got no PUBREL yet."""
        self.window = WINDOW

    # -- steps ---------------------------------------------------------------------------------

    @rule(qos=st.integers(0, 2))
    def publish(self, qos: int) -> None:
        self.serial += 1
        payload = b"%d" % self.serial
        self.published.append((qos, payload))
        self.session.deliver(message(payload, qos), SubOptions(2))
        self.read()

    @precondition(lambda self: self.outlet is None)
    @rule(window=st.integers(1, WINDOW))
    def come_back(self, window: int) -> None:
        self.unacknowledged.clear()
        self.seen = 0
        self.window = self.session.inflight_max = window
        self.outlet = FakeOutlet()
        self.session.resume(self.outlet)
        self.read()

    @precondition(lambda self: self.outlet is not None)
    @rule()
    def part(self) -> None:
        self.outlet = self.session.outlet = None

    @precondition(lambda self: self.outlet is not None)
    @rule()
    def stop_reading(self) -> None:
        assert self.outlet is not None
        self.outlet.congested = True

    @precondition(lambda self: self.outlet is not None and self.outlet.congested)
    @rule(places=st.integers(1, 3))
    def read_a_little(self, places: int) -> None:
        assert self.outlet is not None
        self.outlet.congested = False
        self.outlet.congest_after = places
        self.session.on_writable()
        self.outlet.congest_after = None
        self.read()

    @precondition(lambda self: self.outlet is not None and self.unacknowledged)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        packet_id = data.draw(st.sampled_from(sorted(self.unacknowledged)))
        what, payload = self.unacknowledged.pop(packet_id)
        if what == "qos1":
            assert self.session.on_puback(packet_id) is not None
        elif what == "qos2":
            self.qos_2_known[packet_id] = payload
            assert self.session.on_pubrec(packet_id, refused=False)
            self.unacknowledged[packet_id] = ("pubrel", payload)
        else:
            self.qos_2_known.pop(packet_id, None)
            assert self.session.on_pubcomp(packet_id) is not None
        self.read()

    # -- the client ----------------------------------------------------------------------------

    def read(self) -> None:
        if self.outlet is None:
            return
        news, self.seen = self.outlet.sent[self.seen :], len(self.outlet.sent)
        for what, packet_id, payload, dup in news:
            if what == "qos0":
                self.received[0].append(payload)
                continue
            if what == "pubrel":
                self.unacknowledged[packet_id] = ("pubrel", b"")
                continue
            assert packet_id not in self.unacknowledged, "an id in flight twice"
            qos = int(what[-1])
            if what == "qos2" and packet_id in self.qos_2_known:
                raise AssertionError("a message the client has said PUBREC to came again")
            if not dup or payload not in self.received[qos]:
                self.received[qos].append(payload)
            self.unacknowledged[packet_id] = (what, payload)

    # -- what always holds ---------------------------------------------------------------------

    @invariant()
    def limits_hold(self) -> None:
        assert len(self.session.mqueue) <= QUEUE
        assert len(self.session.inflight) <= WINDOW
        publishes = [what for what, _ in self.unacknowledged.values() if what != "pubrel"]
        assert len(publishes) <= self.window

    @invariant()
    def each_qos_keeps_its_order_and_nothing_comes_twice(self) -> None:
        for qos, payloads in self.received.items():
            serials = [int(payload) for payload in payloads]
            assert serials == sorted(set(serials)), f"QoS {qos}: {serials}"

    @invariant()
    def nothing_is_lost_but_what_was_counted(self) -> None:
        received = sum(map(len, self.received.values()))
        waiting = len(self.session.mqueue)
        assert received + waiting + self.session.mqueue.dropped == len(self.published)

    @invariant()
    def a_connected_client_that_reads_is_not_kept_waiting(self) -> None:
        if self.outlet is None or self.outlet.congested:
            return
        session = self.session
        if len(session.inflight) - len(session.unsent or ()) < self.window:
            assert not session.unsent
            assert not session.mqueue

    def teardown(self) -> None:
        """Let a client that answers everything have the rest."""
        if self.outlet is None:
            self.come_back(WINDOW)
        assert self.outlet is not None
        self.outlet.congested = False
        self.session.on_writable()
        self.read()
        for _ in range(1_000):
            if not self.unacknowledged:
                break
            packet_id = next(iter(self.unacknowledged))
            what, payload = self.unacknowledged.pop(packet_id)
            if what == "qos1":
                self.session.on_puback(packet_id)
            elif what == "qos2":
                self.session.on_pubrec(packet_id, refused=False)
                self.unacknowledged[packet_id] = ("pubrel", payload)
            else:
                self.qos_2_known.pop(packet_id, None)
                self.session.on_pubcomp(packet_id)
            self.read()
        assert not self.session.inflight
        assert not self.session.mqueue
        self.nothing_is_lost_but_what_was_counted()
        self.each_qos_keeps_its_order_and_nothing_comes_twice()


TestSessionLife = SessionLife.TestCase
TestSessionLife.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
