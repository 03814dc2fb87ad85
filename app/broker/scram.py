"""SCRAM-SHA-1, -256 and -512, the server's half (RFC 5802, RFC 7677), as a method of enhanced authentication.

Pure: bytes in, steps out; no socket, no clock, no logging. Passwords never come here, only what was derived of them.
Channel binding is not offered, so a client that demands it is refused. Whoever is unknown is asked for a proof like
everybody else, and refused in the same words at the same point.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
import secrets
import stringprep
from base64 import b64decode, b64encode
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Final, Protocol
from unicodedata import ucd_3_2_0

from app.broker.client_info import ClientInfo
from app.broker.enhanced_auth import Continue, Refuse, Step, Success

HASHES: Final = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}
"""Hash by the method's name."""

MAX_MESSAGE_BYTES: Final = 4096
"""Longer messages are refused: the nonce comes back in ours, which must fit authentication data."""
NONCE_BYTES: Final = 18
SALT_BYTES: Final = 16
DEFAULT_ITERATIONS: Final = 4096

_NONCE = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
_CLIENT_FIRST = re.compile(
    r"(?P<gs2>[ny],(?:a=(?P<authzid>[^,]+))?,)"
    r"(?P<bare>n=(?P<name>[^,]+),r=(?P<nonce>[^,]+)(?:,[A-Za-z]=[^,]+)*)",
    re.DOTALL,
)
_CLIENT_FINAL = re.compile(
    r"(?P<unproved>c=(?P<binding>[^,]+),r=(?P<nonce>[^,]+)(?:,[A-Za-z]=[^,]+)*),p=(?P<proof>[^,]+)",
    re.DOTALL,
)
_BAD_ESCAPE = re.compile("=(?!2C|3D)")
_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


class ScramError(ValueError):
    """A message that is none, or text that SASLprep refuses. It never quotes what it read."""


@dataclass(frozen=True, slots=True)
class ScramCredentials:
    """What a server keeps of a password; enough to check a proof, not to give one."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes
    is_superuser: bool = False

    def __repr__(self) -> str:
        """Show nothing."""
        return "ScramCredentials()"


class CredentialStore(Protocol):
    """Who knows the users of one hash."""

    def find(self, username: str) -> ScramCredentials | Awaitable[ScramCredentials | None] | None:
        """Return what is kept of a user, by its name after SASLprep, or None; or something to wait for."""


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """The first message of a client, taken apart."""

    gs2_header: str
    bare: str
    username: str
    nonce: str


@dataclass(frozen=True, slots=True)
class ClientFinal:
    """The last message of a client, taken apart."""

    binding: bytes
    nonce: str
    unproved: str
    proof: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Scram:
    """One SCRAM method over one store; makes an exchange for each authentication.

    A plugin offers it so:

        scram = Scram("SCRAM-SHA-256", store)
        hooks.point("client.enhanced_authenticate").add(
            lambda client, name, found: Stop(scram.exchange()) if name == scram.name else None
        )
    """

    name: str
    store: CredentialStore
    decoy_iterations: int = DEFAULT_ITERATIONS
    """What unknown users are told; should be what the store's users have."""
    decoy_secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """Makes up their salts, so that asking twice gives the same answer, before and after a restart."""

    def exchange(self, nonce: str = "") -> ScramExchange:
        """Begin an authentication; `nonce` is the server's part, random where none is given."""
        return ScramExchange(self, nonce or b64encode(secrets.token_bytes(NONCE_BYTES)).decode())

    def decoy(self, username: str) -> ScramCredentials:
        """Make up credentials of somebody unknown that no proof can fit."""
        # Like everybody's, it is another one for each method.
        of_whom = f"{self.name}\0{username}".encode()
        salt = hmac.digest(self.decoy_secret, of_whom, "sha256")[:SALT_BYTES]
        size = hashlib.new(HASHES[self.name]).digest_size
        return ScramCredentials(
            salt, self.decoy_iterations, secrets.token_bytes(size), secrets.token_bytes(size)
        )


