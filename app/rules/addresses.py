"""Addresses of targets as people write them: `host:port`, several of them between commas, IPv6 in brackets.

Whatever a resource or a bridge connects to by host and port is read here, when it is given and when it is used.
"""

from __future__ import annotations

from ipaddress import IPv6Address

from app.rules.errors import BadArguments

ADDRESSES_MAX = 64
OURS = "127.0.0.1"
_NOT_IN_HOSTS = frozenset("/@[]: \t")


def addresses_of(text: str, default_port: int, param: str) -> tuple[tuple[str, int], ...]:
    """Return hosts and ports.

    Args:
        text: As it is given; a scheme before an address is passed over, a port alone is one of this machine.
        default_port: Of an address without one.
        param: The parameter that it is the value of.

    Raises:
        BadArguments: One of them is none, or there are none or too many.
    """
    try:
        found = tuple(_address(one.strip(), default_port) for one in text.split(","))
    except ValueError:
        raise _bad(param) from None
    if len(found) > ADDRESSES_MAX:
        raise _bad(param)
    return found


def address_of(text: str, default_port: int, param: str) -> tuple[str, int]:
    """Return host and port, where there may be only one of them.

    Raises:
        BadArguments: It is none, or there are several.
    """
    found = addresses_of(text, default_port, param)
    if len(found) > 1:
        raise _bad(param)
    return found[0]


def written(host: str, port: int) -> str:
    """Return an address as text."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(text: str, default_port: int) -> tuple[str, int]:
    text = text.rpartition("://")[2]
    host, colon, port = text.rpartition(":")
    if text.isascii() and text.isdecimal():
        host, port = OURS, text
    elif not colon or text.endswith("]"):
        host, port = text, str(default_port)
    if not port.isascii() or not port.isdecimal() or not 0 < int(port) <= 65_535:
        raise ValueError(port)
    return _host(host), int(port)


def _host(text: str) -> str:
    if text.startswith("[") and text.endswith("]"):
        return str(IPv6Address(text[1:-1]))
    if not text or not _NOT_IN_HOSTS.isdisjoint(text):
        raise ValueError(text)
    return text


def _bad(param: str) -> BadArguments:
    return BadArguments(f'{{invalid_data_type,<<"{param}">>,{{host:port}}}}')
