"""paho-mqtt against the real server: every version over TCP and WebSocket, as applications use it."""

from __future__ import annotations

import contextlib
import http.client
import queue
import threading
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.harness.node import NodeProcess, eventually

DEADLINE_S = 10.0
V31, V311, V5 = (
    MQTTProtocolVersion.MQTTv31,
    MQTTProtocolVersion.MQTTv311,
    MQTTProtocolVersion.MQTTv5,
)
VERSIONS = (V31, V311, V5)
TRANSPORTS = ("tcp", "websockets")
EVERY_WAY = [
    pytest.param(transport, version, id=f"{transport}-{version.name}")
    for transport in TRANSPORTS
    for version in VERSIONS
]


class Person:
    """A paho client with its network thread, whose callbacks land in queues."""

    def __init__(
        self,
        node: NodeProcess,
        clientid: str,
        transport: str,
        version: MQTTProtocolVersion,
        **more: Any,
    ) -> None:
        self._port = node.ports["tcp" if transport == "tcp" else "ws"]
        self._version = version
        self.clientid = clientid
        self.messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self.connected: queue.Queue[tuple[paho.ConnectFlags, ReasonCode, Any]] = queue.Queue()
        self.ended: queue.Queue[ReasonCode] = queue.Queue()
        self.granted: queue.Queue[list[ReasonCode]] = queue.Queue()
        if version != V5:
            more.setdefault("clean_session", True)
        self.paho = paho.Client(
            CallbackAPIVersion.VERSION2, clientid, protocol=version, transport=transport, **more
        )
        if transport == "websockets":
            self.paho.ws_set_options(path="/mqtt")
        self.paho.on_message = lambda _c, _u, message: self.messages.put(message)
        self.paho.on_connect = lambda _c, _u, flags, reason, props: self.connected.put(
            (flags, reason, props)
        )
        self.paho.on_disconnect = lambda _c, _u, _flags, reason, _props: self.ended.put(reason)
        self.paho.on_subscribe = lambda _c, _u, _mid, reasons, _props: self.granted.put(reasons)

    def connect(
        self, keepalive: int = 60, **more: Any
    ) -> tuple[paho.ConnectFlags, ReasonCode, Any]:
        """Connect, and return what CONNACK said."""
        if self._version == V5:
            more.setdefault("clean_start", True)
        # paho comes back by itself after a lost connection; the tests want to see it lost.
        self.paho._reconnect_on_failure = False
        self.paho.connect("127.0.0.1", self._port, keepalive, **more)
        self.paho.loop_start()
        answer = self.connected.get(timeout=DEADLINE_S)
        assert not answer[1].is_failure, answer
        return answer

    def subscribe(self, topic_filter: str, qos: int = 0, **more: Any) -> None:
        """Subscribe, and wait for SUBACK."""
        self.paho.subscribe(topic_filter, qos, **more)
        reasons = self.granted.get(timeout=DEADLINE_S)
        assert not reasons[0].is_failure, reasons

    def publish(self, topic: str, payload: bytes, qos: int = 0, **more: Any) -> None:
        """Publish, and wait until the flow of its QoS is through."""
        self.paho.publish(topic, payload, qos, **more).wait_for_publish(DEADLINE_S)

    def next(self) -> tuple[str, bytes, int, bool]:
        """Return topic, payload, QoS and RETAIN of the next message."""
        message = self.messages.get(timeout=DEADLINE_S)
        return message.topic, bytes(message.payload), message.qos, message.retain

    def crash(self) -> None:
        """Lose the connection without DISCONNECT."""
        sock = self.paho.socket()
        self.paho.loop_stop()
        assert sock is not None
        sock.close()

    def leave(self) -> None:
        """Say goodbye, and end the thread."""
        self.paho.disconnect()
        self.paho.loop_stop()


class People:
    """Makes the clients of one test, and sends them all away at its end."""

    def __init__(self, node: NodeProcess) -> None:
        self.node = node
        self._all: list[Person] = []

    def __call__(
        self, clientid: str, version: MQTTProtocolVersion = V5, transport: str = "tcp", **more: Any
    ) -> Person:
        person = Person(self.node, clientid, transport, version, **more)
        self._all.append(person)
        return person

    def all_leave(self) -> None:
        for person in self._all:
            person.leave()


