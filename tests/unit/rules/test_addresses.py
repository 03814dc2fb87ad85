"""Addresses of targets, as people write them."""

from __future__ import annotations

import pytest

from app.rules.addresses import ADDRESSES_MAX, address_of, addresses_of, written
from app.rules.errors import BadArguments


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("h", (("h", 7),)),
        ("h:1", (("h", 1),)),
        ("h:1, nats://i.example:2", (("h", 1), ("i.example", 2))),
        ("[::1]", (("::1", 7),)),
        ("[::1]:9", (("::1", 9),)),
        ("my_db:9", (("my_db", 9),)),
        ("1883", (("127.0.0.1", 1883),)),
    ],
)
def test_hosts_and_ports_are_told_apart(text: str, found: object) -> None:
    assert addresses_of(text, 7, "servers") == found


@pytest.mark.parametrize(
    "text",
    ["", "h,", ":1", "h:0", "h:65536", "h:x", "h:²", "h:" + "9" * 5_000, "::1", "[::1", "[x]:1",
     "user@h:1", "h:1/path", "a b", "h," * ADDRESSES_MAX + "h"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadArguments, match="servers"):
        addresses_of(text, 7, "servers")


def test_where_one_is_wanted_several_are_refused() -> None:
    assert address_of("h", 7, "address") == ("h", 7)
    with pytest.raises(BadArguments, match="address"):
        address_of("h,i", 7, "address")


@pytest.mark.parametrize("text", ["h:1", "[::1]:1"])
def test_an_address_is_written_as_it_is_read(text: str) -> None:
    assert written(*address_of(text, 7, "address")) == text
