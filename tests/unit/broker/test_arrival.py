"""Who stands at the other end: the socket's word, a proxy's, and a certificate's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.broker.arrival import introduce
from app.broker.client_info import ClientInfo
from app.broker.proxy_protocol import LOCAL, UNKNOWN, Origin
from app.config import TlsConfig, UnixConfig
from app.mqtt.reason_codes import ReasonCode
from tests.harness.playbook import connect_packet, only
from tests.unit.broker.wires import FakeTransport, House

Houses = Callable[..., House]
ON_THIS_MACHINE = ("127.0.0.1", 40_000)
ELSEWHERE = ("192.0.2.1", 40_000)
SUBJECT = {"subject": ((("organizationName", "Works"),), (("commonName", "device-7"),))}


def introduced(here: House, origin: Origin | None = None, **extra: Any) -> ClientInfo:
    transport = FakeTransport(here.loop, None, **extra)  # type: ignore[arg-type]
    return introduce(here.listener.config, here.listener.zone, transport, origin)


@pytest.mark.parametrize(
    ("peer", "origin", "host", "is_loopback"),
    [
        (ON_THIS_MACHINE, None, "127.0.0.1", True),
        (ON_THIS_MACHINE, Origin("127.0.0.9", 1, 2), "127.0.0.9", True),
        (ON_THIS_MACHINE, Origin("192.0.2.7", 1, 2), "192.0.2.7", False),
        (ON_THIS_MACHINE, LOCAL, "127.0.0.1", True),
        (ON_THIS_MACHINE, UNKNOWN, "127.0.0.1", False),
        (ELSEWHERE, None, "192.0.2.1", False),
        (ELSEWHERE, LOCAL, "192.0.2.1", False),
        (ELSEWHERE, Origin("127.0.0.1", 1, 2), "127.0.0.1", False),
    ],
)
def test_only_a_proxy_on_this_machine_may_call_a_client_local(
    house: Houses, peer: tuple[str, int], origin: Origin | None, host: str, is_loopback: bool
) -> None:
    client = introduced(house(), origin, peername=peer)
    assert (client.peerhost, client.is_loopback) == (host, is_loopback)


def test_ports_come_from_the_header_too(house: Houses) -> None:
    client = introduced(house(), Origin("192.0.2.7", 51_000, 8_883))
    assert (client.peerport, client.sockport) == (51_000, 8_883)


def test_the_node_s_own_address_is_that_of_the_connection(house: Houses) -> None:
    client = introduced(house(), peername=ELSEWHERE, sockname=("::ffff:192.0.2.9", 1883))
    assert client.sockhost == "192.0.2.9"


def test_who_comes_by_a_socket_file_is_on_this_machine(house: Houses) -> None:
    here = house("unix", listener={"unix": UnixConfig(path="/run/mqtt.sock")})
    client = introduced(here, peername="", sockname="/run/mqtt.sock")
    assert (client.peerhost, client.peerport, client.is_loopback) == ("127.0.0.1", 0, True)


def tls(**names: str) -> dict[str, Any]:
    return {"listener": {"tls": TlsConfig(verify="verify_peer", **names)}}


def test_a_certificate_names_the_client_whatever_connect_says(house: Houses) -> None:
    here = house("ssl", **tls(peer_cert_as_username="dn", peer_cert_as_clientid="cn"))
    peer = here.peer(peercert=SUBJECT)
    peer.sends(connect_packet("somebody", username="else"))
    connack = only(peer.receives())
    assert connack.reason_code == ReasonCode.SUCCESS
    assert connack.properties["assigned_client_identifier"] == "device-7"
    client = peer.connection.channel.client
    assert (client.clientid, client.username) == ("device-7", "CN=device-7,O=Works")


def test_what_a_certificate_says_is_known_whether_it_names_the_client_or_not(house: Houses) -> None:
    client = introduced(house("ssl", **tls()), peercert=SUBJECT)
    assert (client.cert_cn, client.cert_dn) == ("device-7", "CN=device-7,O=Works")
    assert (client.cert_username, client.cert_clientid) == (None, None)
    assert introduced(house("ssl", **tls()), peercert=None).cert_cn is None


def test_a_certificate_that_nobody_verified_says_nothing(house: Houses) -> None:
    here = house("ssl", listener={"tls": TlsConfig(verify="verify_none")})
    assert introduced(here, peercert=SUBJECT).cert_cn is None


def test_a_proxy_that_ended_tls_tells_the_common_name_unless_there_is_a_certificate(
    house: Houses,
) -> None:
    told = Origin("192.0.2.7", 1, 2, cert_cn="device-8")
    assert introduced(house(), told, peername=ELSEWHERE).cert_cn == "device-8"
    here = house("ssl", **tls())
    assert introduced(here, told, peername=ELSEWHERE, peercert=SUBJECT).cert_cn == "device-7"
    assert introduced(here, told, peername=ELSEWHERE, peercert=None).cert_cn is None


def test_without_a_certificate_connect_has_its_say(house: Houses) -> None:
    here = house("ssl", **tls(peer_cert_as_username="cn"))
    peer = here.peer(peercert=None)
    peer.sends(connect_packet("somebody", username="else"))
    client = peer.connection.channel.client
    assert (client.clientid, client.username) == ("somebody", "else")


def test_a_certificates_user_name_may_become_the_client_id(house: Houses) -> None:
    here = house("ssl", zone={"use_username_as_clientid": True}, **tls(peer_cert_as_username="cn"))
    peer = here.peer(peercert=SUBJECT)
    peer.sends(connect_packet("somebody", username="else"))
    assert peer.connection.channel.client.clientid == "device-7"
