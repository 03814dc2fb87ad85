"""MQTT over WebSocket, with the client's half of `websockets` as the witness at the other end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from app.broker.websocket import FRAME_OVERHEAD, WebSocketConnection
from app.mqtt.frames import FrameDecoder
from app.mqtt.packets import (
    MQTT_5,
    Connack,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Publish,
    Subscribe,
    SubscribeFilter,
    Will,
)
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import LARGEST, connect_packet, only
from tests.unit.broker.wires import House, Peer

Houses = Callable[..., House]


class Browser:
    """A WebSocket client over a fake transport."""

    def __init__(
        self,
        house: House,
        path: str = "/mqtt",
        subprotocols: tuple[str, ...] | None = ("mqtt",),
        headers: dict[str, str] | None = None,
    ) -> None:
        self.peer = Peer(house)
        self.loop = house.loop
        self.protocol = ClientProtocol(parse_uri(f"ws://broker{path}"), subprotocols=subprotocols)
        self.decoder = FrameDecoder(LARGEST, MQTT_5, server=False)
        request = self.protocol.connect()
        for name, value in (headers or {}).items():
            request.headers[name] = value
        self.protocol.send_request(request)
        self.flush()
        self.response = next(
            (event for event in self.events() if isinstance(event, Response)), None
        )

    @property
    def connection(self) -> WebSocketConnection:
        assert isinstance(self.peer.connection, WebSocketConnection)
        return self.peer.connection

    def flush(self, step: int = 0) -> None:
        """Hand over what the protocol has to send, in pieces of `step` bytes."""
        data = b"".join(self.protocol.data_to_send())
        for start in range(0, len(data), step or len(data) or 1):
            self.peer.sends(data[start : start + (step or len(data))])

    def events(self) -> list[Any]:
        writes, self.peer.transport.writes = self.peer.transport.writes, []
        self.protocol.receive_data(b"".join(writes))
        return self.protocol.events_received()

    def close_code(self) -> int | None:
        """Return the code of the close frame that came."""
        return self.protocol.close_rcvd.code if self.protocol.close_rcvd else None

    def frames(self) -> list[Frame]:
        return [event for event in self.events() if isinstance(event, Frame)]

    def sends(self, *packets: Packet | bytes, step: int = 0) -> None:
        """Send packets in one binary frame."""
        self.protocol.send_binary(encoded(*packets))
        self.flush(step)

    def receives(self) -> list[Packet]:
        frames = self.frames()
        data = [frame.data for frame in frames if frame.opcode is Opcode.BINARY]
        return self.decoder.feed(b"".join(map(bytes, data)))


def encoded(*packets: Packet | bytes) -> bytes:
    return b"".join(p if isinstance(p, bytes) else p.encode(MQTT_5) for p in packets)


def opened(house: House, clientid: str = "c", **fields: Any) -> Browser:
    browser = Browser(house)
    browser.sends(connect_packet(clientid, **fields))
    connack = only(browser.receives())
    assert isinstance(connack, Connack)
    return browser


# -- opening handshake -------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/mqtt", "/mqtt/", "/mqtt?token=1"])
def test_the_path_of_the_listener_is_the_door(house: Houses, path: str) -> None:
    browser = Browser(house("ws"), path)
    assert browser.response is not None
    assert browser.response.status_code == 101
    assert browser.protocol.state is State.OPEN


@pytest.mark.parametrize("path", ["/", "/mqtts", "/other/mqtt", "/MQTT"])
def test_elsewhere_the_door_is_pointed_out(house: Houses, path: str) -> None:
    browser = Browser(house("ws"), path)
    assert browser.response is not None
    assert browser.response.status_code == 404
    assert browser.response.body == b"MQTT is at /mqtt\n"
    assert browser.peer.transport.closing


def test_the_door_may_be_elsewhere(house: Houses) -> None:
    browser = Browser(house("ws", listener={"mqtt_path": "/"}), "/")
    assert browser.protocol.state is State.OPEN


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (("mqtt",), "mqtt"),  # [MQTT-6.0.0-4] [MQTT311-6.0.0-4]
        (("chat", "mqtt"), "mqtt"),
        (("mqttv3.1", "mqtt"), "mqttv3.1"),
        (("mqtt-v5",), "mqtt-v5"),
        (None, None),
    ],
)
def test_the_first_sub_protocol_that_is_mqtt_is_chosen(
    house: Houses, offered: tuple[str, ...] | None, chosen: str | None
) -> None:
    browser = Browser(house("ws"), subprotocols=offered)
    assert browser.protocol.state is State.OPEN
    assert browser.protocol.subprotocol == chosen


def test_a_client_that_speaks_something_else_is_refused(house: Houses) -> None:
    browser = Browser(house("ws"), subprotocols=("chat",))
    assert browser.response is not None
    assert browser.response.status_code == 400
    assert browser.peer.transport.closing


def test_a_broken_frame_in_the_segment_of_a_request_that_is_refused_ends_it(house: Houses) -> None:
    here = house("ws")
    peer = Peer(here)
    protocol = ClientProtocol(parse_uri("ws://broker/elsewhere"))
    protocol.send_request(protocol.connect())
    peer.sends(b"".join(protocol.data_to_send()) + b"\xff\xff\xff\xff")
    here.loop.turns()
    assert peer.transport.closing
    assert here.listener.connections == set()


def test_a_plain_request_is_told_to_upgrade(house: Houses) -> None:
    peer = house("ws").peer()
    peer.sends(b"GET /mqtt HTTP/1.1\r\nHost: broker\r\n\r\n")
    assert peer.transport.writes[0].startswith(b"HTTP/1.1 426 ")
    assert peer.transport.closing


def test_bytes_that_are_no_request_end_the_connection(house: Houses) -> None:
    peer = house("ws").peer()
    peer.sends(connect_packet("c"), b"\r\n\r\n")
    assert peer.transport.closing


def test_the_answer_does_not_name_the_server(house: Houses) -> None:
    response = Browser(house("ws")).response
    assert response is not None
    assert "Server" not in response.headers


@pytest.mark.parametrize(
    ("headers", "local"),
    [
        ({}, True),
        ({"Origin": "http://localhost:18083"}, True),
        ({"Origin": "http://127.0.0.1"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"X-Forwarded-For": "127.0.0.1"}, False),
        ({"Forwarded": "for=10.0.0.1"}, False),
    ],
)
def test_a_page_of_another_site_and_a_proxys_client_are_not_of_this_machine(
    house: Houses, headers: dict[str, str], local: bool
) -> None:
    browser = Browser(house("ws"), headers=headers)
    client = browser.connection.channel.client
    client.peerhost = "127.0.0.1"
    assert client.is_loopback is local


def test_a_handshake_that_never_comes_is_given_up(house: Houses) -> None:
    here = house("ws")
    peer, slow = here.peer(), here.peer()
    for byte in b"GET /mqtt HTTP/1":
        slow.sends(bytes((byte,)))
        here.loop.turn(here.playbook.advance, 1.0)
    here.loop.turns()
    assert peer.transport.closing
    assert slow.transport.closing


# -- frames ------------------------------------------------------------------------------------


def test_packets_go_both_ways(house: Houses) -> None:
    browser = opened(house("ws"))
    browser.sends(Pingreq())
    assert browser.receives() == [Pingresp()]


def test_one_frame_may_hold_many_packets(house: Houses) -> None:
    browser = opened(house("ws"))
    browser.sends(*[Pingreq()] * 3)
    frames = browser.frames()
    assert [frame.opcode for frame in frames] == [Opcode.BINARY]  # one frame a turn back
    assert bytes(frames[0].data) == encoded(*[Pingresp()] * 3)


def test_one_packet_may_be_spread_over_many_frames(house: Houses) -> None:
    """[MQTT-6.0.0-2] [MQTT311-6.0.0-2]"""
    browser = opened(house("ws"))
    for byte in encoded(Publish("t", b"x", 1, packet_id=7)):
        browser.sends(bytes((byte,)))
    assert [packet.packet_id for packet in browser.receives()] == [7]  # type: ignore[union-attr]


def test_one_message_may_be_spread_over_fragments(house: Houses) -> None:
    browser = opened(house("ws"))
    data = encoded(Pingreq(), Pingreq())
    browser.protocol.send_binary(data[:1], fin=False)
    browser.protocol.send_continuation(data[1:3], fin=False)
    browser.protocol.send_ping(b"between")
    browser.protocol.send_continuation(data[3:], fin=True)
    browser.flush()
    assert browser.receives() == [Pingresp(), Pingresp()]


def test_many_frames_may_come_in_one_segment(house: Houses) -> None:
    browser = opened(house("ws"))
    for _ in range(3):
        browser.protocol.send_binary(encoded(Pingreq()))
    browser.flush()
    assert browser.receives() == [Pingresp()] * 3


def test_bytes_may_come_one_at_a_time(house: Houses) -> None:
    browser = opened(house("ws"))
    browser.sends(Pingreq(), step=1)
    assert browser.receives() == [Pingresp()]


def test_connect_may_come_in_the_segment_of_the_handshake(house: Houses) -> None:
    here = house("ws")
    browser = Browser.__new__(Browser)
    browser.peer, browser.loop = Peer(here), here.loop
    browser.protocol = ClientProtocol(parse_uri("ws://broker/mqtt"), subprotocols=("mqtt",))
    browser.decoder = FrameDecoder(LARGEST, MQTT_5, server=False)
    browser.protocol.send_request(browser.protocol.connect())
    browser.protocol.state = State.OPEN  # do not wait for the answer
    browser.protocol.send_binary(encoded(connect_packet("c")))
    browser.protocol.state = State.CONNECTING
    browser.flush()
    assert here.core.cm.get("c") is not None


def test_a_text_frame_ends_the_connection(house: Houses) -> None:
    """[MQTT-6.0.0-1] [MQTT311-6.0.0-1]"""
    here = house("ws")
    witness = opened(here, "witness")
    witness.sends(Subscribe(1, (SubscribeFilter("will", 0),)))
    witness.receives()
    browser = opened(here, will=Will("will", b"gone"))
    browser.protocol.send_text(encoded(Pingreq()))
    browser.flush()
    (close,) = browser.frames()
    assert close.opcode is Opcode.CLOSE
    assert browser.close_code() == CloseCode.UNSUPPORTED_DATA
    assert browser.peer.transport.closing
    here.loop.turns()
    assert here.listener.record().shutdown_count == {"frame_error": 1}
    assert [packet.payload for packet in witness.receives()] == [b"gone"]  # type: ignore[union-attr]


def test_pings_of_the_protocol_are_answered(house: Houses) -> None:
    browser = opened(house("ws"))
    browser.protocol.send_ping(b"hello")
    browser.flush()
    (pong,) = browser.frames()
    assert (pong.opcode, bytes(pong.data)) == (Opcode.PONG, b"hello")


def test_a_frame_larger_than_any_packet_may_be_ends_the_connection(house: Houses) -> None:
    browser = opened(house("ws", mqtt={"max_packet_size": 1_000}))
    browser.sends(bytes(1_000 + FRAME_OVERHEAD + 1))
    assert browser.frames()[-1].opcode is Opcode.CLOSE
    assert browser.close_code() == CloseCode.MESSAGE_TOO_BIG
    assert browser.peer.transport.closing


def test_a_packet_larger_than_allowed_is_answered_in_mqtt(house: Houses) -> None:
    browser = opened(house("ws", mqtt={"max_packet_size": 1_000}))
    browser.sends(Publish("t", bytes(1_001)))
    assert only(browser.receives()).reason_code == ReasonCode.PACKET_TOO_LARGE


# -- closing handshake -------------------------------------------------------------------------


def test_a_client_that_closes_is_answered_and_closed(house: Houses) -> None:
    here = house("ws")
    browser = opened(here)
    browser.protocol.send_close(CloseCode.GOING_AWAY)
    browser.flush()
    (close,) = browser.frames()
    assert close.opcode is Opcode.CLOSE
    assert browser.peer.transport.closing
    here.loop.turns()
    assert (here.core.cm.live, here.listener.record().current_conns) == (0, 0)


def test_disconnect_is_followed_by_a_close_frame(house: Houses) -> None:
    browser = opened(house("ws"))
    browser.sends(Disconnect())
    (close,) = browser.frames()
    assert close.opcode is Opcode.CLOSE
    assert browser.close_code() == CloseCode.NORMAL_CLOSURE
    assert browser.peer.transport.closing


def test_a_close_frame_in_the_segment_of_disconnect_is_answered(house: Houses) -> None:
    browser = opened(house("ws"))
    browser.protocol.send_binary(encoded(Disconnect()))
    browser.protocol.send_close(CloseCode.GOING_AWAY)
    browser.flush()
    assert [frame.opcode for frame in browser.frames()] == [Opcode.CLOSE]
    assert browser.close_code() == CloseCode.GOING_AWAY


def test_what_was_said_before_the_end_is_sent_before_the_close_frame(house: Houses) -> None:
    browser = opened(house("ws"))
    browser.sends(Pingreq(), connect_packet("c"))
    frames = browser.frames()
    assert [frame.opcode for frame in frames] == [Opcode.BINARY, Opcode.CLOSE]
    pingresp, disconnect = browser.decoder.feed(bytes(frames[0].data))
    assert (pingresp, type(disconnect)) == (Pingresp(), Disconnect)


def test_messages_after_the_close_frame_harm_nobody(house: Houses) -> None:
    here = house("ws")
    browser = opened(here)
    browser.sends(Subscribe(1, (SubscribeFilter("t", 0),)))
    browser.receives()
    browser.protocol.send_close(CloseCode.GOING_AWAY)

    def close_and_publish() -> None:
        browser.connection.data_received(b"".join(browser.protocol.data_to_send()))
        here.playbook.publish("t")

    here.loop.turn(close_and_publish)
    assert [frame.opcode for frame in browser.frames()] == [Opcode.CLOSE]


def test_octets_include_those_of_the_frames(house: Houses) -> None:
    browser = opened(house("ws"))
    counters = browser.connection.channel.counters
    before = counters.recv_oct
    browser.sends(Pingreq())
    assert counters.recv_oct - before == 8  # two bytes of header, four of mask, two of PINGREQ


def test_a_half_closed_connection_is_closed(house: Houses) -> None:
    here = house("ws")
    browser = opened(here)
    here.loop.turn(browser.connection.eof_received)
    assert browser.peer.transport.closing
