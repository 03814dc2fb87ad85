"""What is known of a client from its connection: the argument of most hooks."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.broker.acl_cache import AclCache
from app.config import ZoneConfig
from app.loopback import is_loopback
from app.mqtt.properties import NO_PROPERTIES, Properties


@dataclass(slots=True)
class ClientInfo:
    """A client as its CONNECT and its socket describe it."""

    zone: ZoneConfig
    listener: str
    """Identifier of the listener it came in by, `mqtt:tcp:external`."""
    peerhost: str
    peerport: int
    sockport: int
    clientid: str = ""
    username: str | None = None
    proto_name: str = "MQTT"
    proto_ver: int = 4
    keepalive_s: int = 0
    clean_start: bool = True
    is_bridge: bool = False
    is_superuser: bool = False
    anonymous: bool = True
    mountpoint: str = ""
    cert_username: str | None = None
    cert_clientid: str | None = None
    """Names that the listener takes from the client's certificate, in place of those in CONNECT."""
    cert_cn: str | None = None
    cert_dn: str | None = None
    """Common name and subject of the client's certificate, of the form of RFC 4514; a proxy may tell the former."""
    from_elsewhere: bool = False
    """The socket may say loopback, but a proxy or another site's page stands behind it."""
    acl_cache: AclCache | None = None
    """What the ACL said about this client so far; made with the first verdict."""
    sockhost: str = ""
    """The node's own address on the client's connection; empty where it came by a socket file."""
    said: Properties = field(default_factory=lambda: NO_PROPERTIES)
    """Properties of the client's packet that is being handled, for whoever is told what comes of it."""

    @property
    def is_loopback(self) -> bool:
        """Tell whether the client is on this machine."""
        if self.from_elsewhere:
            return False
        return is_loopback(self.peerhost)
