"""A web service of somebody's, on a port of its own: it notes what it is asked and answers what it was told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    location: str = ""
    raw: bytes = b""
    """In place of an answer in HTTP."""


Rule = Callable[[Asked], Reply]


class WebService:
    """As a context manager it serves inside and is gone afterwards.

    `answer` is asked for every reply; while `may_answer` is not set, nobody gets one.
    """

    def __init__(self, answer: Rule = lambda _: Reply()) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.breaks_off = 0
        """How many connections are closed without an answer."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers, self.rfile.read(length))
                service.asked.append(asked)
                service.may_answer.wait(20)
                if service.breaks_off:
                    service.breaks_off -= 1
                    self.close_connection = True
                    return
                reply = service.answer(asked)
                if reply.raw:
                    self.wfile.write(reply.raw)
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                if reply.location:
                    self.send_header("location", reply.location)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_POST = do_GET  # noqa: N815 - the library's name for it

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Whoever asked has gone; that is what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
