"""A double of MongoDB for tests, since Debian has no package of the server: not MongoDB, only what is said on the wire.

The real driver talks to it: `hello` in both forms, `ping`, `find` by equality, `$or`, `$ne`, `$gt` and `$regex`,
logins by SCRAM-SHA-256, TLS. It can call itself whatever `hello` can say, refuse, hang and talk nonsense. Operators are
there so that a name which became one would find something.
"""

from __future__ import annotations

import re
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Self

import bson
from bson.int64 import Int64

from app.broker.enhanced_auth import Continue, Success
from app.broker.scram import Scram, ScramCredentials, derive
from tests.harness.ports import free_port

HEADER = struct.Struct("<iiii")
OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
MECHANISM = "SCRAM-SHA-256"
UNAUTHORIZED = {
    "ok": 0,
    "code": 13,
    "codeName": "Unauthorized",
    "errmsg": "requires authentication",
}
NO_LOGIN = {"ok": 0, "code": 18, "codeName": "AuthenticationFailed", "errmsg": "Authentication failed."}  # fmt: skip

Document = dict[str, Any]


class MongoDouble:
    """One server that is none; as a context manager it listens inside."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Choose a port; nothing listens yet.

        Args:
            tls: How connections are TLS; None is none.
        """
        self.port = free_port()
        self.collections: dict[tuple[str, str], list[Document]] = {}
        """Documents by names of database and collection."""
        self.asked: list[Document] = []
        """Commands that were answered, handshakes aside."""
        self.error: Document | None = None
        """What every command is answered with, handshakes aside, in place of its answer."""
        self.mangle: Callable[[bytes], bytes] = bytes
        """Makes of an answer what is sent."""
        self.hangs = False
        self.tls = tls
        self.hello: Document = {
            "ismaster": True,
            "isWritablePrimary": True,
            "helloOk": True,
            "maxBsonObjectSize": 16_777_216,
            "maxMessageSizeBytes": 48_000_000,
            "maxWriteBatchSize": 100_000,
            "minWireVersion": 0,
            "maxWireVersion": 21,
            "readOnly": False,
            "ok": 1,
        }
        """What it says of itself."""
        self._users: dict[str, ScramCredentials] = {}
        self._server: socketserver.ThreadingTCPServer | None = None
        self._open: set[socket.socket] = set()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        return len(self._open)

    def add_user(self, name: str, password: str) -> None:
        """Demand a login from now on, and know this one."""
        self._users[name] = derive(MECHANISM, password, b"a salt", 4096)

    def find(self, username: str) -> ScramCredentials | None:
        """Return what is kept of a user (`app.broker.scram.CredentialStore`)."""
        return self._users.get(username)

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
        with suppress(OSError, ValueError):
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
            peer = Peer(self)
            while (message := _receive(sock)) is not None:
                answer = peer.answer(*message)
                if answer is not None:
                    sock.sendall(self.mangle(answer))
        with suppress(OSError):
            sock.close()
        self._open.discard(raw)

    def needs_login(self) -> bool:
        return bool(self._users)

    def found(self, command: Mapping[str, Any]) -> list[Document]:
        """Return what a `find` finds."""
        held = self.collections.get((command["$db"], command["find"]), [])
        met = [one for one in held if matches(one, command["filter"])]
        return [_projected(one, command["projection"]) for one in met[: command["limit"]]]


class Peer:
    """One connection, as the double sees it."""

    def __init__(self, double: MongoDouble) -> None:
        self._double = double
        self._exchange: Any = None
        self._is_in = False

    def answer(self, opcode: int, request: int, body: bytes) -> bytes | None:
        """Return the bytes that answer a message; None hangs."""
        if opcode == OP_QUERY:
            start = body.index(b"\0", 4) + 1 + 8
            said = bson.encode(self._done(bson.decode(body[start:])))
            fields = struct.pack("<iqii", 8, 0, 0, 1)
            return _message(OP_REPLY, request, fields + said)
        assert opcode == OP_MSG
        assert body[4] == 0
        command = bson.decode(body[5:])
        if self._double.hangs:
            return None
        return _message(OP_MSG, request, b"\0\0\0\0\0" + bson.encode(self._done(command)))

    def _done(self, command: Document) -> Document:
        double = self._double
        name = next(iter(command))
        if name.lower() in ("hello", "ismaster"):
            mechanisms = {"saslSupportedMechs": [MECHANISM]} if double.needs_login() else {}
            return {**double.hello, **mechanisms}
        if name in ("saslStart", "saslContinue"):
            return self._log_in(name, command["payload"])
        if name == "endSessions":
            return {"ok": 1}
        double.asked.append(command)
        if double.error is not None:
            return double.error
        if double.needs_login() and not self._is_in:
            return UNAUTHORIZED
        if name == "find":
            names = f"{command['$db']}.{command['find']}"
            batch = double.found(command)
            return {"cursor": {"id": Int64(0), "ns": names, "firstBatch": batch}, "ok": 1}
        return {"ok": 1} if name == "ping" else {"ok": 0, "code": 59, "errmsg": "no such command"}

    def _log_in(self, name: str, payload: bytes) -> Document:
        if name == "saslStart":
            self._exchange = Scram(MECHANISM, self._double).exchange()
            step = self._exchange.first(None, payload)
        else:
            step = Continue(b"") if self._is_in else self._exchange.next(payload)
        match step:
            case Continue():
                said, is_done = step.data, self._is_in
            case Success():
                said, is_done, self._is_in = step.data, True, True
            case _:
                return NO_LOGIN
        return {"conversationId": 1, "done": is_done, "payload": said, "ok": 1}


def matches(document: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether a filter finds a document."""
    return all(
        any(matches(document, one) for one in value) if name == "$or" else _meets(document, name, value)
        for name, value in wanted.items()
    )  # fmt: skip


def _meets(document: Mapping[str, Any], name: str, wanted: Any) -> bool:
    value: Any = document
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if not isinstance(wanted, Mapping):
        return bool(value == wanted)
    tests: dict[str, Callable[[Any, Any], Any]] = {
        "$ne": lambda have, want: have != want,
        "$gt": lambda have, want: have is not None and have > want,
        "$regex": lambda have, want: re.search(want, have or ""),
    }
    return all(tests[operator](value, operand) for operator, operand in wanted.items())


def _projected(document: Document, wanted: Mapping[str, Any]) -> Document:
    tops = {name.split(".")[0] for name, is_wanted in wanted.items() if is_wanted}
    return {name: value for name, value in document.items() if name in tops}


def _message(opcode: int, request: int, body: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(body), 1, request, opcode) + body


def _receive(sock: socket.socket) -> tuple[int, int, bytes] | None:
    header = b"".join(_pieces(sock, HEADER.size))
    if len(header) < HEADER.size:
        return None
    length, request, _to, opcode = HEADER.unpack(header)
    return opcode, request, b"".join(_pieces(sock, length - HEADER.size))


def _pieces(sock: socket.socket, size: int) -> Iterator[bytes]:
    while size and (piece := sock.recv(size)):
        size -= len(piece)
        yield piece
