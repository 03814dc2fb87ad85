"""What the machine says about a node: memory, load, descriptors."""

from __future__ import annotations

import os
import platform
import resource
import threading
from importlib.metadata import version
from pathlib import Path

RUNTIME = f"{platform.python_version()}/{version('uvloop')}"
"""Stands where EMQX names its Erlang/OTP release: the language and the runtime of the loop."""


def max_fds() -> int:
    """Return how many descriptors this process may open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def memory_bytes() -> tuple[int, int]:
    """Return the machine's memory: total and used."""
    facts: dict[str, int] = {}
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            name, _, rest = line.partition(":")
            facts[name] = int(rest.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return 0, 0
    total = facts.get("MemTotal", 0)
    return total, total - facts.get("MemAvailable", 0)


def load() -> tuple[float, float, float]:
    """Return the machine's load over 1, 5 and 15 minutes."""
    return os.getloadavg()


def threads() -> int:
    """Return how many threads this process runs."""
    return threading.active_count()


def open_fds() -> int:
    """Return how many descriptors this process has open."""
    try:
        # The listing itself needs one, which is gone by now.
        return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1
    except OSError:
        return 0


_MEMORY = {"VmRSS": "total", "VmHWM": "peak", "VmSize": "virtual", "VmSwap": "swapped"}
"""What the kernel calls the memory of a process, and we."""


def process_memory_bytes() -> dict[str, int]:
    """Return the memory of this process: resident in total and at its peak, virtual, swapped."""
    found = dict.fromkeys(_MEMORY.values(), 0)
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in _MEMORY:
                found[_MEMORY[name]] = int(rest.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return found
    return found