class ScramExchange:
    """One authentication of one client (`enhanced_auth.Method`)."""

    __slots__ = ("_client_first", "_credentials", "_known", "_nonce", "_scram", "_server_first")

    def __init__(self, scram: Scram, nonce: str) -> None:
        """Wait for the client's first message."""
        self._scram = scram
        self._nonce = nonce
        self._client_first: ClientFirst | None = None
        self._server_first = ""
        self._credentials: ScramCredentials | None = None
        self._known = False

    def first(self, client: ClientInfo, data: bytes) -> Step | Awaitable[Step]:
        """Answer the client's first message with nonce, salt and iterations.

        A client may send an empty one, to begin after the server's turn (MQTT 5, section 4.12): it is asked for more.
        """
        return self._take_first(data) if data else Continue(b"")

    def next(self, data: bytes) -> Step | Awaitable[Step]:
        """Check the client's proof and prove that we know the user too."""
        if self._client_first is None:
            return self._take_first(data)
        if self._credentials is None:
            return Refuse()
        try:
            return self._check(parse_client_final(data))
        except ScramError:
            return Refuse()

    def _take_first(self, data: bytes) -> Step | Awaitable[Step]:
        try:
            self._client_first = parse_client_first(data)
        except ScramError:
            return Refuse()
        found = self._scram.store.find(self._client_first.username)
        if isinstance(found, Awaitable):
            return self._wait(self._client_first, found)
        return self._challenge(self._client_first, found)

    async def _wait(self, message: ClientFirst, found: Awaitable[ScramCredentials | None]) -> Step:
        return self._challenge(message, await found)

    def _challenge(self, message: ClientFirst, found: ScramCredentials | None) -> Step:
        self._known = found is not None
        decoy = self._scram.decoy(message.username)
        credentials = self._credentials = found or decoy
        salt = b64encode(credentials.salt).decode()
        nonce = message.nonce + self._nonce
        self._server_first = f"r={nonce},s={salt},i={credentials.iterations}"
        return Continue(self._server_first.encode())

    def _check(self, message: ClientFinal) -> Step:
        first, credentials = self._client_first, self._credentials
        assert first is not None
        assert credentials is not None
        algorithm = HASHES[self._scram.name]
        text = f"{first.bare},{self._server_first},{message.unproved}".encode()
        signature = hmac.digest(credentials.stored_key, text, algorithm)
        if len(message.proof) != len(signature):
            return Refuse()
        client_key = xor(message.proof, signature)
        stored_key = hashlib.new(algorithm, client_key).digest()
        # All of them are compared, whichever is wrong.
        proved = hmac.compare_digest(stored_key, credentials.stored_key)
        proved &= hmac.compare_digest(message.nonce, first.nonce + self._nonce)
        proved &= hmac.compare_digest(message.binding, first.gs2_header.encode())
        if not proved or not self._known:
            return Refuse()
        proof = hmac.digest(credentials.server_key, text, algorithm)
        return Success(b"v=" + b64encode(proof), first.username, credentials.is_superuser)


def derive(name: str, password: str, salt: bytes, iterations: int) -> ScramCredentials:
    """Return what to keep of a password (RFC 5802, section 3). Slow on purpose: not for the broker's loop.

    Args:
        name: of the method, a key of `HASHES`.
        password: as typed; SASLprep is applied.
        salt: random, for this user alone.
        iterations: how slow; RFC 7677 asks for 4096 at least.

    Raises:
        ScramError: the password has characters that SASLprep refuses.
    """
    algorithm = HASHES[name]
    salted = hashlib.pbkdf2_hmac(algorithm, saslprep(password).encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", algorithm)
    return ScramCredentials(
        salt=salt,
        iterations=iterations,
        stored_key=hashlib.new(algorithm, client_key).digest(),
        server_key=hmac.digest(salted, b"Server Key", algorithm),
    )


def parse_client_first(data: bytes) -> ClientFirst:
    """Take the client's first message apart (RFC 5802, section 7).

    Raises:
        ScramError: it is none, demands what is not offered, or speaks for somebody else.
    """
    found = _CLIENT_FIRST.fullmatch(_text(data))
    if found is None or not _NONCE.fullmatch(found["nonce"]):
        raise ScramError("no client-first-message")
    username = saslprep(_unescaped(found["name"]))
    if found["authzid"] is not None and saslprep(_unescaped(found["authzid"])) != username:
        raise ScramError("another authorization identity")
    return ClientFirst(found["gs2"], found["bare"], username, found["nonce"])


def parse_client_final(data: bytes) -> ClientFinal:
    """Take the client's last message apart (RFC 5802, section 7).

    Raises:
        ScramError: it is none.
    """
    found = _CLIENT_FINAL.fullmatch(_text(data))
    if found is None or not _NONCE.fullmatch(found["nonce"]):
        raise ScramError("no client-final-message")
    binding, proof = _unbase64(found["binding"]), _unbase64(found["proof"])
    return ClientFinal(binding, found["nonce"], found["unproved"], proof)


def saslprep(text: str) -> str:
    """Prepare a user name or password (RFC 4013, as a stored string).

    Raises:
        ScramError: it is empty, or has characters that must not be there.
    """
    mapped = (
        " " if stringprep.in_table_c12(each) else each
        for each in text
        if not stringprep.in_table_b1(each)
    )
    prepared = ucd_3_2_0.normalize("NFKC", "".join(mapped))
    if not prepared:
        raise ScramError("nothing is left of the text")
    if any(is_in(each) for each in prepared for is_in in _PROHIBITED):
        raise ScramError("a character is prohibited")
    if any(map(stringprep.in_table_d1, prepared)):
        ends = (prepared[0], prepared[-1])
        if not all(map(stringprep.in_table_d1, ends)):
            raise ScramError("right-to-left text does not stay so")
        if any(map(stringprep.in_table_d2, prepared)):
            raise ScramError("directions are mixed")
    return prepared


def xor(one: bytes, other: bytes) -> bytes:
    """Return two strings of one length, exclusive-or."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _text(data: bytes) -> str:
    if len(data) > MAX_MESSAGE_BYTES:
        raise ScramError("too long")
    try:
        return data.decode()
    except UnicodeDecodeError:
        # Without its cause, which would hold the message.
        raise ScramError("no UTF-8") from None


def _unescaped(name: str) -> str:
    if _BAD_ESCAPE.search(name):
        raise ScramError("a bare equals sign")
    return name.replace("=2C", ",").replace("=3D", "=")


def _unbase64(text: str) -> bytes:
    try:
        return b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise ScramError("no base64") from None
