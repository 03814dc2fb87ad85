"""A directory whose answers are wrong. What a right one does is tried with a real server in tests/e2e."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from app.backends.breaker import BackendError, BreakerPolicy, CircuitBreaker, UnavailableError
from app.clock import FakeClock
from app.plugins.auth_ldap import ber, protocol
from app.plugins.auth_ldap.connection import Connection
from app.plugins.auth_ldap.directory import Directory, Place
from app.plugins.auth_ldap.protocol import Entry

Find = Callable[[bytes], Entry | None]
CONDITION = protocol.equals("objectClass", "mqttUser")


def message(operation: int, *parts: bytes, message_id: int = 1) -> bytes:
    return ber.element(ber.SEQUENCE, ber.integer(message_id), ber.element(operation, *parts))


def done(code: int) -> bytes:
    result = (ber.integer(code, ber.ENUMERATED), ber.octets(b""), ber.octets(b""))
    return message(protocol.DONE, *result)


def entry(dn: str) -> bytes:
    return message(protocol.ENTRY, ber.octets(dn), ber.element(ber.SEQUENCE))


class Writer:
    """Takes whatever is written."""

    def __init__(self) -> None:
        self.is_closed = False

    def write(self, _data: bytes) -> None:
        assert not self.is_closed

    async def drain(self) -> None:
        return

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def find(monkeypatch: pytest.MonkeyPatch) -> Find:
    """Search in a directory that has one answer to everything, and then hangs up."""
    writer = Writer()
    answers: list[bytes] = []

    async def opened(*_place: object) -> Connection:
        reader = asyncio.StreamReader()
        reader.feed_data(answers.pop())
        reader.feed_eof()
        return Connection(reader, writer)  # type: ignore[arg-type]

    async def search() -> Entry | None:
        place = Place(["127.0.0.1"], 389, None, "", "", 5)
        breaker = CircuitBreaker("ldap", BreakerPolicy(timeout_s=5), FakeClock())
        directory = Directory(place, 1, breaker)
        try:
            return await directory.find("dc=io", CONDITION, ("uid",))
        finally:
            directory.close()
            assert writer.is_closed

    def find(answer: bytes) -> Entry | None:
        answers.append(answer)
        return asyncio.run(search())

    monkeypatch.setattr(Connection, "open", opened)
    return find


def test_an_entry_is_found(find: Find) -> None:
    assert find(entry("uid=a") + done(0)) == Entry(b"uid=a", {})


@pytest.mark.parametrize("code", [protocol.SUCCESS, protocol.NO_SUCH_OBJECT])
def test_nothing_is_no_error(find: Find, code: int) -> None:
    assert find(done(code)) is None


@pytest.mark.parametrize(
    "answer",
    [
        entry("uid=a") + entry("uid=b") + done(0),
        entry("uid=a") + done(protocol.SIZE_LIMIT_EXCEEDED),
        done(50),
        entry("uid=a") + done(50),
    ],
)
def test_a_refusal_and_several_entries_are_errors_of_the_backend(find: Find, answer: bytes) -> None:
    with pytest.raises(BackendError):
        find(answer)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x80\x00\x00",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x03\x02\x01",
        entry("uid=a"),
        entry("uid=a") * 3 + done(0),
        message(protocol.ENTRY, b"\x04\x7fshort"),
        message(protocol.DONE, b""),
        message(protocol.DONE, ber.integer(0, ber.ENUMERATED), message_id=2),
        message(protocol.NOTICE, ber.integer(52, ber.ENUMERATED), message_id=0),
    ],
)
def test_what_is_no_answer_is_none(find: Find, answer: bytes) -> None:
    with pytest.raises(UnavailableError):
        find(answer)
