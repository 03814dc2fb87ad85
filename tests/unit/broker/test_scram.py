"""SCRAM, the server's half: the RFCs' own conversations, and everything that must be refused."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.broker.client_info import ClientInfo
from app.broker.enhanced_auth import Continue, Refuse, Success
from app.broker.scram import (
    HASHES,
    MAX_MESSAGE_BYTES,
    Scram,
    ScramCredentials,
    ScramError,
    ScramExchange,
    derive,
    parse_client_final,
    parse_client_first,
    saslprep,
)
from app.config import ZoneConfig
from tests.harness.scram_client import MemoryStore, ScramClient

CLIENT = ClientInfo(ZoneConfig("external"), "mqtt:tcp:external", "127.0.0.1", 1, 1883)
SHA256 = "SCRAM-SHA-256"


def exchange(name: str = SHA256, **passwords: str) -> ScramExchange:
    return Scram(name, MemoryStore(name, **passwords)).exchange("server-nonce")


def challenge(scram: ScramExchange, data: bytes) -> bytes:
    step = scram.first(CLIENT, data)
    assert isinstance(step, Continue)
    return step.data


# -- the RFCs' conversations -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "salt", "messages"),
    [
        pytest.param(
            "SCRAM-SHA-1",
            "QSXCR+Q6sek8bf92",
            (
                b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
                b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                (
                    b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
                    b"p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="
                ),
                b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
            ),
            id="RFC 5802, section 5",
        ),
        pytest.param(
            "SCRAM-SHA-256",
            "W22ZaJ0SNY7soEsUEjb6gQ==",
            (
                b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
                (
                    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                    b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
                ),
                (
                    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                    b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
                ),
                b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
            ),
            id="RFC 7677, section 3",
        ),
    ],
)
def test_the_rfcs_conversations_go_as_they_say(
    name: str, salt: str, messages: tuple[bytes, ...]
) -> None:
    store = MemoryStore(name)
    store.users["user"] = derive(name, "pencil", b64decode(salt), 4096)
    first, server_first, final, server_final = messages
    client_nonce = first.split(b"r=")[1].decode()
    nonce = server_first.split(b",")[0][2:].decode().removeprefix(client_nonce)
    scram = Scram(name, store).exchange(nonce)
    assert scram.first(CLIENT, first) == Continue(server_first)
    assert scram.next(final) == Success(server_final, "user")


@pytest.mark.parametrize("name", HASHES)
def test_client_and_server_convince_each_other(name: str) -> None:
    client = ScramClient(name, "alice", "wonder,land=1")
    scram = exchange(name, alice="wonder,land=1")
    step = scram.next(client.final(challenge(scram, client.first())))
    assert isinstance(step, Success)
    assert step.username == "alice"
    assert client.trusts(step.data)


def test_names_with_commas_and_equals_signs_are_escaped() -> None:
    name = "a=b,c"
    client = ScramClient(SHA256, name, "p")
    scram = exchange(**{name: "p"})
    step = scram.next(client.final(challenge(scram, client.first())))
    assert isinstance(step, Success)
    assert step.username == name


def test_each_exchange_has_a_nonce_of_its_own() -> None:
    scram = Scram(SHA256, MemoryStore(SHA256))
    first = ScramClient(SHA256, "a", "b").first()
    assert scram.exchange().first(CLIENT, first) != scram.exchange().first(CLIENT, first)


def test_a_client_may_begin_after_the_servers_turn() -> None:
    client = ScramClient(SHA256, "alice", "p")
    scram = exchange(alice="p")
    assert scram.first(CLIENT, b"") == Continue(b"")
    asked = scram.next(client.first())
    assert isinstance(asked, Continue)
    assert isinstance(scram.next(client.final(asked.data)), Success)


def test_a_superuser_of_the_store_is_one() -> None:
    store = MemoryStore(SHA256, root="p")
    kept = store.users["root"]
    store.users["root"] = ScramCredentials(
        kept.salt, kept.iterations, kept.stored_key, kept.server_key, is_superuser=True
    )
    client = ScramClient(SHA256, "root", "p")
    scram = Scram(SHA256, store).exchange()
    step = scram.next(client.final(challenge(scram, client.first())))
    assert isinstance(step, Success)
    assert step.is_superuser


def test_a_store_may_take_its_time() -> None:
    class Slow(MemoryStore):
        async def find(self, username: str) -> ScramCredentials | None:  # type: ignore[override]
            return self.users.get(username)

    client = ScramClient(SHA256, "alice", "p")
    scram = Scram(SHA256, Slow(SHA256, alice="p")).exchange()
    waits: Any = scram.first(CLIENT, client.first())
    with pytest.raises(StopIteration) as done:
        waits.send(None)
    assert isinstance(scram.next(client.final(done.value.value.data)), Success)


# -- refused -----------------------------------------------------------------------------------


def test_a_wrong_password_and_an_unknown_user_are_refused_alike() -> None:
    said = []
    for user in ("alice", "nobody"):
        client = ScramClient(SHA256, user, "wrong")
        scram = Scram(SHA256, MemoryStore(SHA256, alice="p"), decoy_iterations=64).exchange("n")
        asked = challenge(scram, client.first())
        said.append((re.sub(rb"s=[^,]+", b"s=", asked), scram.next(client.final(asked))))
    assert said[0] == said[1]
    assert said[0][1] == Refuse()


def test_an_unknown_user_is_asked_with_the_same_salt_each_time() -> None:
    scram = Scram(SHA256, MemoryStore(SHA256))
    first = ScramClient(SHA256, "nobody", "p").first()
    asked = [challenge(scram.exchange("n"), first) for _ in range(2)]
    other = challenge(scram.exchange("n"), ScramClient(SHA256, "no one", "p").first())
    assert asked[0] == asked[1] != other


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"c=biws", b"c=eSws"),  # another header than the first message had
        (b"server-nonce", b"server-nonsense"),
        (b",p=", b",p=AAAA"),
        (b",p=", b",p=!"),
        (b",p=", b",q="),
        (b"c=biws,", b""),
        (b"c=", b"m=x,c="),
    ],
)
def test_a_final_message_that_was_tampered_with_is_refused(old: bytes, new: bytes) -> None:
    client = ScramClient(SHA256, "alice", "p")
    scram = exchange(alice="p")
    final = client.final(challenge(scram, client.first()))
    assert scram.next(final.replace(old, new)) == Refuse()


@pytest.mark.parametrize(
    "data",
    [
        b"p=tls-unique,,n=user,r=abc",
        b"n,,m=must,n=user,r=abc",
        b"n,,n=us=er,r=abc",
        b"n,,n=,r=abc",
        b"n,,n=user,r=",
        b"n,,n=user,r=a b",
        b"n,,n=user",
        b"n,a=admin,n=user,r=abc",
        b"n,,n=us\x07er,r=abc",
        b"n,,n=\xff,r=abc",
        b"n,,n=\xc2\xad,r=abc",  # nothing is left of a soft hyphen
        b"n,,n=user,r=abc\n",
        b"n,,n=user,r=" + b"a" * MAX_MESSAGE_BYTES,
    ],
)
def test_a_first_message_that_is_none_is_refused(data: bytes) -> None:
    assert exchange(user="p").first(CLIENT, data) == Refuse()


@pytest.mark.parametrize("data", [b"y,,n=u,r=x", b"n,a=u,n=u,r=x", b"n,,n=u,r=x,e=more"])
def test_what_the_grammar_allows_is_taken(data: bytes) -> None:
    assert parse_client_first(data).username == "u"


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    for parse in (parse_client_first, parse_client_final):
        try:
            parse(data)
        except ScramError:
            continue


@given(
    st.text("n,=arpcy2C3D\x00\xad\ud7ff\u0627é", max_size=40).map(lambda text: text.encode()),
    st.text("n,=arpc+/biws\x00é", max_size=40).map(lambda text: b"c=biws,r=" + text.encode()),
)
def test_nothing_that_a_client_says_raises(first: bytes, final: bytes) -> None:
    scram = exchange(user="p")
    assert isinstance(scram.first(CLIENT, b"n,,n=" + first), Continue | Refuse)
    assert isinstance(scram.next(final), Continue | Refuse)


# -- text and secrets --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
    ],
)
def test_saslprep_maps_as_rfc_4013_shows(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


@pytest.mark.parametrize(
    "text", ["", "\u0007", "\u0627\u0031", "\u0627a\u0627", "\ue000", "\u0221"]
)
def test_saslprep_refuses_as_rfc_4013_shows(text: str) -> None:
    with pytest.raises(ScramError):
        saslprep(text)


def test_nothing_secret_is_shown() -> None:
    kept = derive(SHA256, "pencil", b"salt-of-the-earth", 64)
    shown = (
        f"{kept!r} {Scram(SHA256, MemoryStore(SHA256), decoy_secret=b'hush')!r} {Success(b'v=x')!r}"
    )
    assert "salt" not in shown
    assert "hush" not in shown
    assert "v=x" not in shown
