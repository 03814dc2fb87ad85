"""Looks at memory, CPU, disk and descriptors from time to time, and raises and ends the alarms about them.

Memory is the machine's, or what a control group around this process may use, whichever is nearer to its end.

Source: EMQX 4.4 `emqx_os_mon`, `emqx_vm_mon`. Where EMQX counts Erlang processes, of which each connection is one,
connections are compared with the descriptors that this process may open.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable
from pathlib import Path

from app.broker.channel.channel import Channel
from app.broker.core import BrokerCore
from app.mqtt.packets import Connect
from app.mqtt.reason_codes import ReasonCode

SYSTEM_MEMORY = "high_system_memory_usage"
PROCESS_MEMORY = "high_process_memory_usage"
CPU = "high_cpu_usage"
DISK = "high_disk_usage"
PROCESSES = "too_many_processes"
NO_LIMIT_BYTES = 1 << 60
"""Version 1 of control groups writes a number like this where there is none."""


class Machine:
    """What the kernel says about this machine and this process."""

    def __init__(self, proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> None:
        """Read below `proc`, and limits below `cgroups`."""
        self._proc = proc
        self._cgroups = cgroups
        self._cpu_before = (0, 0)
        self.cpu_usage()

    def memory_usage(self) -> float | None:
        """Return the share of the memory that is in use; caches that can be given up are not."""
        facts = self._fields("meminfo")
        total = facts.get("MemTotal", 0)
        if not total or "MemAvailable" not in facts:
            return None
        of_groups = [used / limit for used, limit in self._groups()]
        return max(1 - facts["MemAvailable"] / total, *of_groups, 0.0)

    def process_memory_usage(self) -> float | None:
        """Return the share of the memory that this process holds."""
        total = self._fields("meminfo").get("MemTotal", 0)
        held = self._fields("self/status").get("VmRSS")
        if not total or held is None:
            return None
        return held / min(total, *(limit / 1024 for _, limit in self._groups()), total)

    def _groups(self) -> list[tuple[int, int]]:
        """Return (used, limit) in bytes of every control group with a limit that this process is in."""
        found: list[tuple[int, int]] = []
        for line in _text(self._proc / "self/cgroup").splitlines():
            _, _, rest = line.partition(":")
            controllers, _, name = rest.partition(":")
            if not controllers:
                names = ("memory.max", "memory.current", "inactive_file")
                found += _limits(self._cgroups, name, names)
            elif "memory" in controllers.split(","):
                names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                found += _limits(self._cgroups / "memory", name, names)
        return found

    def cpu_usage(self) -> float | None:
        """Return the share of CPU time that was not idle since the last call."""
        try:
            line = (self._proc / "stat").read_text().partition("\n")[0]
            ticks = [int(part) for part in line.split()[1:9]]
        except (OSError, ValueError):
            return None
        if len(ticks) < 5:
            return None
        total, idle = sum(ticks), ticks[3] + ticks[4]
        total_before, idle_before = self._cpu_before
        self._cpu_before = (total, idle)
        if total <= total_before:
            return None
        return 1 - (idle - idle_before) / (total - total_before)

    @staticmethod
    def disk_usage(folder: Path) -> float | None:
        """Return the share of a folder's file system that is in use, as `df` counts it."""
        try:
            facts = os.statvfs(folder)
        except OSError:
            return None
        used = facts.f_blocks - facts.f_bfree
        usable = used + facts.f_bavail
        return used / usable if usable else None

    @staticmethod
    def max_fds() -> int:
        """Return how many descriptors this process may open."""
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    @staticmethod
    def has_free_fd() -> bool:
        """Tell whether this process can open one more descriptor."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            return error.errno not in (errno.EMFILE, errno.ENFILE)
        return True

    def _fields(self, name: str) -> dict[str, int]:
        """Return the numbers of a file of `Name:   value kB` lines, in kB."""
        facts: dict[str, int] = {}
        for line in _text(self._proc / name).splitlines():
            key, _, rest = line.partition(":")
            value = rest.split(maxsplit=1)
            if value and value[0].isdecimal():
                facts[key] = int(value[0])
        return facts


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _limits(root: Path, name: str, names: tuple[str, str, str]) -> list[tuple[int, int]]:
    """Return (used, limit) in bytes of a control group and those above it; caches that can be given up are not used."""
    found: list[tuple[int, int]] = []
    group = root / name.lstrip("/")
    # In a container without a namespace of its own, the name is the host's and the folder is the group's own.
    folders = [group, *group.parents] if group.is_dir() else [root]
    limit_file, used_file, cache = names
    for folder in folders:
        limit, used = _text(folder / limit_file).strip(), _text(folder / used_file).strip()
        if limit.isdecimal() and used.isdecimal() and 0 < int(limit) < NO_LIMIT_BYTES:
            facts = dict(line.split()[:2] for line in _text(folder / "memory.stat").splitlines())
            found.append((int(used) - int(facts.get(cache, 0)), int(limit)))
        if folder == root:
            break
    return found


class OsMonitor:
    """The four looks: at memory, at the CPU, at the disk, at connections."""

    def __init__(self, core: BrokerCore, machine: Machine) -> None:
        """Take what is watched and where its alarms go."""
        self._core = core
        self._machine = machine
        self._config = core.config.monitors

    def start(self) -> None:
        """Look for the first time one interval from now, as EMQX does."""
        config = self._config
        self._every(config.refuse_check_interval_s, self.check_room)
        self._every(config.mem_check_interval_s, self.check_memory)
        self._every(config.cpu_check_interval_s, self.check_cpu)
        self._every(config.disk_check_interval_s, self.check_disk)
        self._every(config.check_interval_s, self.check_connections)

    def _every(self, interval_s: float, look: Callable[[], None]) -> None:
        def again() -> None:
            # The next look is certain before this one can fail.
            self._core.after(interval_s, again)
            look()

        self._core.after(interval_s, again)

    def check_room(self) -> None:
        """Have newcomers turned away while there is hardly any memory left."""
        usage = self._machine.memory_usage()
        self._core.memory_is_short = usage is not None and usage > self._config.refuse_watermark

    def check_memory(self) -> None:
        """Compare the machine's and this process's memory with their watermarks: an alarm is news for a person."""
        high = percent(self._config.sysmem_high_watermark)
        self._compare(
            SYSTEM_MEMORY,
            self._machine.memory_usage(),
            self._config.sysmem_high_watermark,
            f"System memory usage is higher than {high}%",
            {"high_watermark": high},
        )
        high = percent(self._config.procmem_high_watermark)
        self._compare(
            PROCESS_MEMORY,
            self._machine.process_memory_usage(),
            self._config.procmem_high_watermark,
            f"Process memory usage is higher than {high}%",
            {"pid": str(os.getpid()), "high_watermark": high},
        )

    def _compare(
        self,
        name: str,
        usage: float | None,
        high: float,
        message: str,
        details: dict[str, str | int | float],
    ) -> None:
        if usage is not None and usage > high:
            self._core.alarms.activate(name, message, details)
        elif usage is not None:
            self._core.alarms.deactivate(name)

    def check_cpu(self) -> None:
        """Compare the CPU usage since the last look with its watermarks."""
        config = self._config
        self._between(
            CPU,
            self._machine.cpu_usage(),
            (config.cpu_low_watermark, config.cpu_high_watermark),
            "%.2f%% cpu usage",
        )

    def check_disk(self) -> None:
        """Compare the disk that the instance folder is on with its watermarks."""
        config = self._config
        self._between(
            DISK,
            self._machine.disk_usage(self._core.config.data_dir),
            (config.disk_low_watermark, config.disk_high_watermark),
            "%.2f%% disk usage",
        )

    def check_connections(self) -> None:
        """Compare the connections with the descriptors."""
        config = self._config
        self._between(
            PROCESSES,
            self._core.cm.live / max(1, self._machine.max_fds()),
            (config.process_low_watermark, config.process_high_watermark),
            "%.2f%% process usage",
        )

    def _between(
        self, name: str, usage: float | None, watermarks: tuple[float, float], message: str
    ) -> None:
        """Raise above the high watermark, end below the low one, leave things as they are between them."""
        low, high = watermarks
        if usage is None:
            return
        if usage > high:
            shown = round(usage * 100, 2)
            details = {
                "usage": shown,
                "high_watermark": percent(high),
                "low_watermark": percent(low),
            }
            self._core.alarms.activate(name, message % shown, details)
        elif usage < low:
            self._core.alarms.deactivate(name)


def percent(share: float) -> int | float:
    """Return a share as people write it: 70, or 62.5."""
    value = round(share * 100, 2)
    return int(value) if value == int(value) else value


def check_memory(channel: Channel, packet: Connect) -> ReasonCode:
    """Refuse newcomers while memory is short, before those who are in lose anything."""
    core = channel.core
    if core.memory_is_short:
        core.metrics.client_refused_high_memory += 1
        return ReasonCode.QUOTA_EXCEEDED
    return ReasonCode.SUCCESS
