"""A client of one NATS server that publishes, and hears of each message whether it was taken.

Theory: a server takes what it is sent in order, so its PONG to our PING says that all before was taken; a stream of
JetStream answers for each message, at an inbox of our own. What the server says against a message (`-ERR Permissions
Violation`) comes before that PONG. Where TLS is wanted, nothing is said before it: a server that offers none, or
somebody in between who strikes the offer out, gets no credentials.

Source: docs.nats.io, "NATS Client Protocol", "JetStream wire API".
"""

from __future__ import annotations

import asyncio
import re
import secrets
import ssl
from collections import deque
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from app.rules.errors import ActionFailed, ResourceDown, TryAgain
from app.rules.resources.nkey import Nkey

CONNECT_TIMEOUT_S = 6.0
LINE_MAX_LENGTH = 1_048_576
"""INFO of a large cluster names all its servers."""
ANSWER_MAX_LENGTH = 1_048_576
DENIED_MAX = 4_096
"""More than there are messages between two signs of the server that it has taken all."""
HEADER_LINE = b"NATS/1.0\r\n"
_DENIED = re.compile(r'Permissions Violation for Publish to "(.+)"', re.IGNORECASE)
_INBOX_SID = 1
_GONE = "the connection is gone"


@dataclass(frozen=True, slots=True)
class NatsOptions:
    """Where to, and as whom."""

    servers: tuple[tuple[str, int], ...]
    """Hosts and ports of one cluster; the first that answers is taken."""
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    nkey: Nkey | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NatsMessage:
    """One message to publish."""

    subject: str
    payload: bytes
    headers: bytes = b""
    """Lines of `name: value`, each with its CRLF."""


@dataclass(slots=True)
class _Request:
    subject: str
    answer: asyncio.Future[bytes]


