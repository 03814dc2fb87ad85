"""A double of InfluxDB, which Debian does not have: both write APIs, with a strict reader of line protocol.

It is no InfluxDB: it knows what a well-formed line is and who may write, keeps what it is given, and answers as the
real one documents. What the real one would make of a point's types over time it does not know.
"""

from __future__ import annotations

import base64
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.harness.ports import free_port

_WORD = r"(?:\\[,= ]|[^,= \\\n\r]|\\(?![,= ]|$))+"
_MEASUREMENT = r"(?:\\[, ]|[^, \\\n\r]|\\(?![, ]|$))+"
_VALUE = r'(?:"(?:\\["\\]|[^"\\])*"|-?\d+i|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|true|false)'
_LINE = re.compile(
    rf"(?P<measurement>{_MEASUREMENT})(?P<tags>(?:,{_WORD}={_WORD})*)"
    rf" (?P<fields>{_WORD}={_VALUE}(?:,{_WORD}={_VALUE})*) (?P<time>-?\d+)(?:\n|$)"
)
_PAIR = re.compile(rf"({_WORD})=({_VALUE}|{_WORD})")

Point = tuple[str, dict[str, str], dict[str, Any], int]


class InfluxDouble:
    """One server on a free port of loopback."""

    def __init__(self, token: str = "t0ken", login: str = "user:secret") -> None:
        self.port = free_port()
        self.points: list[Point] = []
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        """Path and query of each write."""
        self.is_well = True
        self._allowed = {f"Token {token}", f"Basic {base64.b64encode(login.encode()).decode()}"}
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._say(204 if self.path == "/ping" else 404)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self._say(*outer.write(self.path, self.headers["authorization"], body.decode()))

            def _say(self, status: int, text: str = "") -> None:
                self.send_response(status)
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_arguments: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def write(self, address: str, authorization: str | None, body: str) -> tuple[int, str]:
        """Take points; return status and text of the answer."""
        parts = urlsplit(address)
        if not self.is_well:
            return 503, "unavailable"
        if parts.path not in ("/write", "/api/v2/write"):
            return 404, "not found"
        if authorization not in self._allowed:
            return 401, "unauthorized"
        self.asked.append((parts.path, parse_qs(parts.query, strict_parsing=True)))
        found = parsed(body)
        if found is None:
            return 400, f"unable to parse {body!r}"
        if any(point[2].get("value") == "refuse me" for point in found):
            return 422, "field type conflict"
        self.points += found
        return 204, ""


def parsed(body: str) -> list[Point] | None:
    """Return the points of a body; None where one of them is no line."""
    found: list[Point] = []
    at = 0
    while at < len(body):
        match = _LINE.match(body, at)
        if match is None:
            return None
        tags = {_plain(key): _plain(value) for key, value in _PAIR.findall(match["tags"])}
        fields = {_plain(key): _value(value) for key, value in _PAIR.findall(match["fields"])}
        found.append((_plain(match["measurement"]), tags, fields, int(match["time"])))
        at = match.end()
    return found


def _plain(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text)


def _value(text: str) -> Any:
    if text[0] == '"':
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    if text in ("true", "false"):
        return text == "true"
    return int(text[:-1]) if text.endswith("i") else float(text)