@pytest.fixture
def people(node: NodeProcess) -> Iterator[People]:
    made = People(node)
    yield made
    made.all_leave()


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize(("transport", "version"), EVERY_WAY)
def test_a_message_goes_out_and_comes_back(
    people: People, transport: str, version: MQTTProtocolVersion, qos: int
) -> None:
    name = f"p-{transport}-{version.name}-{qos}"
    person = people(name, version, transport)
    person.connect()
    person.subscribe(f"{name}/+", qos)
    person.publish(f"{name}/x", b"\x00\xff", qos)
    assert person.next() == (f"{name}/x", b"\x00\xff", qos, False)


@pytest.mark.parametrize(("transport", "version"), EVERY_WAY)
def test_a_retained_message_waits_for_a_subscriber(
    people: People, transport: str, version: MQTTProtocolVersion
) -> None:
    name = f"pr-{transport}-{version.name}"
    person = people(name, version, transport)
    person.connect()
    person.publish(name, b"kept", 1, retain=True)
    person.subscribe(name, 1)
    assert person.next() == (name, b"kept", 1, True)
    person.publish(name, b"", 1, retain=True)
    assert person.next() == (name, b"", 1, False)


@pytest.mark.parametrize(("transport", "version"), EVERY_WAY)
def test_a_crash_publishes_the_will(
    people: People, transport: str, version: MQTTProtocolVersion
) -> None:
    name = f"pw-{transport}-{version.name}"
    watcher = people(f"{name}-watch", version)
    watcher.connect()
    watcher.subscribe(name, 2)
    doomed = people(name, version, transport)
    doomed.paho.will_set(name, b"gone", 2)
    doomed.connect()
    doomed.crash()
    assert watcher.next() == (name, b"gone", 2, False)


@pytest.mark.parametrize(("transport", "version"), EVERY_WAY)
def test_a_clean_disconnect_publishes_no_will(
    people: People, transport: str, version: MQTTProtocolVersion
) -> None:
    name = f"pn-{transport}-{version.name}"
    watcher = people(f"{name}-watch", version)
    watcher.connect()
    watcher.subscribe(f"{name}/#", 1)
    leaving = people(name, version, transport)
    leaving.paho.will_set(f"{name}/will", b"gone", 1)
    leaving.connect()
    leaving.leave()
    eventually(lambda: not people.node.data(f"clients/{name}"), "the end of the session")
    watcher.publish(f"{name}/end", b"end", 1)
    assert watcher.next() == (f"{name}/end", b"end", 1, False)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_pings_keep_a_quiet_client_connected(people: People, transport: str) -> None:
    name = f"pk-{transport}"
    quiet = people(name, V311, transport)
    quiet.connect(keepalive=1)
    eventually(
        lambda: people.node.data(f"clients/{name}")[0]["recv_pkt"] >= 3, "three packets", 10.0
    )
    assert people.node.data(f"clients/{name}")[0]["connected"] is True
    assert quiet.ended.empty()


@pytest.mark.parametrize(("transport", "version"), EVERY_WAY)
def test_a_second_connection_takes_the_place_of_the_first(
    people: People, transport: str, version: MQTTProtocolVersion
) -> None:
    name = f"pt-{transport}-{version.name}"
    first = people(name, version, transport)
    first.connect()
    second = people(name, version, transport)
    second.connect()
    reason = first.ended.get(timeout=DEADLINE_S)
    if version == V5:
        assert reason.value == 0x8E
    second.subscribe(name)
    second.publish(name, b"mine")
    assert second.next()[1] == b"mine"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_session_of_3_1_1_is_resumed_with_what_it_missed(people: People, transport: str) -> None:
    name = f"ps-{transport}"
    first = people(name, V311, transport, clean_session=False)
    flags, _reason, _ = first.connect()
    assert not flags.session_present
    first.subscribe(name, 1)
    first.leave()
    eventually(lambda: not people.node.data(f"clients/{name}")[0]["connected"])
    other = people(f"{name}-other", V311, transport)
    other.connect()
    other.publish(name, b"missed", 1)
    second = people(name, V311, transport, clean_session=False)
    flags, _reason, _ = second.connect()
    assert flags.session_present
    assert second.next() == (name, b"missed", 1, False)
    second.leave()
    people.node.api("DELETE", f"/api/v4/clients/{name}")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_session_of_5_is_resumed_with_what_it_missed(people: People, transport: str) -> None:
    name = f"ps5-{transport}"
    keep = Properties(PacketTypes.CONNECT)
    keep.SessionExpiryInterval = 60
    first = people(name, V5, transport)
    first.connect(properties=keep)
    first.subscribe(name, 2)
    first.leave()
    eventually(lambda: not people.node.data(f"clients/{name}")[0]["connected"])
    other = people(f"{name}-other", V5, transport)
    other.connect()
    other.publish(name, b"missed", 2)
    second = people(name, V5, transport)
    flags, _reason, _ = second.connect(clean_start=False)
    assert flags.session_present
    assert second.next() == (name, b"missed", 2, False)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_properties_of_version_5_come_through(people: People, transport: str) -> None:
    name = f"pp-{transport}"
    person = people(name, V5, transport)
    person.connect()
    identified = Properties(PacketTypes.SUBSCRIBE)
    identified.SubscriptionIdentifier = 300
    person.paho.subscribe(
        name, options=SubscribeOptions(qos=1, retainAsPublished=True), properties=identified
    )
    person.granted.get(timeout=DEADLINE_S)
    sent = Properties(PacketTypes.PUBLISH)
    sent.PayloadFormatIndicator = 1
    sent.ContentType = "text/plain"
    sent.ResponseTopic = "answer/here"
    sent.CorrelationData = b"\x00\x01"
    sent.MessageExpiryInterval = 100
    sent.UserProperty = [("b", "2"), ("a", "1"), ("b", "3")]
    person.publish(name, b"x", 1, properties=sent)
    message = person.messages.get(timeout=DEADLINE_S)
    assert message.properties is not None
    got = message.properties.json()
    assert got.pop("MessageExpiryInterval") in (99, 100)
    assert got.pop("SubscriptionIdentifier") == [300]
    expected = sent.json()
    del expected["MessageExpiryInterval"]
    assert got == expected


