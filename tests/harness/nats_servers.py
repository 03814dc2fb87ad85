"""Real NATS servers for tests: Debian's package, in a temporary folder, on a free port of loopback."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

import pytest

from tests.harness.ports import free_port

START_DEADLINE_S = 20.0
POLL_S = 0.02


class NatsProcess:
    """One server with JetStream; stopped and started anew as a test wants, on the same port."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        """Choose a port; nothing is started yet.

        Args:
            folder: Where its files go.
            settings: Further lines of its configuration.
        """
        self.folder = folder
        self.port = free_port()
        self._file = folder / f"nats-{self.port}.conf"
        self._file.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{folder / f"store-{self.port}"}", max_mem: 16M, max_file: 64M }}\n'
            + settings
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / f"nats-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program(), "-c", str(self._file)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline_s = time.monotonic() + START_DEADLINE_S
        while not self._answers():
            assert self._process.poll() is None, "nats-server ended"
            assert time.monotonic() < deadline_s, "nats-server does not answer"
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Kill it; without effect when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as sock:
                return sock.recv(4) == b"INFO"
        except OSError:
            return False


class NatsListener:
    """A client of the test's own, in the few words of the protocol that it takes: it subscribes, and asks JetStream."""

    def __init__(self, port: int, **credentials: str) -> None:
        """Connect."""
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._file = self._sock.makefile("rb")
        self._file.readline()
        self._say("CONNECT " + json.dumps({"verbose": False, "headers": True, **credentials}))
        self._say("PING")
        while self._file.readline().strip() != b"PONG":
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
        self._sock.close()

    def subscribe(self, subject: str) -> None:
        """Hear of messages from now on."""
        self._say(f"SUB {subject} 1")
        self._say("PING")
        while self._file.readline().strip() != b"PONG":
            pass

    def next(self) -> tuple[str, bytes, bytes]:
        """Return subject, headers and payload of the next message."""
        while True:
            words = self._file.readline().split()
            assert words, "the server hung up"
            if words[0] == b"PING":
                self._say("PONG")
            elif words[0] in (b"MSG", b"HMSG"):
                size = int(words[-1])
                head = int(words[-2]) if words[0] == b"HMSG" else 0
                body = self._file.read(size + 2)[:-2]
                return words[1].decode(), body[:head], body[head:]

    def ask(self, subject: str, request: dict[str, Any]) -> dict[str, Any]:
        """Return what JetStream's API answers."""
        body = json.dumps(request)
        self._say("SUB _ask 9")
        self._say(f"PUB $JS.API.{subject} _ask {len(body.encode())}\r\n{body}")
        answer: dict[str, Any] = json.loads(self.next()[2])
        self._say("UNSUB 9")
        return answer

    def make_stream(self, name: str, subject: str, **settings: Any) -> None:
        """Have a stream on disk take the messages of a subject."""
        wanted = {"name": name, "subjects": [subject], "storage": "file", "num_replicas": 1, **settings}  # fmt: skip
        answer = self.ask(f"STREAM.CREATE.{name}", wanted)
        assert "error" not in answer, answer

    def stored(self, name: str) -> int:
        """Return how many messages a stream has."""
        count: int = self.ask(f"STREAM.INFO.{name}", {})["state"]["messages"]
        return count

    def message(self, name: str, sequence: int) -> dict[str, Any]:
        """Return one message of a stream."""
        found: dict[str, Any] = self.ask(f"STREAM.MSG.GET.{name}", {"seq": sequence})["message"]
        return found

    def _say(self, line: str) -> None:
        self._sock.sendall(line.encode() + b"\r\n")


def _program() -> str:
    found = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")
    if found:
        return found
    sentence = "nats-server is not installed; the package is nats-server"
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        pytest.fail(sentence)
    pytest.skip(sentence)
