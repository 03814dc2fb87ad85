"""The management API of one node, as commands call it: paths in, plain values out, refusals as sentences.

What is asked of the wire is little: one connection a call, JSON both ways, and to be told how far a large body is.
"""

from __future__ import annotations

import http.client
import json
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from app.ctl.refusals import NotRunning, Refused, Unserved

BASE = "/api/v4"
JSON = "application/json"
PAGE_ROWS = 1_000
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 300.0
"""An import is one transaction, and may be a large one."""
_CHUNK_BYTES = 65_536
_LONGEST_SENTENCE = 500

Progress = Callable[[int, int], None]
"""Told bytes that are done, and of how many."""
_STATUS_SENTENCES = {
    401: "The node does not know these credentials: {text}",
    403: "The node does not allow this: {text}",
    404: "The node has nothing here: {text}",
    413: "This is more than the node takes: {text}",
    429: "The node wants us to wait: {text}",
}


def segment(text: str) -> str:
    """Quote one segment of a path: a client id or topic may hold anything."""
    return quote(text, safe="")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    body: bytes


@dataclass(slots=True)
class NodeApi:
    """One node's API, with credentials."""

    urls: Sequence[str]
    """Where it may answer; the first that takes a connection is used."""
    name: str
    secret: str = field(repr=False)
    absent: str = "No node answers."
    """What to say where none of the addresses does."""
    node: str | None = None
    """Its name, where it is known."""

    def node_name(self) -> str:
        """Return the name of the node that answers."""
        if self.node is None:
            self.node = str(self.get("/brokers")[0]["node"])
        return self.node

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """Return `data` of a call."""
        return self.call("GET", path, query=query).get("data")

    def put(self, path: str, body: object = None) -> Any:
        """Change something, and return `data`, if there is any."""
        return self.call("PUT", path, body).get("data")

    def post(self, path: str, body: object = None) -> Any:
        """Make something, and return `data`, if there is any."""
        return self.call("POST", path, body).get("data")

    def delete(self, path: str) -> Any:
        """Take something away, and return `data`, if there is any."""
        return self.call("DELETE", path).get("data")

    def rows(self, path: str) -> list[dict[str, Any]]:
        """Return all rows of a list that comes in pages."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            rows = self.get(path, {"_page": page, "_limit": PAGE_ROWS})
            found += rows
            if len(rows) < PAGE_ROWS:
                return found
            page += 1

    def download(self, path: str, progress: Progress | None = None) -> bytes:
        """Return a file as it comes.

        Raises:
            NotRunning: Nobody answers.
            Refused: The node says no.
        """
        answer = self._exchange("GET", BASE + path, None, progress)
        if answer.status != http.client.OK or answer.content_type == JSON:
            _understood(answer)
        return answer.body

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, object] | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Make one call and return the whole decoded answer.

        Args:
            method: Of HTTP.
            path: Behind `/api/v4`, its segments quoted.
            body: What is sent as JSON.
            query: The query string.
            progress: Told how much of the larger of both bodies has gone over.

        Raises:
            NotRunning: Nobody answers.
            Refused: The node says no.
        """
        target = BASE + path + ("?" + urlencode(query) if query else "")
        sent = None if body is None else json.dumps(body).encode()
        return _understood(self._exchange(method, target, sent, progress))

    def _exchange(
        self, method: str, target: str, body: bytes | None, progress: Progress | None
    ) -> _Answer:
        connection = self._connected()
        token = b64encode(f"{self.name}:{self.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Accept": f"{JSON}, */*"}
        payload: Iterator[bytes] | None = None
        if body is not None:
            headers |= {"Content-Type": JSON, "Content-Length": str(len(body))}
            payload = _pieces(body, progress)
        try:
            connection.request(method, target, payload, headers)
            response = connection.getresponse()
            # The body of a call that sends much is small, and the bar is done.
            answer = _read(response, progress if body is None else None)
        except TimeoutError:
            raise Refused("The node does not answer in time.") from None
        except (OSError, http.client.HTTPException) as error:
            raise Refused(f"The connection to the node broke: {error}.") from None
        finally:
            connection.close()
        return answer

    def _connected(self) -> http.client.HTTPConnection:
        for url in self.urls:
            connection = _connection(url)
            try:
                connection.connect()
            except ssl.SSLError as error:
                raise Refused(f"The node's certificate is not good: {error}.") from None
            except OSError:
                continue
            assert connection.sock is not None, "a connection has a socket"
            connection.sock.settimeout(ANSWER_TIMEOUT_S)
            return connection
        raise NotRunning(self.absent)


def _connection(url: str) -> http.client.HTTPConnection:
    at = urlsplit(url)
    kind = http.client.HTTPSConnection if at.scheme == "https" else http.client.HTTPConnection
    return kind(at.hostname or "", at.port, timeout=CONNECT_TIMEOUT_S)


def _pieces(body: bytes, progress: Progress | None) -> Iterator[bytes]:
    total = len(body)
    for start in range(0, total, _CHUNK_BYTES):
        yield body[start : start + _CHUNK_BYTES]
        if progress is not None:
            progress(min(start + _CHUNK_BYTES, total), total)


def _read(response: http.client.HTTPResponse, progress: Progress | None) -> _Answer:
    body = bytearray()
    total = int(response.headers.get("Content-Length") or 0)
    while piece := response.read(_CHUNK_BYTES):
        body += piece
        if progress is not None and total:
            progress(len(body), total)
    return _Answer(response.status, response.headers.get_content_type(), bytes(body))


def _understood(answer: _Answer) -> dict[str, Any]:
    """Return the decoded answer of a call that went well.

    Raises:
        Refused: It did not.
    """
    said: Any = None
    if answer.content_type == JSON:
        try:
            said = json.loads(answer.body)
        except ValueError:
            raise Refused("The answer is no JSON: is this a node's management API?") from None
    if isinstance(said, dict):
        _refuse(said)
        if answer.status == http.client.OK:
            return said
    text = str(said) if said is not None else answer.body.decode(errors="replace").strip()
    text = " ".join(text[:_LONGEST_SENTENCE].split())
    fallback = "The node answers with HTTP status " + str(answer.status) + ": {text}"
    sentence = _STATUS_SENTENCES.get(answer.status, fallback).format(text=text)
    kind = Unserved if answer.status == http.client.NOT_FOUND else Refused
    raise kind(sentence, answer.status)


def _refuse(said: Mapping[str, Any]) -> None:
    """Raise what an answer refuses; those without a code have a message."""
    code = said.get("code")
    if code == 0 or (code is None and "message" not in said):
        return
    sentence = str(said.get("reason") or said.get("message") or f"code {code}")
    raise Refused(sentence, code)
