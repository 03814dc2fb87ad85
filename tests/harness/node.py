"""The real server as a process, started the way `make run` starts it, on free loopback ports.

Knows the command line, the environment and the HTTP port only: what is asserted about the server is
the tests' business. Importing the fixtures `node` and `make_node` into a conftest offers them.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import pytest

from app.compiled_form import VARIABLE as FORM_VARIABLE
from tests.harness.ports import free_port

ROOT: Final = Path(__file__).resolve().parents[2]
START_DEADLINE_S: Final = 20.0
STOP_DEADLINE_S: Final = 20.0
POLL_S: Final = 0.02
GUNICORN: Final = ("-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app")
LISTENERS: Final = {
    "tcp": "listener.tcp.external",
    "ws": "listener.ws.external",
    "management": "management.listener.http",
    "dashboard": "dashboard.listener.http",
}


class NodeFailedError(AssertionError):
    """The server did not start, or did not stop, in time; the text ends with its log."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `body` is decoded JSON where the answer says that it is JSON, else text."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Stopped:
    """How the server ended: its exit status (negative: the signal that killed it) and its log."""

    status: int
    log: str


def variable(key: str) -> str:
    """Return the environment variable that sets a key: `a.b_c` is `GODWIT_A__B_C`."""
    return "GODWIT_" + key.upper().replace(".", "__")


def eventually(
    condition: Callable[[], Any], what: str = "the condition", deadline_s: float = 5.0
) -> Any:
    """Return the first true value of `condition`, asking again until the deadline.

    Raises:
        AssertionError: It stayed false.
    """
    until = time.monotonic() + deadline_s
    while not (value := condition()):
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come true within {deadline_s} s")
        time.sleep(POLL_S)
    return value


class NodeProcess:
    """A Godwit server; as a context manager it is running inside and gone afterwards.

    Attributes:
        ports: The port of each listener, by the names of `LISTENERS`; they survive a restart.
        pid: gunicorn's master; its only child is `worker_pid`, in which broker and API live.
    """

    def __init__(self, folder: Path, command: tuple[str, ...] = (), /, **settings: str) -> None:
        """Choose the ports; nothing is started yet.

        Args:
            folder: Where the instance folder and the log go.
            command: What to put in front of the server's command, such as `taskset -c 0`.
            settings: Settings by their dotted keys.
        """
        self.instance = folder / "instance"
        self.instance.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in LISTENERS}
        self._log = folder / "node.log"
        self.command = command
        addresses = {key: f"127.0.0.1:{self.ports[name]}" for name, key in LISTENERS.items()}
        inherited = {
            # The hot modules run in the form in which the tests have them.
            k: v
            for k, v in os.environ.items()
            if not k.startswith("GODWIT_") or k == FORM_VARIABLE
        }
        given = {variable(key): text for key, text in {**addresses, **settings}.items()}
        self._environment = {**inherited, **given, "GODWIT_INSTANCE": str(self.instance)}
        self._process: subprocess.Popen[bytes] | None = None
        self.inherited: tuple[int, ...] = ()
        """Descriptors of listening sockets that outlive the server; `command` tells it about them."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    @property
    def tcp(self) -> tuple[str, int]:
        """Where MQTT over TCP is served."""
        return "127.0.0.1", self.ports["tcp"]

    @property
    def environment(self) -> dict[str, str]:
        """What the server's processes are started with."""
        return dict(self._environment)

    @property
    def pid(self) -> int:
        assert self._process is not None, "the node was not started"
        return self._process.pid

    @property
    def worker_pid(self) -> int:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        assert len(children) == 1, f"gunicorn has {len(children)} workers"
        return int(children[0])

    @property
    def log(self) -> str:
        """All that the server has written so far, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> None:
        """Bring the database up to date, start the server, and wait until it answers.

        Raises:
            NodeFailedError: It ended, or did not answer in time.
        """
        with self._log.open("ab") as log:
            held = ["--sockets-held"] if self.inherited else []
            self._run(log, sys.executable, "-m", "app.cli", "prepare", *held)
            self._process = subprocess.Popen(
                [*self.command, sys.executable, *GUNICORN],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=self.inherited,
            )
        until = time.monotonic() + START_DEADLINE_S
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise NodeFailedError(f"the node did not start:\n{self.log}")
            time.sleep(POLL_S)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> Stopped:
        """Send a signal to the master and wait for the end.

        Raises:
            NodeFailedError: The server still runs after the deadline; it is killed then.
        """
        os.kill(self.pid, number)
        return self.wait()

    def wait(self) -> Stopped:
        """Wait for an end that something else brought about.

        Raises:
            NodeFailedError: As for `stop`.
        """
        assert self._process is not None, "the node was not started"
        try:
            status = self._process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NodeFailedError(f"the node did not stop:\n{self.log}") from None
        return Stopped(status, self.log)

    def kill(self) -> None:
        """End master and worker as `kill -9` does. Without effect when they are gone."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_DEADLINE_S)

    def restart(self) -> None:
        """Start again on the same ports and the same instance folder; stop first if still up."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        self.start()

    def api(
        self,
        method: str,
        path: str,
        body: Any = None,
        auth: tuple[str, str] | None = ("admin", "public"),
        listener: str = "management",
    ) -> Answer:
        """Ask the HTTP API.

        Args:
            method: The HTTP method.
            path: The path from the root, quoted by the caller.
            body: What to send as JSON; bytes go as they are; None sends none.
            auth: Application id and secret; None sends no credentials.
            listener: One of the HTTP listeners of `LISTENERS`.
        """
        headers = {}
        if auth is not None:
            token = base64.b64encode(":".join(auth).encode()).decode()
            headers["Authorization"] = f"Basic {token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[listener], timeout=20)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        is_json = (response.headers.get_content_type()) == "application/json"
        decoded = json.loads(raw) if is_json else raw.decode()
        return Answer(response.status, dict(response.headers), decoded)

    def data(self, path: str) -> Any:
        """Return `data` of a successful `GET /api/v4/…`."""
        answer = self.api("GET", f"/api/v4/{path}")
        assert answer.status == 200 and answer.body["code"] == 0, answer
        return answer.body["data"]

    def _run(self, log: Any, *command: str) -> None:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=False,
        )
        if done.returncode:
            raise NodeFailedError(f"{' '.join(command[1:])} failed:\n{self.log}")

    def _is_up(self) -> bool:
        try:
            return self.api("GET", "/status", auth=None).status == 200
        except (OSError, http.client.HTTPException):
            return False


MakeNode = Callable[..., NodeProcess]


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A server with default settings, shared by all tests that leave it as they found it."""
    with NodeProcess(tmp_path_factory.mktemp("node")) as running:
        yield running


@pytest.fixture
def make_node(tmp_path: Path) -> Iterator[MakeNode]:
    """Start servers of this test's own: `make_node(**{"mqtt.max_packet_size": "1KB"})`."""
    started: list[NodeProcess] = []

    def make(**settings: str) -> NodeProcess:
        fresh = NodeProcess(tmp_path / f"node{len(started)}", **settings)
        started.append(fresh)
        fresh.start()
        return fresh

    yield make
    for each in started:
        each.kill()
