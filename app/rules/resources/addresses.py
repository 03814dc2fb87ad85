"""Addresses of targets as people write them: `host:port`, several of them between commas, IPv6 in brackets."""

from __future__ import annotations

from app.rules.errors import BadArguments

ADDRESSES_MAX = 64


def addresses_of(text: str, default_port: int, param: str) -> tuple[tuple[str, int], ...]:
    """Return hosts and ports.

    Args:
        text: As it is given; a scheme before an address is passed over.
        default_port: Of an address without one.
        param: The parameter that it is the value of.

    Raises:
        BadArguments: One of them is none, or there are none or too many.
    """
    found = tuple(_address(one.strip(), default_port, param) for one in text.split(","))
    if len(found) > ADDRESSES_MAX:
        raise _bad(param)
    return found


def _address(text: str, default_port: int, param: str) -> tuple[str, int]:
    text = text.rpartition("://")[2]
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, port = text, str(default_port)
    is_port = port.isascii() and port.isdecimal() and 0 < int(port) <= 65_535
    host = host.removeprefix("[").removesuffix("]")
    if not host or not is_port or any(mark in host for mark in "/@[] "):
        raise _bad(param)
    return host, int(port)


def _bad(param: str) -> BadArguments:
    return BadArguments(f'{{invalid_data_type,<<"{param}">>,{{host:port}}}}')
