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
