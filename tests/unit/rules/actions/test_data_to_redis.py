"""Commands: split before values are put in, and none that would change the connection of others."""

from __future__ import annotations

import pytest

from app.rules.actions.data_to_redis import OF_A_CONNECTION, command
from app.rules.errors import BadArguments


def test_a_value_stays_within_its_word() -> None:
    words = command("HSET  mqtt:${id}\tpayload ${p}")
    output = {"id": "a b\r\nDEL x", "p": b"\x00\xff \n"}
    assert [one.fill(output) for one in words] == [
        b"HSET",
        b"mqtt:a b\r\nDEL x",
        b"payload",
        b"\x00\xff \n",
    ]


@pytest.mark.parametrize("text", ["", "  ", "${cmd} x", "a${x} y", *sorted(OF_A_CONNECTION), "blpop k 0"])  # fmt: skip
def test_what_is_no_command_for_a_shared_connection_is_refused(text: str) -> None:
    with pytest.raises(BadArguments):
        command(text)


def test_unsubscribing_of_any_kind_is_among_them() -> None:
    assert {"UNSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE"} <= OF_A_CONNECTION
