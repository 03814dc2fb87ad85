"""Messages of LDAP as bytes, and what is made of bytes that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.plugins.auth_ldap import ber, protocol
from app.plugins.auth_ldap.ber import BerError


def test_a_bind_is_written_as_the_standard_has_it() -> None:
    expected = b"\x30\x11\x02\x01\x01\x60\x0c\x02\x01\x03\x04\x04cn=a\x80\x01x"
    assert protocol.bind(1, "cn=a", b"x") == expected


def test_long_contents_have_long_lengths() -> None:
    made = ber.octets(b"x" * 300)
    assert made[:4] == b"\x04\x82\x01\x2c"
    assert list(ber.elements(made)) == [(ber.OCTET_STRING, b"x" * 300)]


@pytest.mark.parametrize("value", [0, 1, 127, 128, 255, 256, 2**31 - 1, -1, -129])
def test_numbers_come_back(value: int) -> None:
    ((_, content),) = ber.elements(ber.integer(value))
    assert ber.to_integer(content) == value


def test_a_value_stays_one_value_whatever_is_in_it() -> None:
    value = "*)(uid=*\\2a"
    ((tag, content),) = ber.elements(protocol.equals("uid", value))
    assert tag == protocol.EQUALITY
    assert [part for _, part in ber.elements(content)] == [b"uid", value.encode()]


def test_an_entry_is_read_whatever_the_case_of_its_attributes() -> None:
    attribute = ber.element(
        ber.SEQUENCE,
        ber.octets("userPASSWORD"),
        ber.element(ber.SET, ber.octets(b"a"), ber.octets(b"b")),
    )
    body = ber.octets("uid=x") + ber.element(ber.SEQUENCE, attribute)
    entry = protocol.read_entry(protocol.Reply(1, protocol.ENTRY, body))
    assert entry.dn == b"uid=x"
    assert entry.values("userPassword") == [b"a", b"b"]
    assert entry.values("uid") == []


@pytest.mark.parametrize(
    "data",
    [
        b"\x30",
        b"\x30\x05\x02",
        b"\x30\x80\x00\x00",
        b"\x30\x85\x01\x00\x00\x00\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x82\x01",
    ],
)
def test_what_is_cut_off_or_endless_is_refused(data: bytes) -> None:
    with pytest.raises(BerError):
        list(ber.elements(data))


@given(st.binary(max_size=64))
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    for read in (
        protocol.read_reply,
        lambda content: protocol.read_entry(protocol.Reply(1, protocol.ENTRY, content)),
        lambda content: protocol.read_result(protocol.Reply(1, protocol.DONE, content)),
    ):
        try:
            read(data)
        except BerError:
            continue


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("a,b+c", "a\\,b\\+c"),
        ('"\\<>;=', '\\"\\\\\\<\\>\\;\\='),
        (" a ", "\\ a\\ "),
        ("#a#", "\\#a#"),
        (" ", "\\ "),
        ("\u00fc", "\u00fc"),
    ],
)
def test_a_value_in_a_name_is_escaped(value: str, expected: str) -> None:
    assert protocol.escaped(value) == expected
