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
