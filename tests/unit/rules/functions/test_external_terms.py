"""Erlang's external term format, against bytes that Erlang/OTP writes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.functions.external_terms import decode_term, encode_term
from app.rules.sql import RuleError
from app.rules.terms.values import UNDEFINED

KNOWN = [
    ("abc", b"\x83m\x00\x00\x00\x03abc"),
    (1, b"\x83a\x01"),
    (256, b"\x83b\x00\x00\x01\x00"),
    (-1, b"\x83b\xff\xff\xff\xff"),
    (1 << 40, b"\x83n\x06\x00\x00\x00\x00\x00\x00\x01"),
    (1.5, b"\x83F\x3f\xf8\x00\x00\x00\x00\x00\x00"),
    (True, b"\x83d\x00\x04true"),
    (UNDEFINED, b"\x83d\x00\x09undefined"),
    ([], b"\x83j"),
    ([1, 2], b"\x83k\x00\x02\x01\x02"),
    (["a"], b"\x83l\x00\x00\x00\x01m\x00\x00\x00\x01aj"),
    ({"a": 1}, b"\x83t\x00\x00\x00\x01m\x00\x00\x00\x01aa\x01"),
]

TERMS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)  # fmt: skip


@pytest.mark.parametrize(("value", "data"), KNOWN)
def test_a_value_is_written_and_read_as_erlang_does(value: Any, data: bytes) -> None:
    assert encode_term(value) == data
    assert decode_term(data) == value


@given(TERMS)
def test_what_is_written_reads_as_it_was(value: Any) -> None:
    assert decode_term(encode_term(value)) == value


def test_atoms_of_newer_releases_are_read() -> None:
    assert decode_term(b"\x83w\x04true") is True
    assert decode_term(b"\x83w\x02ok") == "ok"


@given(st.binary(max_size=40))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    try:
        decode_term(b"\x83" + data)
    except RuleError:
        return


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x83",
        b"\x82a\x01",
        b"\x83a\x01\x00",
        b"\x83h\x01a\x01",
        b"\x83l\xff\xff\xff\xffa",
        b"\x83l\x00\x00\x00\x01a\x01a\x02",
        b"\x83t\x00\x00\x00\x01a\x01a\x01",
        b"\x83F\x7f\xf0\x00\x00\x00\x00\x00\x00",
    ],
)
def test_broken_terms_and_those_without_a_value_fail(data: bytes) -> None:
    with pytest.raises(RuleError):
        decode_term(data)