class NatsClient(asyncio.Protocol):
    """One connection; used once. To be used on the loop."""

    def __init__(self, options: NatsOptions) -> None:
        """Be ready; `connect` connects."""
        loop = asyncio.get_running_loop()
        self._options = options
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._frame: tuple[str, int, int] | None = None
        """Of a message whose body is awaited: its subject, the length of its headers, and of all."""
        self._info: asyncio.Future[dict[str, Any]] = loop.create_future()
        self._about: dict[str, Any] = {}
        self._pongs: deque[asyncio.Future[None]] = deque()
        self._requests: dict[str, _Request] = {}
        self._next = 0
        self._inbox = f"_INBOX.{secrets.token_hex(11)}."
        self._error = ""
        self._is_open = asyncio.Event()
        self._is_open.set()
        self.refusals = 0
        """How often the server refused a message."""
        self.denied: dict[str, int] = {}
        """Subjects that it refused messages to, the latest last, each with what `refusals` was then."""
        self.lost = asyncio.Event()

    # -- life ----------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect to one of the servers and log in.

        Raises:
            ResourceDown: It cannot be, and why.
        """
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._open()
                await self._log_in()
        except TimeoutError:
            self.close()
            raise ResourceDown(f"no answer within {CONNECT_TIMEOUT_S:g} s") from None
        except TryAgain as error:
            self.close()
            raise ResourceDown(self._error or str(error)) from None
        except OSError as error:
            self.close()
            raise ResourceDown(error.strerror or str(error)) from None
        except BaseException:
            self.close()
            raise

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        error: OSError | None = None
        for host, port in self._options.servers:
            try:
                await loop.create_connection(lambda: self, host, port)
            except OSError as one:
                error = one
            else:
                break
        else:
            assert error is not None
            raise error
        self._about = await self._info
        if self._options.tls is not None:
            await self._encrypt(self._options.tls, host)
        elif self._about.get("tls_required"):
            raise ResourceDown("the server wants TLS")

    async def _encrypt(self, context: ssl.SSLContext, host: str) -> None:
        if not (self._about.get("tls_required") or self._about.get("tls_available")):
            raise ResourceDown("the server offers no TLS")
        assert self._transport is not None
        # What came in the clear behind INFO counts for nothing.
        self._buffer.clear()
        loop = asyncio.get_running_loop()
        name = self._options.server_name or host
        encrypted = await loop.start_tls(self._transport, self, context, server_hostname=name)
        self._transport = encrypted

    async def _log_in(self) -> None:
        options = self._options
        said: dict[str, Any] = {
            "verbose": False,
            "pedantic": False,
            "tls_required": options.tls is not None,
            "name": "godwit",
            "lang": "python",
            "version": "1",
            "protocol": 1,
            "echo": False,
            "headers": True,
            "no_responders": True,
        }
        if options.username:
            said |= {"user": options.username, "pass": options.password}
        if options.token:
            said["auth_token"] = options.token
        nonce = self._about.get("nonce")
        if options.nkey is not None and isinstance(nonce, str):
            said |= {"nkey": options.nkey.public, "sig": options.nkey.sign(nonce)}
        # No more than that: what a server has not read when it refuses would have its reason lost on the way.
        await self.flush(b"CONNECT " + orjson.dumps(said) + b"\r\n")
        self._write(f"SUB {self._inbox}* {_INBOX_SID}\r\n".encode())

    def close(self) -> None:
        """Hang up; whoever waits for an answer is told that none will come. Doing it twice is no error."""
        transport, self._transport = self._transport, None
        if transport is not None:
            # Whoever waits for what is not sent yet tries it again: a peer that reads nothing is not waited for.
            transport.abort()
        self.lost.set()
        self._is_open.set()
        if not self._info.done():
            self._info.set_exception(TryAgain(_GONE))
            self._info.exception()
        pongs, self._pongs = self._pongs, deque()
        requests, self._requests = self._requests, {}
        for waiting in (*pongs, *(request.answer for request in requests.values())):
            _refuse(cast("asyncio.Future[Any]", waiting), TryAgain(self._error or _GONE))

    # -- what may be said ----------------------------------------------------------------------

    @property
    def takes_headers(self) -> bool:
        """Tell whether messages may have headers."""
        return bool(self._about.get("headers"))

    @property
    def max_payload(self) -> int:
        """Return how many bytes a message may have, its headers included."""
        most = self._about.get("max_payload")
        return most if isinstance(most, int) else 1_048_576

    async def publish(self, message: NatsMessage) -> None:
        """Send a message; `flush` tells when the server has taken it.

        Raises:
            TryAgain: There is no connection.
            ActionFailed: The server would not take it.
        """
        await self._has_room()
        self._send(message)

    async def request(self, message: NatsMessage) -> asyncio.Future[bytes]:
        """Send a message that somebody answers.

        Returns:
            What becomes the answer. It raises `TryAgain` where nobody listens, and `ActionFailed` where the server
            refuses the message.

        Raises:
            TryAgain: There is no connection.
            ActionFailed: The server would not take it.
        """
        await self._has_room()
        self._next += 1
        token = str(self._next)
        self._send(message, self._inbox + token)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda _answer: self._requests.pop(token, None))
        self._requests[token] = _Request(message.subject, answer)
        return answer

    async def flush(self, last: bytes = b"") -> None:
        """Wait until the server has taken all that was sent before.

        Args:
            last: What is to be sent first.

        Raises:
            TryAgain: The connection is gone.
        """
        pong: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pongs.append(pong)
        try:
            self._write(last + b"PING\r\n")
        except TryAgain:
            self._pongs.clear()
            raise
        await pong

    async def _has_room(self) -> None:
        await self._is_open.wait()
        if self._transport is None:
            raise TryAgain(self._error or _GONE)

    def _send(self, message: NatsMessage, reply: str = "") -> None:
        headers = HEADER_LINE + message.headers + b"\r\n" if message.headers else b""
        if headers and not self.takes_headers:
            raise ActionFailed("the server takes no headers")
        size = len(headers) + len(message.payload)
        if size > self.max_payload:
            raise ActionFailed(f"the server takes no message of {size} bytes")
        lengths = f"{len(headers)} {size}" if headers else str(size)
        verb = "HPUB" if headers else "PUB"
        address = f"{message.subject} {reply}" if reply else message.subject
        line = f"{verb} {address} {lengths}\r\n".encode()
        self._write(b"".join((line, headers, message.payload, b"\r\n")))

    def _write(self, data: bytes) -> None:
        if self._transport is None:
            raise TryAgain(self._error or _GONE)
        self._transport.write(data)

    # -- what the connection tells ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have a connection."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Have none any more."""
        self.close()

    def pause_writing(self) -> None:
        """Hear that the server reads slower than we write."""
        self._is_open.clear()

    def resume_writing(self) -> None:
        """Hear that it has caught up."""
        self._is_open.set()

    def data_received(self, data: bytes) -> None:
        """Take what the server sends."""
        self._buffer += data
        try:
            while self._take():
                pass
        except ValueError:
            self._error = "the server sent rubbish"
            self.close()

    def _take(self) -> bool:
        """Take one thing off what has come; False where it is not whole yet."""
        if self._frame is not None:
            return self._take_body(*self._frame)
        end = self._buffer.find(b"\r\n", 0, LINE_MAX_LENGTH)
        if end < 0:
            if len(self._buffer) >= LINE_MAX_LENGTH:
                raise ValueError("a line without end")
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        verb, _, rest = line.partition(b" ")
        self._hear(verb.upper(), rest.decode("utf-8", "replace"))
        return not self.lost.is_set()

    def _hear(self, verb: bytes, rest: str) -> None:
        match verb:
            case b"MSG" | b"HMSG":
                words = rest.split()
                lengths = [int(word) for word in words[-2:]] if verb == b"HMSG" else [0, int(words[-1])]  # fmt: skip
                if not 0 <= lengths[0] <= lengths[1] <= ANSWER_MAX_LENGTH:
                    raise ValueError("a message of no length")
                self._frame = words[0], lengths[0], lengths[1]
            case b"PING":
                self._write(b"PONG\r\n")
            case b"PONG" if self._pongs:
                pong = self._pongs.popleft()
                if not pong.done():
                    pong.set_result(None)
            case b"INFO":
                self._inform(orjson.loads(rest))
            case b"-ERR":
                self._refused(rest.strip(" '"))
            case _:
                pass

    def _inform(self, about: object) -> None:
        if not isinstance(about, dict):
            raise ValueError("INFO without an object")  # noqa: TRY004 - all rubbish is one error
        if self._info.done():
            self._about = {**self._about, **about}
        else:
            self._info.set_result(about)

    def _refused(self, reason: str) -> None:
        denied = _DENIED.search(reason)
        if denied is None:
            # The server hangs up behind most of these, and says here why.
            self._error = f"the server says: {reason}"
            return
        subject = denied.group(1)
        self.refusals += 1
        self.denied.pop(subject, None)
        self.denied[subject] = self.refusals
        if len(self.denied) > DENIED_MAX:
            del self.denied[next(iter(self.denied))]
        for request in list(self._requests.values()):
            if request.subject == subject:
                _refuse(request.answer, ActionFailed(f"the server refuses messages to {subject}"))

    def _take_body(self, subject: str, headers_length: int, length: int) -> bool:
        if len(self._buffer) < length + 2:
            return False
        body = bytes(self._buffer[:length])
        del self._buffer[: length + 2]
        self._frame = None
        request = self._requests.get(subject.removeprefix(self._inbox))
        if request is not None and not request.answer.done():
            if body[:headers_length].startswith(b"NATS/1.0 503"):
                _refuse(request.answer, TryAgain(f"no stream takes {request.subject}"))
            else:
                request.answer.set_result(body[headers_length:])
        return True


def _refuse(answer: asyncio.Future[Any], error: Exception) -> None:
    """Have whoever waits for an answer hear of an error; nobody need be waiting."""
    if not answer.done():
        answer.set_exception(error)
        answer.exception()
