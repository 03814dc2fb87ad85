"""A double of Kafka for tests, since Debian has no package of the server: not Kafka, only what is said on the wire.

The real driver talks to it: ApiVersions, Metadata, Produce, and logins by SASL PLAIN and SCRAM, over TLS if wanted. It
is as strict about record batches as a broker: lengths, magic, CRC-32C, offsets and counts have to be right. It can
refuse with any error code, hang, and forget topics.

Source: kafka.apache.org/protocol, "Messages", "Record Batch".
"""

from __future__ import annotations

import gzip
import socket
import socketserver
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import cramjam

from app.broker.enhanced_auth import Continue, Success
from app.broker.scram import Scram, ScramCredentials, derive
from tests.harness.ports import free_port

PRODUCE, METADATA, SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 0, 3, 17, 18, 36
VERSIONS = {
    PRODUCE: (3, 3),
    METADATA: (1, 1),
    SASL_HANDSHAKE: (1, 1),
    API_VERSIONS: (0, 0),
    SASL_AUTHENTICATE: (0, 0),
}
"""Which versions of each call are understood."""
CORRUPT_MESSAGE, UNKNOWN_TOPIC, NOT_LEADER, MESSAGE_TOO_LARGE = 2, 3, 6, 10
NOT_AUTHORIZED, UNSUPPORTED_MECHANISM, SASL_FAILED = 29, 33, 58
MECHANISMS = {"SCRAM-SHA-256", "SCRAM-SHA-512"}
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
XERIAL = b"\x82SNAPPY\0"
"""How Snappy's blocks begin in Kafka: this, two numbers of versions, and each block behind its length."""
NOBODY = b""


class BadBatchError(Exception):
    """A record batch that a broker would not take."""


@dataclass(frozen=True)
class Stored:
    """One record, as it was written."""

    partition: int
    key: bytes | None
    value: bytes


@dataclass
class Reader:
    """Takes values off bytes."""

    data: bytes
    at: int = 0

    def take(self, form: str) -> Any:
        found = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return found[0]

    def raw(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        assert len(piece) == size
        self.at += size
        return piece

    def text(self) -> str | None:
        size = self.take("h")
        return None if size < 0 else self.raw(size).decode()

    def varint(self) -> int:
        shift = found = 0
        while True:
            (byte,) = self.raw(1)
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found >> 1 ^ -(found & 1)
            shift += 7

    def varbytes(self) -> bytes | None:
        size = self.varint()
        return None if size < 0 else self.raw(size)


@dataclass
class KafkaDouble:
    """One broker that is none; as a context manager it listens inside."""

    partitions: int = 3
    tls: ssl.SSLContext | None = None
    topics: set[str] = field(default_factory=lambda: {"mqtt"})
    stored: dict[str, list[Stored]] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)
    """How many records each batch had that was taken."""
    codecs: set[int] = field(default_factory=set)
    """How batches were compressed."""
    acks: set[int] = field(default_factory=set)
    """What producers asked for."""
    errors: deque[int] = field(default_factory=deque)
    """Codes that the next batches are refused with."""
    loses_answers: int = 0
    """So many of the next batches are taken, and the connection is closed instead of an answer."""
    logins: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Choose a port; nothing listens yet."""
        self.port = free_port()
        self.lock = threading.Lock()
        self._users: dict[str, tuple[str, dict[str, ScramCredentials]]] = {}
        self._server: socketserver.ThreadingTCPServer | None = None
        self._open: set[socket.socket] = set()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def needs_login(self) -> bool:
        return bool(self._users)

    def add_user(self, name: str, password: str) -> None:
        """Demand a login from now on, and know this one."""
        kept = {one: derive(one, password, b"a salt", 4096) for one in MECHANISMS}
        self._users[name] = (password, kept)

    def credentials(self, mechanism: str) -> Any:
        """Return who knows users by that mechanism (`app.broker.scram.CredentialStore`)."""
        users = self._users

        class Store:
            def find(self, username: str) -> ScramCredentials | None:
                return users[username][1][mechanism] if username in users else None

        return Store()

    def is_user(self, name: str, password: str) -> bool:
        return name in self._users and self._users[name][0] == password

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen."""
        double = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                double._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Close every socket; without effect when it is done."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _serve(self, sock: socket.socket) -> None:
        self._open.add(sock)
        raw = sock
        with suppress(OSError, struct.error):
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
            peer = Peer(self)
            while request := _receive(sock):
                answer = peer.answer(Reader(request))
                if answer is None:
                    break
                if answer:
                    sock.sendall(len(answer).to_bytes(4, "big") + answer)
        with suppress(OSError):
            sock.close()
        self._open.discard(raw)


