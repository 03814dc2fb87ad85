"""The rows of the listeners: where MQTT clients are served, over what, and within which limits.

TLS rows exist for `ssl` and `wss` only, socket file rows for `unix` only: a key that could have no effect is unknown.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from app.config.kinds import (
    Address,
    above_zero,
    address_list,
    any_text,
    choice,
    duration,
    file_mode,
    flag,
    mqtt_path,
    names_of,
    or_no_limit,
    socket_file,
    whole,
    word,
)
from app.config.table import Setting, make, setting


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """Certificates and rules of one `ssl` or `wss` listener."""

    keyfile: str = setting(
        "listener.$protocol.$name.keyfile",
        any_text,
        "",
        "PEM file with the private key of the listener's certificate.",
    )
    certfile: str = setting(
        "listener.$protocol.$name.certfile",
        any_text,
        "",
        "PEM file with the listener's certificate and those that lead to its CA.",
    )
    key_password: str = setting(
        "listener.$protocol.$name.key_password",
        any_text,
        "",
        "Password of the private key, where it has one.",
        secret=True,
    )
    cacertfile: str = setting(
        "listener.$protocol.$name.cacertfile",
        any_text,
        "",
        "PEM file with the CAs whose clients are trusted.",
    )
    verify: str = setting(
        "listener.$protocol.$name.verify",
        choice("verify_none", "verify_peer"),
        "verify_none",
        "Whether clients are asked for a certificate; one that is shown must be of a trusted CA.",
    )
    fail_if_no_peer_cert: bool = setting(
        "listener.$protocol.$name.fail_if_no_peer_cert",
        flag,
        "false",
        "Whether clients without a certificate are refused; needs `verify_peer`.",
    )
    tls_versions: tuple[str, ...] = setting(
        "listener.$protocol.$name.tls_versions",
        names_of("tlsv1.2", "tlsv1.3"),
        "tlsv1.3,tlsv1.2",
        "Versions of TLS that are spoken.",
    )
    ciphers: str = setting(
        "listener.$protocol.$name.ciphers",
        any_text,
        "",
        "Ciphers of TLS 1.2 by their OpenSSL names, with commas between them; empty is OpenSSL's choice.",
    )
    psk_ciphers: str = setting(
        "listener.$protocol.$name.psk_ciphers",
        any_text,
        "",
        "Ciphers of TLS 1.2 with pre-shared keys, such as PSK-AES128-GCM-SHA256, in place of all others; the keys are "
        "those of emqx_psk_file. Needs Python 3.13.",
    )
    handshake_timeout_s: float = setting(
        "listener.$protocol.$name.handshake_timeout",
        above_zero(duration),
        "15s",
        "How long the TLS handshake may take.",
    )
    peer_cert_as_username: str = setting(
        "listener.$protocol.$name.peer_cert_as_username",
        choice("off", "cn", "dn"),
        "off",
        "Which name of the client's certificate is its user name; needs `verify_peer`.",
    )
    peer_cert_as_clientid: str = setting(
        "listener.$protocol.$name.peer_cert_as_clientid",
        choice("off", "cn", "dn"),
        "off",
        "Which name of the client's certificate is its client id; needs `verify_peer`.",
    )

    def problem(self) -> tuple[str, str] | None:
        """Return (last part of a key, what it must be) where the rows do not go together."""
        if self.psk_ciphers and self.ciphers:
            return "ciphers", "empty where psk_ciphers are set"
        if not self.certfile:
            return "certfile", "the PEM file of a certificate"
        if not self.keyfile:
            return "keyfile", "the PEM file of the certificate's private key"
        if self.verify == "verify_peer":
            if not self.cacertfile:
                return "cacertfile", "the PEM file of the CAs whose clients are trusted"
        elif self.fail_if_no_peer_cert or self.names_clients:
            return "verify", "verify_peer, or clients are never asked for a certificate"
        return None

    @property
    def names_clients(self) -> bool:
        """Tell whether a client's certificate says who the client is."""
        return self.peer_cert_as_username != "off" or self.peer_cert_as_clientid != "off"


