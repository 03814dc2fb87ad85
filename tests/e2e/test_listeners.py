"""TLS, PROXY protocol, connection rate and socket files on a real server, with mosquitto's and paho's clients."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from app.mqtt.packets import MQTT_3_1_1
from tests.harness.certificates import Authority, Pair
from tests.harness.node import MakeNode, NodeFailedError, NodeProcess, eventually
from tests.harness.playbook import connect_packet
from tests.harness.ports import free_port

CONNECT = connect_packet("raw", MQTT_3_1_1).encode(MQTT_3_1_1)
ACCEPTED = b"\x20\x02\x00\x00"
NOT_AUTHORIZED = b"\x20\x02\x00\x05"


class Site:
    """A server with a CA of its own, listening for TLS one-way, two-way, and over WebSocket."""

    def __init__(self, folder: Path, make_node: MakeNode) -> None:
        self.authority = Authority(folder / "certificates")
        self.server = self.authority.issue("server")
        self.ports = {name: free_port() for name in ("ssl", "two", "wss")}
        pair = {"certfile": str(self.server.certfile), "keyfile": str(self.server.keyfile)}
        settings = {}
        for key, port in (
            ("listener.ssl.external", self.ports["ssl"]),
            ("listener.ssl.two", self.ports["two"]),
            ("listener.wss.external", self.ports["wss"]),
        ):
            settings[key] = f"127.0.0.1:{port}"
            settings.update({f"{key}.{name}": value for name, value in pair.items()})
        settings["listener.ssl.external.handshake_timeout"] = "1s"
        settings["listener.ssl.two.cacertfile"] = str(self.authority.certfile)
        settings["listener.ssl.two.verify"] = "verify_peer"
        settings["listener.ssl.two.fail_if_no_peer_cert"] = "true"
        settings["listener.ssl.two.peer_cert_as_username"] = "dn"
        settings["listener.ssl.two.peer_cert_as_clientid"] = "cn"
        self.node: NodeProcess = make_node(**settings)

    def metric(self, name: str) -> int:
        (answer,) = self.node.data("metrics")
        counted: int = answer["metrics"][name]
        return counted

    def mosquitto(self, program: str, listener: str, *options: str) -> list[str]:
        at = ["-h", "127.0.0.1", "-p", str(self.ports[listener]), "-t", "t/tls"]
        return [program, *at, "--cafile", str(self.authority.certfile), *options]


@pytest.fixture
def site(tmp_path: Path, make_node: MakeNode) -> Site:
    return Site(tmp_path, make_node)


@pytest.fixture
def _mosquitto() -> None:
    if shutil.which("mosquitto_pub") is None:
        if os.environ.get("CI", "").lower() in {"true", "1"}:
            pytest.fail("install mosquitto-clients")
        pytest.skip("install mosquitto-clients")


@pytest.fixture
def cleanup() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def credentials(pair: Pair) -> list[str]:
    return ["--cert", str(pair.certfile), "--key", str(pair.keyfile)]


def run(command: list[str]) -> int:
    return subprocess.run(command, check=False, timeout=20, capture_output=True).returncode


@pytest.mark.usefixtures("_mosquitto")
def test_mosquitto_speaks_tls_one_way_and_two_way(
    site: Site, cleanup: contextlib.ExitStack
) -> None:
    device = site.authority.issue("device", O="Works, Ltd", CN="device-7")
    receive = site.mosquitto("mosquitto_sub", "ssl", "-i", "sub", "-C", "2", "-W", "10")
    subscriber = subprocess.Popen(receive, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    cleanup.callback(subscriber.communicate)
    cleanup.callback(subscriber.kill)
    eventually(lambda: site.node.data("subscriptions/sub"), "the subscription")
    assert run(site.mosquitto("mosquitto_pub", "ssl", "-m", "one", "-q", "1")) == 0
    two_way = site.mosquitto("mosquitto_pub", "two", "-m", "two", "-q", "1")
    assert run([*two_way, *credentials(device)]) == 0
    assert subscriber.communicate(timeout=10)[0].split() == [b"one", b"two"]
    before = site.metric("listener.error.handshake")
    assert run(two_way) != 0
    stranger = Authority(site.authority.folder / "else").issue("device")
    assert run([*two_way, *credentials(stranger)]) != 0
    assert site.metric("listener.error.handshake") == before + 2


def test_a_certificate_names_its_client_whatever_connect_says(site: Site) -> None:
    device = site.authority.issue("device", O="Works, Ltd", CN="device-7")
    context = ssl.create_default_context(cafile=str(site.authority.certfile))
    context.load_cert_chain(device.certfile, device.keyfile)
    with (
        socket.create_connection(("127.0.0.1", site.ports["two"]), 5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as link,
    ):
        link.sendall(CONNECT)
        assert link.recv(4) == ACCEPTED
        (client,) = site.node.data("clients/device-7")
        assert client["username"] == "CN=device-7,O=Works\\, Ltd"


def test_listeners_with_tls_are_shown_as_emqx_shows_them(site: Site) -> None:
    (shown,) = site.node.data("listeners")
    protocols = {row.get("identifier"): row["protocol"] for row in shown["listeners"]}
    assert protocols["mqtt:ssl:external"] == protocols["mqtt:ssl:two"] == "mqtt:ssl"
    assert protocols["mqtt:wss:external"] == f"mqtt:wss:{site.ports['wss']}"


@pytest.mark.parametrize(("listener", "transport"), [("ssl", "tcp"), ("wss", "websockets")])
def test_paho_publishes_to_itself_over_tls(site: Site, listener: str, transport: str) -> None:
    got: list[bytes] = []
    subscribed, received = threading.Event(), threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, transport=transport)
    client.tls_set(ca_certs=str(site.authority.certfile))
    client.on_connect = lambda *_: client.subscribe("t/#", 1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = lambda _c, _u, message: (got.append(message.payload), received.set())
    client.connect("127.0.0.1", site.ports[listener])
    client.loop_start()
    try:
        assert subscribed.wait(10)
        large = os.urandom(300_000)
        client.publish("t/large", large, 1)
        assert received.wait(10)
        assert got == [large]
    finally:
        client.disconnect()
        client.loop_stop()


def test_what_is_no_handshake_or_never_ends_is_counted_and_closed(site: Site) -> None:
    before = site.metric("listener.error.handshake")
    address = ("127.0.0.1", site.ports["ssl"])
    with (
        socket.create_connection(address, 5) as plain,
        socket.create_connection(address, 5) as slow,
    ):
        plain.sendall(CONNECT)
        slow.sendall(b"\x16\x03\x01")
        for each in (plain, slow):
            each.settimeout(10)
            with contextlib.suppress(ConnectionResetError):
                while each.recv(1_000):
                    pass
    assert site.metric("listener.error.handshake") == before + 2
    assert site.node.api("GET", "/status").status == 200


def test_a_certificate_that_cannot_be_read_ends_the_start_with_one_sentence(
    tmp_path: Path, make_node: MakeNode
) -> None:
    with pytest.raises(NodeFailedError) as failed:
        make_node(
            **{
                "listener.ssl.external": f"127.0.0.1:{free_port()}",
                "listener.ssl.external.certfile": str(tmp_path / "none.pem"),
                "listener.ssl.external.keyfile": str(tmp_path / "none.key"),
            }
        )
    log = str(failed.value)
    assert "Set listener.ssl.external.certfile to a file" in log
    assert "Traceback" not in log


LINE = b"PROXY TCP4 192.0.2.7 10.0.0.1 51000 1883\r\n"


def ask(link: socket.socket, *parts: bytes) -> bytes:
    """Send parts one after the other; return the first four bytes of the answer, or fewer at the end."""
    link.settimeout(10)
    for part in parts:
        link.sendall(part)
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while len(answer) < 4 and (data := link.recv(4 - len(answer))):
            answer += data
    return answer


def test_a_proxys_header_says_who_the_client_is(make_node: MakeNode) -> None:
    key, port = "listener.tcp.proxied", free_port()
    node = make_node(
        **{
            key: f"127.0.0.1:{port}",
            f"{key}.proxy_protocol": "on",
            f"{key}.proxy_protocol_timeout": "500ms",
        }
    )

    def connect(*parts: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 5) as link:
            return ask(link, *parts)

    # Anonymous clients come in from this machine only, and the proxied one is elsewhere.
    assert connect(LINE + CONNECT) == NOT_AUTHORIZED
    assert connect(b"PROXY UNKNOWN\r\n", CONNECT) == NOT_AUTHORIZED
    assert connect(*(bytes([byte]) for byte in LINE + CONNECT)) == NOT_AUTHORIZED
    with socket.create_connection(("127.0.0.1", port), 5) as link:
        assert ask(link, b"PROXY TCP4 127.0.0.9 127.0.0.1 51000 1883\r\n" + CONNECT) == ACCEPTED
        (client,) = node.data("clients/raw")
        assert (client["ip_address"], client["port"]) == ("127.0.0.9", 51_000)
    before = node.data("metrics")[0]["metrics"]["listener.error.proxy_protocol"]
    assert connect(CONNECT) == b""
    assert connect(b"PROXY ") == b""
    after = node.data("metrics")[0]["metrics"]["listener.error.proxy_protocol"]
    assert after == before + 2


def test_the_proxys_header_comes_before_tls(tmp_path: Path, make_node: MakeNode) -> None:
    authority = Authority(tmp_path / "certificates")
    server, key, port = authority.issue("server"), "listener.ssl.external", free_port()
    node = make_node(
        **{
            key: f"127.0.0.1:{port}",
            f"{key}.certfile": str(server.certfile),
            f"{key}.keyfile": str(server.keyfile),
            f"{key}.proxy_protocol": "on",
            "allow_anonymous": "true",
        }
    )
    context = ssl.create_default_context(cafile=str(authority.certfile))
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        # In one segment with the ClientHello: not a byte of it may be lost with the header.
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        plain.sendall(LINE + outgoing.read())
        while True:
            incoming.write(plain.recv(65_536))
            with contextlib.suppress(ssl.SSLWantReadError):
                tls.do_handshake()
                break
        tls.write(CONNECT)
        plain.sendall(outgoing.read())
        eventually(lambda: node.data("clients/raw"), "the client")
        assert node.data("clients/raw")[0]["ip_address"] == "192.0.2.7"


def test_a_listener_accepts_no_faster_than_its_rate_and_loses_nobody(make_node: MakeNode) -> None:
    key, port = "listener.tcp.slow", free_port()
    node = make_node(**{key: f"127.0.0.1:{port}", f"{key}.max_conn_rate": "10"})
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        links = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 5)) for _ in range(20)
        ]
        for number, link in enumerate(links):
            assert (
                ask(link, connect_packet(f"c{number}", MQTT_3_1_1).encode(MQTT_3_1_1)) == ACCEPTED
            )
        assert time.monotonic() - began >= 0.9
        assert node.data("metrics")[0]["metrics"]["listener.paused.conn_rate"] > 0


def test_a_socket_file_serves_programs_of_this_machine(tmp_path: Path, make_node: MakeNode) -> None:
    path = tmp_path / "mqtt.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    node = make_node(**{"listener.unix.local": str(path), "listener.unix.local.mode": "0600"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(path))
        assert ask(link, CONNECT) == ACCEPTED
        (client,) = node.data("clients/raw")
        assert client["ip_address"] == "127.0.0.1"
        (shown,) = node.data("listeners")
        rows = {row.get("identifier"): row for row in shown["listeners"]}
        assert rows["mqtt:unix:local"]["protocol"] == "mqtt:unix"
        assert rows["mqtt:unix:local"]["listen_on"] == str(path)
        assert rows["mqtt:unix:local"]["current_conns"] == 1
    assert node.stop().status == 0
    assert not path.exists()


UPGRADE = (
    b"GET /mqtt HTTP/1.1\r\nHost: broker\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
)


def test_the_proxys_header_comes_before_websockets_handshake(make_node: MakeNode) -> None:
    key, port = "listener.ws.proxied", free_port()
    node = make_node(**{key: f"127.0.0.1:{port}", f"{key}.proxy_protocol": "on"})
    masked = bytes([0x82, 0x80 | len(CONNECT), 0, 0, 0, 0]) + CONNECT
    for header, answer in ((LINE, NOT_AUTHORIZED), (b"PROXY UNKNOWN\r\n", NOT_AUTHORIZED)):
        with socket.create_connection(("127.0.0.1", port), 5) as link:
            link.settimeout(10)
            link.sendall(header + UPGRADE)
            received = b""
            while b"\r\n\r\n" not in received:
                received += link.recv(1_000)
            assert received.startswith(b"HTTP/1.1 101 ")
            assert ask(link, masked)[2:] == answer[:2]
            assert link.recv(2) == answer[2:]
    assert node.api("GET", "/status").status == 200


def test_a_node_stops_in_time_though_no_tls_client_says_goodbye(
    site: Site, cleanup: contextlib.ExitStack
) -> None:
    context = ssl.create_default_context(cafile=str(site.authority.certfile))
    context.check_hostname = False
    links = []
    for number in range(200):
        plain = socket.create_connection(("127.0.0.1", site.ports["ssl"]), timeout=10)
        link = cleanup.enter_context(context.wrap_socket(plain))
        link.sendall(connect_packet(f"silent{number}", MQTT_3_1_1).encode(MQTT_3_1_1))
        assert link.recv(4) == ACCEPTED
        links.append(link)
    began_s = time.monotonic()
    assert site.node.stop().status == 0
    # The broker takes one of these; the rest is the worker's own.
    assert time.monotonic() - began_s < 4.0
