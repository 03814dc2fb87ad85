"""How EMQX writes times, durations and sizes. Pure functions; they also run on the loop, once a row."""

from __future__ import annotations

import time
from functools import lru_cache

UNDEFINED = "undefined"
"""What every generation writes for a text that is not set; never null."""

_SIZES = ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))
_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))


@lru_cache(maxsize=65_536)
def _local(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


def local_time(at_ms: int) -> str:
    """Return local time as `YYYY-MM-DD HH:MM:SS`. Seconds are kept: a fleet shares few of them."""
    return _local(at_ms // 1000)


def unpadded_local_time(at_ms: int) -> str:
    """Return local time as `2020-5-15 18:6:29`, as EMQX writes it of export files."""
    year, month, day, hour, minute, second = time.localtime(at_ms // 1000)[:6]
    return f"{year}-{month}-{day} {hour}:{minute}:{second}"


def uptime(seconds: int) -> str:
    """Return a duration as `D days, H hours, M minutes, S seconds`, without the units that lead with nought."""
    parts: list[str] = []
    for length, unit in _UNITS:
        count, seconds = divmod(seconds, length)
        if count or parts:
            parts.append(f"{count} {unit}, ")
    return "".join(parts) + f"{seconds} seconds"


def memory(size_bytes: int) -> str | int:
    """Return a size as `96.75M`; 1 KiB and less stays a number (4.4, `emqx_mgmt_util:kmg`)."""
    for unit, letter in _SIZES:
        if size_bytes > unit:
            return f"{size_bytes / unit:.2f}{letter}"
    return size_bytes