class Peer:
    """One connection, as the double sees it."""

    def __init__(self, double: KafkaDouble) -> None:
        self._double = double
        self._exchange: Any = None
        self._mechanism = ""
        self._is_in = not double.needs_login

    def answer(self, request: Reader) -> bytes | None:
        """Return what answers a request; nothing at all, or None to hang up."""
        call, version, correlation = request.take("h"), request.take("h"), request.take("i")
        request.text()
        lowest, highest = VERSIONS[call]
        assert lowest <= version <= highest, f"call {call} in version {version}"
        if not self._is_in and call in (PRODUCE, METADATA):
            return None
        does = {
            API_VERSIONS: self._versions,
            METADATA: self._metadata,
            PRODUCE: self._produce,
            SASL_HANDSHAKE: self._handshake,
            SASL_AUTHENTICATE: self._authenticate,
        }
        said = does[call](request)
        return said and correlation.to_bytes(4, "big") + said

    def _versions(self, _request: Reader) -> bytes:
        rows = b"".join(struct.pack(">hhh", call, *range_) for call, range_ in VERSIONS.items())
        return struct.pack(">hi", 0, len(VERSIONS)) + rows

    def _metadata(self, request: Reader) -> bytes:
        double = self._double
        count = request.take("i")
        wanted = sorted(double.topics) if count < 0 else [request.text() for _ in range(count)]
        said = struct.pack(">i", 1) + struct.pack(">i", 1) + _text("127.0.0.1")
        said += struct.pack(">i", double.port) + _text(None) + struct.pack(">ii", 1, len(wanted))
        for topic in wanted:
            is_known = topic in double.topics
            said += struct.pack(">h", 0 if is_known else UNKNOWN_TOPIC) + _text(topic) + b"\0"
            places = range(double.partitions if is_known else 0)
            said += struct.pack(">i", len(places))
            said += b"".join(struct.pack(">hiiiiii", 0, one, 1, 1, 1, 1, 1) for one in places)
        return said

    def _produce(self, request: Reader) -> bytes | None:
        double = self._double
        assert request.text() is None
        acks = request.take("h")
        request.take("i")
        double.acks.add(acks)
        topics = []
        is_lost = False
        for _ in range(request.take("i")):
            topic = request.text()
            assert topic is not None
            places = b""
            count = request.take("i")
            for _ in range(count):
                partition = request.take("i")
                batch = request.raw(request.take("i"))
                code = self._take(topic, partition, batch)
                with double.lock:
                    if code == 0 and double.loses_answers:
                        double.loses_answers -= 1
                        is_lost = True
                places += struct.pack(">ihqq", partition, code, 0 if code == 0 else -1, -1)
            topics.append(_text(topic) + struct.pack(">i", count) + places)
        if is_lost:
            return None
        if acks == 0:
            return NOBODY
        return struct.pack(">i", len(topics)) + b"".join(topics) + struct.pack(">i", 0)

    def _take(self, topic: str, partition: int, batch: bytes) -> int:
        double = self._double
        with double.lock:
            if double.errors:
                return double.errors.popleft()
            if topic not in double.topics or not 0 <= partition < double.partitions:
                return UNKNOWN_TOPIC
            try:
                codec, records = read_batch(batch)
            except (BadBatchError, AssertionError):
                return CORRUPT_MESSAGE
            double.codecs.add(codec)
            double.batches.append(len(records))
            kept = double.stored.setdefault(topic, [])
            kept += [Stored(partition, key, value) for key, value in records]
            return 0

    def _handshake(self, request: Reader) -> bytes:
        self._mechanism = request.text() or ""
        known = {"PLAIN", *MECHANISMS}
        code = 0 if self._mechanism in known else UNSUPPORTED_MECHANISM
        names = b"".join(_text(one) for one in sorted(known))
        return struct.pack(">hi", code, len(known)) + names

    def _authenticate(self, request: Reader) -> bytes:
        said = self._step(request.raw(request.take("i")))
        if said is None:
            return struct.pack(">h", SASL_FAILED) + _text("who are you?") + struct.pack(">i", 0)
        return struct.pack(">h", 0) + _text(None) + struct.pack(">i", len(said)) + said

    def _step(self, said: bytes) -> bytes | None:
        """Return the next words of a login; None where it fails."""
        if self._mechanism == "PLAIN":
            _, name, password = said.decode().split("\0")
            self._is_in = self._double.is_user(name, password)
            self._double.logins.append("PLAIN")
            return b"" if self._is_in else None
        if self._exchange is None:
            store = self._double.credentials(self._mechanism)
            self._exchange = Scram(self._mechanism, store).exchange()
            step = self._exchange.first(None, said)
        else:
            step = self._exchange.next(said)
        match step:
            case Continue():
                return step.data
            case Success():
                self._is_in = True
                self._double.logins.append(self._mechanism)
                return step.data
        return None