def test_version_5_is_told_what_the_server_offers(people: People) -> None:
    person = people("", V5)
    _flags, _reason, properties = person.connect()
    assert properties.AssignedClientIdentifier
    assert properties.MaximumPacketSize == 1_048_576
    assert properties.SharedSubscriptionAvailable == 1


@pytest.mark.parametrize(("transport", "version"), EVERY_WAY)
def test_a_large_message_arrives_unaltered(
    people: People, transport: str, version: MQTTProtocolVersion
) -> None:
    name = f"pl-{transport}-{version.name}"
    large = bytes(range(256)) * 800
    person = people(name, version, transport)
    person.connect()
    person.subscribe(name, 2)
    person.publish(name, large, 2)
    assert person.next() == (name, large, 2, False)


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_thousand_messages_arrive_once_and_in_order(
    people: People, transport: str, qos: int
) -> None:
    name = f"po-{transport}-{qos}"
    receiver = people(f"{name}-in", V5, transport)
    receiver.connect()
    receiver.subscribe(name, qos)
    sender = people(f"{name}-out", V311, transport)
    sender.paho.max_inflight_messages_set(50)
    sender.connect()
    for number in range(1_000):
        sender.paho.publish(name, str(number).encode(), qos)
    got = [int(receiver.next()[1]) for _ in range(1_000)]
    assert got == list(range(1_000))
    sender.publish(name, b"end", qos)
    assert receiver.next()[1] == b"end"


@pytest.mark.parametrize(
    ("path", "protocol", "status"),
    [
        pytest.param("/mqtt", "mqtt", 101, id="the right path and subprotocol"),
        pytest.param("/mqtt", "mqttv3.1", 101, id="the subprotocol of version 3.1"),
        pytest.param("/elsewhere", "mqtt", 404, id="another path"),
        pytest.param("/mqtt", "chat", 400, id="another subprotocol"),
        pytest.param("/mqtt", None, 101, id="no subprotocol, as simple tools do"),
    ],
)
def test_a_websocket_opens_on_its_path_for_mqtt_only(
    node: NodeProcess, path: str, protocol: str | None, status: int
) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    if protocol is not None:
        headers["Sec-WebSocket-Protocol"] = protocol
    with contextlib.closing(
        http.client.HTTPConnection("127.0.0.1", node.ports["ws"], timeout=DEADLINE_S)
    ) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        assert answer.status == status
        if status == 101:
            assert answer.headers.get("Sec-WebSocket-Protocol") == protocol


def test_many_threads_publish_through_one_client(people: People) -> None:
    receiver = people("pm-in")
    receiver.connect()
    receiver.subscribe("pm/#", 1)
    sender = people("pm-out")
    sender.connect()

    def publish(number: int) -> None:
        for step in range(50):
            sender.paho.publish(f"pm/{number}", str(step).encode(), 1)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got: dict[str, list[int]] = {}
    for _ in range(200):
        topic, payload, _qos, _retain = receiver.next()
        got.setdefault(topic, []).append(int(payload))
    assert got == {f"pm/{number}": list(range(50)) for number in range(4)}
