"""Whether an address is this machine itself: what is safe by default for it is not for others.

A leaf: imports nothing from the application.
"""

from __future__ import annotations

from ipaddress import ip_address


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
