"""Where the broker keeps what has to survive it, and how safe that is."""

from __future__ import annotations

from dataclasses import dataclass

from app.config.kinds import above_zero, between, choice, database_url, duration, size
from app.config.table import setting


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """The journal of sessions, retained and delayed messages."""

    url: str = setting(
        "storage.url",
        database_url,
        "",
        "SQLite or PostgreSQL; empty is the file `broker.db` in the instance folder.",
        secret=True,
    )
    sync: str = setting(
        "storage.sync",
        choice("ack", "interval", "off"),
        "ack",
        "When what the broker promises is on the disk: before it is acknowledged, every `storage.interval`, or never; "
        "with `off` sessions, retained and delayed messages end with the process.",
    )
    gather_s: float = setting(
        "storage.gather",
        between(duration, "0ms", "1s"),
        "5ms",
        "For how long what is to be written may gather while each turn of the broker's loop adds to it, where "
        "`storage.sync` is `ack`: all of it shares one commit, and what is acknowledged meanwhile need not be written. "
        "It may be four turns, where they take longer; 0 writes at once.",
    )
    interval_s: float = setting(
        "storage.interval",
        between(duration, "10ms", "1m"),
        "1s",
        "How often the journal is written where `storage.sync` is `interval`.",
    )
    max_pending: int = setting(
        "storage.max_pending",
        above_zero(size),
        "64MB",
        "Bytes that may wait to be written; beyond it, publishers whose messages have to be are not read from.",
    )
    compact_at: int = setting(
        "storage.compact_at",
        above_zero(size),
        "64MB",
        "Size of the journal at which what is over is first removed from it; later, twice the size of what it left.",
    )
