"""Mosquitto as the other broker: started, killed and started again, with its messages kept on disk."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

from tests.harness.certificates import Pair
from tests.harness.node import eventually
from tests.harness.ports import free_port


class Mosquitto:
    """As a context manager it runs inside, and is gone afterwards."""

    def __init__(self, folder: Path, tls: Pair | None = None) -> None:
        self.port = free_port()
        self._settings = folder / "mosquitto.conf"
        kept = folder / "kept"
        kept.mkdir(parents=True)
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {kept}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            "max_queued_messages 0",
        ]
        if os.getuid() == 0:
            lines.append("user root")
        if tls is not None:
            lines += [f"certfile {tls.certfile}", f"keyfile {tls.keyfile}"]
        self._settings.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["mosquitto", "-c", str(self._settings)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self._answers, "Mosquitto")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(self.address) == 0

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(10)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