def read_batch(batch: bytes) -> tuple[int, list[tuple[bytes | None, bytes]]]:
    """Return the codec, and keys and values of a record batch of magic 2.

    Raises:
        BadBatchError: A broker would not take it.
    """
    head = Reader(batch)
    base, length = head.take("q"), head.take("i")
    if base != 0 or length != len(batch) - 12:
        raise BadBatchError("the length, or the first offset")
    head.take("i")
    if head.take("b") != 2:
        raise BadBatchError("the magic")
    if head.take("I") != crc32c(batch[head.at :]):
        raise BadBatchError("the CRC")
    attributes = head.take("h")
    last = head.take("i")
    for form in ("q", "q", "q", "h", "i"):  # times, producer and sequence
        head.take(form)
    count = head.take("i")
    if last != count - 1:
        raise BadBatchError("the last offset")
    codec = attributes & 7
    if codec not in UNPACKED:
        raise BadBatchError("the codec")
    try:
        body = Reader(UNPACKED[codec](batch[head.at :]))
    except (cramjam.DecompressionError, OSError, EOFError) as error:
        raise BadBatchError("what is compressed") from error
    records = [_record(body, number) for number in range(count)]
    if body.at != len(body.data):
        raise BadBatchError("bytes behind the last record")
    return codec, records


def _unpacked_snappy(data: bytes) -> bytes:
    head = Reader(data)
    if head.raw(len(XERIAL)) != XERIAL:
        raise BadBatchError("the blocks of Snappy")
    head.take("i")
    head.take("i")
    found = b""
    while head.at < len(data):
        found += bytes(cramjam.snappy.decompress_raw(head.raw(head.take("i"))))
    return found


UNPACKED: dict[int, Callable[[bytes], bytes]] = {
    0: lambda data: data,
    GZIP: gzip.decompress,
    SNAPPY: _unpacked_snappy,
    LZ4: lambda data: bytes(cramjam.lz4.decompress(data)),
    ZSTD: lambda data: bytes(cramjam.zstd.decompress(data)),
}
"""What is in a batch, by its codec."""


def _record(body: Reader, number: int) -> tuple[bytes | None, bytes]:
    length = body.varint()
    begin = body.at
    body.take("b")
    body.varint()
    offset = body.varint()
    key, value = body.varbytes(), body.varbytes()
    for _ in range(body.varint()):
        body.varbytes()
        body.varbytes()
    if offset != number or body.at - begin != length or value is None:
        raise BadBatchError("a record")
    return key, value


def _table() -> Iterator[int]:
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)  # noqa: PLW2901 - it is shifted out
        yield byte


CRC32C = tuple(_table())


def crc32c(data: bytes) -> int:
    """Return the checksum of Castagnoli."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _text(text: str | None) -> bytes:
    if text is None:
        return struct.pack(">h", -1)
    return struct.pack(">h", len(text.encode())) + text.encode()


def _receive(sock: socket.socket) -> bytes:
    size = int.from_bytes(b"".join(_pieces(sock, 4)) or b"\0", "big")
    return b"".join(_pieces(sock, size))


def _pieces(sock: socket.socket, size: int) -> Iterator[bytes]:
    while size and (piece := sock.recv(size)):
        size -= len(piece)
        yield piece
