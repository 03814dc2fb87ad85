"""Nodes that are born in tenths of a second: a process that has loaded the application forks when one is wanted.

What is forked is what gunicorn's worker is, broker, storage, rules and administration, but for the HTTP server: nobody
asks it anything. So thousands of them can be killed in an hour. Run as a program it is the process that forks;
`Nursery` is what a test has of it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Final, Self

from tests.harness.node import LISTENERS, ROOT, variable
from tests.harness.ports import free_port

PATIENCE_S: Final = 90.0
BORN: Final = "born"
UP: Final = "up"


class Nursery:
    """One instance folder, and the node that has it at the moment.

    Attributes:
        incarnation: How many nodes there were; it grows when one is surely gone and the next one not yet there.
        log: What all of them have written.
    """

    def __init__(self, folder: Path, /, **settings: str) -> None:
        """Choose ports; nothing is started yet."""
        self.instance = folder / "instance"
        self.instance.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in (*LISTENERS, "narrow")}
        keys = {**LISTENERS, "narrow": "listener.tcp.narrow"}
        addresses = {key: f"127.0.0.1:{self.ports[name]}" for name, key in keys.items()}
        given = {variable(key): text for key, text in {**addresses, **settings}.items()}
        outside = {key: text for key, text in os.environ.items() if not key.startswith("GODWIT_")}
        self._environment = {**outside, **given, "GODWIT_INSTANCE": str(self.instance)}
        self._log = folder / "node.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._said = b""
        self.incarnation = 0
        self.pid = 0

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "app.cli", "prepare"]
            subprocess.run(command, cwd=ROOT, env=self._environment, stderr=log, check=True)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.soak.nursery"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self.begin()
        self.is_up()
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def address(self, listener: str = "tcp") -> tuple[str, int]:
        """Return where MQTT is served."""
        return "127.0.0.1", self.ports[listener]

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", errors="replace")

    def end(self, number: signal.Signals) -> None:
        """Send a signal to the node that there is."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def begin(self) -> None:
        """Have the next node born as soon as this one is gone; it is not up yet."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(b"next\n")
        self._process.stdin.flush()
        while (word := self._hears()) != "gone":
            # One that was killed on its way may have said that it is up.
            assert word.startswith(UP), word
        self.incarnation += 1
        self._process.stdin.write(b"now\n")
        self._process.stdin.flush()
        word, _, pid = self._hears().partition(" ")
        assert word == BORN, word
        self.pid = int(pid)

    def is_up(self) -> None:
        """Wait until the node serves.

        Raises:
            AssertionError: it did not start; the text ends with its log.
        """
        word = self._hears()
        assert word == f"{UP} {self.pid}", f"{word}\n{self.log[-4_000:]}"

    def _hears(self) -> str:
        """Return the next line of the process that forks."""
        assert self._process is not None
        assert self._process.stdout is not None
        until = time.monotonic() + PATIENCE_S
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._said:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
            data = os.read(descriptor, 4_096) if ready else b""
            assert data, f"nothing is heard of the node:\n{self.log[-4_000:]}"
            self._said += data
        line, self._said = self._said.split(b"\n", 1)
        return line.decode()


def main() -> None:
    """Fork a node each time that one is wanted."""
    import logging.config

    from app import create_app
    from app.config import load_settings
    from app.serving import log_config
    from app.startup import PRIVATE

    os.umask(PRIVATE)
    settings = load_settings(os.environ)
    logging.config.dictConfig(log_config(settings.log))
    app = create_app(settings)
    child = 0
    for _line in sys.stdin:
        if child:
            os.waitpid(child, 0)
        _say("gone")
        sys.stdin.readline()
        child = os.fork()
        if not child:
            _live(app)
        _say(f"{BORN} {child}")


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def _live(app: object) -> None:
    """Be a node until it is asked to stop."""
    status = 1
    try:
        signals = {signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        godwit = app.extensions["godwit"]  # type: ignore[attr-defined]
        godwit.start()
        _say(f"{UP} {os.getpid()}")
        signal.sigwait(signals)
        godwit.stop()
        status = 0
    except BaseException:  # noqa: BLE001 - whatever it was, this process must not go on as its parent
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
