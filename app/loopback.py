"""Whether an address is this machine itself: what is safe by default for it is not for others.

A leaf: imports nothing from the application.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

_FORWARDING_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")


def is_loopback(host: str) -> bool:
    """Tell whether a peer's address is this machine's own; a text that is no address is not."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    # IPv4 that came in over an IPv6 socket is judged as IPv4.
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def local_url(host: str, port: int) -> str | None:
    """Return where an HTTP listener answers callers on this machine; None where only others reach it."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host}:{port}" if host == "localhost" else None
    if address.is_unspecified:
        # All addresses of the machine: its own is among them.
        return f"http://127.0.0.1:{port}" if address.version == 4 else f"http://[::1]:{port}"
    if not address.is_loopback:
        return None
    return f"http://{host}:{port}" if address.version == 4 else f"http://[{host}]:{port}"


def is_local(environ: dict[str, Any]) -> bool:
    """Tell whether a request comes from this machine itself.

    A proxy on this machine must not make the world local, nor may a page of another site that a browser here shows.
    """
    if any(header in environ for header in _FORWARDING_HEADERS):
        return False
    if environ.get("HTTP_SEC_FETCH_SITE", "none") not in ("none", "same-origin"):
        return False
    return _names_an_address(environ.get("HTTP_HOST", "localhost")) and _is_loopback(
        environ.get("REMOTE_ADDR", "")
    )


@lru_cache(maxsize=1_024)
def _names_an_address(host: str) -> bool:
    """Tell whether a Host header means the same machine whoever resolves it.

    A page of another site can have its own name resolve to this machine and then call us as its own origin; the name
    in Host is what gives it away.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost" or name.endswith(".localhost"):
            return True
        ip_address(name)
    except ValueError:
        return False
    return True


_is_loopback = lru_cache(maxsize=1_024)(is_loopback)
