"""What is known of a client before its first byte: addresses, a proxy's word for them, names in its certificate."""

from __future__ import annotations

import asyncio

from app.broker.client_info import ClientInfo
from app.broker.proxy_protocol import Origin
from app.broker.tls import names_in
from app.config import ListenerConfig, TlsConfig, ZoneConfig

LOCAL_PEER = ("127.0.0.1", 0)
"""Who comes by a socket file is on this machine, and so is a transport that cannot tell."""


def introduce(
    config: ListenerConfig,
    zone: ZoneConfig,
    transport: asyncio.BaseTransport,
    origin: Origin | None,
) -> ClientInfo:
    """Return who stands at the other end.

    Args:
        config: The listener's settings.
        zone: The listener's zone.
        transport: The connection.
        origin: What the PROXY header said; None where the listener expects none.
    """
    peer, sockhost, sockport = LOCAL_PEER, "", config.port
    if config.unix is None:
        peer = transport.get_extra_info("peername") or LOCAL_PEER
        own = transport.get_extra_info("sockname") or LOCAL_PEER
        sockhost, sockport = unmapped(own[0]), sockport or own[1]
    client = ClientInfo(
        zone=zone,
        listener=config.identifier,
        peerhost=unmapped(peer[0]),
        peerport=peer[1],
        sockport=sockport,
        sockhost=sockhost,
    )
    if origin is not None and origin.is_proxied:
        # Whoever reaches the port can write a header: only a proxy on this machine may call a client local.
        client.from_elsewhere = not (origin.host and client.is_loopback)
        if origin.host:
            client.peerhost, client.peerport = origin.host, origin.port
            client.sockport = origin.own_port
        client.cert_cn = origin.cert_cn
    if config.tls is not None and config.tls.verify == "verify_peer":
        name_by_certificate(config.tls, client, transport)
    return client


def name_by_certificate(
    tls: TlsConfig, client: ClientInfo, transport: asyncio.BaseTransport
) -> None:
    """Note the names that the client's certificate gives it; CONNECT cannot change them, nor can a proxy."""
    names = names_in(transport.get_extra_info("peercert"))
    client.cert_cn, client.cert_dn = names.get("cn"), names.get("dn")
    client.cert_username = names.get(tls.peer_cert_as_username)
    client.cert_clientid = names.get(tls.peer_cert_as_clientid)


def unmapped(host: str) -> str:
    """Print an IPv4 address that came in over IPv6 as IPv4."""
    return host.removeprefix("::ffff:") if host.startswith("::ffff:") and "." in host else host
