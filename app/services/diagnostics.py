"""How this node's process fares, on one page and as a bundle to send to whoever is asked for help: without secrets."""

from __future__ import annotations

import io
import os
import platform
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import orjson

from app.compiled_form import FORM
from app.node.proxy import Nodes
from app.services.alarms import AlarmsService, Which
from app.services.configs import ConfigsService
from app.services.machine import MachineService
from app.services.masking import masked
from app.services.observation import Door
from app.services.plugins import PluginsService
from app.services.recent_log import RecentLog
from app.version import VERSION

PACKAGES = ("uvloop", "Flask", "gunicorn", "SQLAlchemy", "orjson", "cryptography")
LAG_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Lag:
    """How long the broker's loop took to get to a call, in milliseconds."""

    least_ms: float
    most_ms: float


class DiagnosticsService:
    """Puts together what others know."""

    def __init__(
        self,
        nodes: Nodes,
        door: Door,
        machine: MachineService,
        plugins: PluginsService,
        configs: ConfigsService,
        log: RecentLog,
    ) -> None:
        """Ask these."""
        self._nodes = nodes
        self._door = door
        self._machine = machine
        self._plugins = plugins
        self._configs = configs
        self._log = log

    def versions(self) -> dict[str, str]:
        """Return what runs: Godwit, the language, the system, the libraries that matter."""
        return {
            "Godwit": VERSION,
            "Python": platform.python_version(),
            "system": platform.platform(),
            "processors": str(len(os.sched_getaffinity(0))),
            **{name: _version_of(name) for name in PACKAGES},
        }

    def form(self) -> str:
        """Return a sentence about the form of the hot modules."""
        return FORM.sentence()

    def is_compiled(self) -> bool:
        """Tell whether the hot modules run in their compiled form."""
        return not FORM.why_not

    def lag(self) -> Lag:
        """Ask the broker's loop a few times how late it is.

        Raises:
            ServiceError: It did not answer in time.
        """
        took: list[float] = []
        for _turn in range(LAG_SAMPLES):
            asked_s = time.perf_counter()
            took.append((self._door.call(time.perf_counter) - asked_s) * 1000)
        return Lag(min(took), max(took))

    def storage(self) -> dict[str, int]:
        """Return what is counted of the broker's journal."""
        metrics = self._nodes.local.metrics()
        return {
            name.removeprefix("storage."): value
            for name, value in sorted(metrics.items())
            if name.startswith("storage.")
        }

    def vm(self) -> Mapping[str, Mapping[str, object]]:
        """Return facts about the process by their section."""
        return self._machine.vm()

    def database(self) -> Mapping[str, Any]:
        """Return what the database is, and how many rows each table has."""
        return self._machine.database()

    def recon(self) -> Mapping[str, Any]:
        """Return tasks, garbage collector, threads and hooks."""
        return self._plugins.recon()

    def bundle(self) -> bytes:
        """Return all of it as a zip file of JSON files and the last lines of the log.

        Raises:
            ServiceError: The node did not answer in time.
        """
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, make in self._files().items():
                archive.writestr(f"{name}.json", orjson.dumps(masked(make()), option=_READABLE))
            archive.writestr("log.txt", "\n".join(self._log_lines()))
        return packed.getvalue()

    def _files(self) -> Mapping[str, Callable[[], object]]:
        local = self._nodes.local
        return {
            "versions": lambda: {**self.versions(), "form": self.form(), "flags": str(sys.flags)},
            "process": self.vm,
            "database": self.database,
            "recon": self.recon,
            "loop": lambda: asdict(self.lag()),
            "settings": lambda: [asdict(one) for one in self._configs.list()],
            "plugins": lambda: [asdict(one) for one in self._plugins.list()],
            "nodes": lambda: [asdict(node.node_info()) for node in self._nodes.all()],
            "metrics": local.metrics,
            "stats": local.stats,
            "listeners": lambda: [asdict(one) for one in local.listeners()],
            "alarms": self._alarms,
        }

    def _alarms(self) -> list[dict[str, object]]:
        found = AlarmsService(self._nodes).list(Which.ALL)
        return [{"node": node, **alarm.row()} for node, alarms in found for alarm in alarms]

    def _log_lines(self) -> Sequence[str]:
        return [
            f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(line.at_ms / 1000))} [{line.level}] "
            f"{line.logger}: {masked(line.message)}"
            for line in reversed(self._log.lines())
        ]


_READABLE = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
