"""What goes over the express lane is in the journal as if it had gone the ordinary way."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.clock import FakeClock
from app.mqtt.packets import (
    MQTT_3_1_1,
    MQTT_5,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Subscribe,
    SubscribeFilter,
)
from app.storage.recovery import Recovery
from tests.harness.playbook import connect_packet
from tests.unit.broker.wires import House, Peer
from tests.unit.storage.keeping import ListedStore, journaled, live

KEPT: Any = {"session_expiry_interval": 600}
STEPS = st.one_of(
    st.tuples(st.just("publish"), st.integers(1, 2), st.integers(1, 6)),
    st.tuples(st.just("acknowledge"), st.integers(1, 6), st.just(0)),
    st.tuples(st.just("release"), st.integers(1, 6), st.just(0)),
    st.tuples(st.just("write"), st.just(0), st.just(0)),
)


class Pair:
    """A publisher and one receiver, both kept, over connections that may take the lane."""

    def __init__(self, window: int, version: int, receivers: int) -> None:
        self.clock = FakeClock()
        self.store = ListedStore(self.clock)
        self.house = House(
            storage=self.store,
            clock=self.clock,
            zone={"max_inflight": window, "max_mqueue_len": 4, "max_awaiting_rel": 0},
        )
        self.version = version
        self.window = window
        self.publisher = self._comes("publisher")
        self.receivers = [self._comes(f"receiver {number}") for number in range(receivers)]
        for receiver in self.receivers:
            self._sends(receiver, Subscribe(1, (SubscribeFilter("a/b", 2),)))
        self.packet_id = 0
        self.awaiting: list[int] = []
        # A topic has a route of its own when it comes again, and a window for QoS 2 when it was used before.
        for _ in range(2):
            self.publish(2, 1)
        self.everybody(lambda receiver: self.acknowledge(receiver, 9))
        self.release(9)

    def _comes(self, clientid: str) -> Peer:
        peer = self.house.peer()
        properties = KEPT if self.version == MQTT_5 else {}
        peer.sends(
            _connect(clientid, self.version, properties).encode(self.version),
        )
        return peer

    def _sends(self, peer: Peer, *packets: Any) -> None:
        peer.sends(b"".join(packet.encode(self.version) for packet in packets))

    def publish(self, qos: int, count: int) -> None:
        packets = []
        if qos == 2 and self.version == MQTT_5:
            count = min(count, self.window - len(self.awaiting))  # [MQTT-3.3.4-9]
        for _ in range(count):
            self.packet_id += 1
            packets.append(Publish("a/b", b"%4d" % self.packet_id, qos, packet_id=self.packet_id))
            if qos == 2:
                self.awaiting.append(self.packet_id)
        if packets:
            self._sends(self.publisher, *packets)

    def acknowledge(self, receiver: Peer, count: int) -> None:
        session = receiver.connection.channel.session
        assert session is not None
        packets: list[Any] = []
        for packet_id, delivery in list(session.inflight.items())[:count]:
            if delivery.qos == 1:
                packets.append(Puback(packet_id))
            else:
                packets.append(Pubcomp(packet_id) if delivery.released else Pubrec(packet_id))
        if packets:
            self._sends(receiver, *packets)

    def everybody(self, does: Any) -> None:
        for _ in range(3):
            for receiver in self.receivers:
                does(receiver)

    def release(self, count: int) -> None:
        due, self.awaiting = self.awaiting[:count], self.awaiting[count:]
        if due:
            self._sends(self.publisher, *[Pubrel(packet_id) for packet_id in due])

    def check(self) -> None:
        recovery = Recovery()
        assert recovery.read(enumerate(self.store.rows_now())) == []
        assert journaled(recovery.state()) == live(self.house.playbook)


def _connect(clientid: str, version: int, properties: Any) -> Any:

    return connect_packet(clientid, version, False, properties=properties)


@given(
    window=st.sampled_from([2, 32]),
    version=st.sampled_from([MQTT_3_1_1, MQTT_5]),
    receivers=st.integers(1, 2),
    steps=st.lists(STEPS, max_size=12),
)
def test_the_journal_follows_the_lane(
    window: int, version: int, receivers: int, steps: list[tuple[str, int, int]]
) -> None:
    pair = Pair(window, version, receivers)
    try:
        for what, number, count in steps:
            if what == "publish":
                pair.publish(number, count)
            elif what == "acknowledge":
                pair.acknowledge(pair.receivers[-1], number)
            elif what == "release":
                pair.release(number)
            else:
                pair.store.settle()
            pair.check()
    finally:
        pair.house.close()


def test_the_lane_is_taken() -> None:
    pair = Pair(32, MQTT_3_1_1, 1)
    before = pair.house.core.metrics.lane_sent[1]
    pair.publish(1, 5)
    assert pair.house.core.metrics.lane_sent[1] == before + 5
    session = pair.receivers[0].connection.channel.session
    assert session is not None
    assert session.log is not None
    assert len(session.inflight) == 5
    pair.check()
    pair.house.close()
