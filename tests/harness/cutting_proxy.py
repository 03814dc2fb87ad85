"""A proxy that cuts a TLS handshake off in the middle: whatever is before it passes, whatever it is for."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress
from typing import Self

HANDSHAKE = b"\x16\x03"
"""What a TLS record of a handshake begins with."""
LET_THROUGH = 40
"""Bytes of the server's first record: its header, and a part of what it says."""


class CuttingProxy:
    """One that stands before a server; as a context manager it listens inside."""

    def __init__(self, server_port: int) -> None:
        """Listen on a free port."""
        self.cut = 0
        """Handshakes that were cut off."""
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with (
                    suppress(OSError),
                    socket.create_connection(("127.0.0.1", server_port)) as server,
                ):
                    proxy._serve(self.request, server)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        threading.Thread(target=_pass_on, args=(client, server), daemon=True).start()
        while data := server.recv(65_536):
            start = data.find(HANDSHAKE)
            if start >= 0:
                client.sendall(data[: start + LET_THROUGH])
                self.cut += 1
                return
            client.sendall(data)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
