"""Addresses of targets, as people write them."""

from __future__ import annotations

import pytest

from app.rules.errors import BadArguments
from app.rules.resources.addresses import ADDRESSES_MAX, addresses_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("h", (("h", 7),)),
        ("h:1", (("h", 1),)),
        ("h:1, nats://i.example:2", (("h", 1), ("i.example", 2))),
        ("[::1]", (("::1", 7),)),
        ("[::1]:9", (("::1", 9),)),
    ],
)
def test_hosts_and_ports_are_told_apart(text: str, found: object) -> None:
    assert addresses_of(text, 7, "servers") == found


@pytest.mark.parametrize(
    "text",
    ["", "h,", ":1", "h:0", "h:65536", "h:x", "h:²", "user@h:1", "h:1/path", "a b", "h," * ADDRESSES_MAX + "h"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadArguments, match="servers"):
        addresses_of(text, 7, "servers")