@dataclass(frozen=True, slots=True)
class UnixConfig:
    """The socket file of one `unix` listener."""

    path: str = setting(
        "listener.unix.$name",
        socket_file,
        "off",
        "Socket file on which programs of this machine are served; `$protocol` of the keys above is unix.",
    )
    mode: int = setting(
        "listener.unix.$name.mode", file_mode, "0660", "Who may connect: the socket file's mode."
    )


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """One address on which MQTT clients are served."""

    protocol: str
    """One of `LISTENER_PROTOCOLS`."""
    name: str
    host: str
    port: int
    tls: TlsConfig | None = None
    unix: UnixConfig | None = None
    zone: str = setting(
        "listener.$protocol.$name.zone",
        word,
        "external",
        "Zone whose policy holds for the listener's clients.",
        variants={"internal": "internal"},
    )
    max_connections: int = setting(
        "listener.$protocol.$name.max_connections",
        whole(1),
        "1024000",
        "Most connections at a time; the next one is closed at once.",
        variants={"ws": "102400", "ssl": "102400", "wss": "102400"},
    )
    max_conn_rate: int = setting(
        "listener.$protocol.$name.max_conn_rate",
        or_no_limit(whole()),
        "0",
        "Most connections accepted in a second; the others wait in the backlog. 0 sets no limit.",
    )
    acceptors: int = setting(
        "listener.$protocol.$name.acceptors",
        whole(1),
        "8",
        "Shown by the API as EMQX shows it; one loop accepts for all listeners.",
        variants={"ws": "4", "ssl": "16", "wss": "4"},
    )
    backlog: int = setting(
        "listener.$protocol.$name.backlog",
        whole(1, 65_535),
        "1024",
        "Connections that the kernel holds until they are accepted.",
    )
    proxy_protocol: bool = setting(
        "listener.$protocol.$name.proxy_protocol",
        flag,
        "off",
        "Whether a proxy puts the PROXY protocol's header (version 1 or 2) before each connection; "
        "one without it is closed.",
    )
    proxy_protocol_timeout_s: float = setting(
        "listener.$protocol.$name.proxy_protocol_timeout",
        above_zero(duration),
        "3s",
        "How long that header may take.",
    )
    mqtt_path: str = setting(
        "listener.$protocol.$name.mqtt_path",
        mqtt_path,
        "/mqtt",
        "Path on which a ws or wss listener speaks MQTT.",
    )

    @property
    def key(self) -> str:
        """Return the settings key that switches it on, `listener.tcp.external`."""
        return f"listener.{self.protocol}.{self.name}"

    @property
    def address(self) -> Address:
        """Return where it listens; not for `unix`."""
        return Address(self.host, self.port)

    @property
    def identifier(self) -> str:
        """Return EMQX's name of the listener, `mqtt:tcp:external`."""
        # Each of its clients holds it.
        return sys.intern(f"mqtt:{self.protocol}:{self.name}")


TLS_PROTOCOLS = ("ssl", "wss")
LISTENER_PROTOCOLS = ("tcp", "ws", *TLS_PROTOCOLS)
LISTENER_ADDRESSES = Setting(
    "listener.$protocol.$name",
    address_list,
    "off",
    "Where the listener listens; `$protocol` is tcp, ssl, ws or wss. ssl and wss are off until they have "
    "a `certfile` and a `keyfile`.",
    variants={
        "tcp.external": "0.0.0.0:1883",
        "ssl.external": "0.0.0.0:8883",
        "ws.external": "0.0.0.0:8083",
        "wss.external": "0.0.0.0:8084",
    },
)
"""The one row that is no field: an address list may stand for several listeners."""


def default_listeners() -> tuple[ListenerConfig, ...]:
    """Return what a node listens on that was told nothing; without certificates that excludes TLS."""
    return tuple(
        make(ListenerConfig, {"protocol": protocol, "name": name}, host=at.host, port=at.port)
        for protocol, name in (key.split(".") for key in LISTENER_ADDRESSES.variants)
        for at in address_list(LISTENER_ADDRESSES.variants[f"{protocol}.{name}"])
        if protocol not in TLS_PROTOCOLS
    )
