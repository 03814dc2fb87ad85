"""The table of what is measured: a row is one load, asked of several servers, beside several API loads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Load:
    """What the MQTT clients do; see `load.c`.

    A `rate` (messages/s of all publishers together) makes an open loop; without one each publisher
    has `window` messages in flight.
    """

    publishers: int
    subscribers: int
    scheme: str = "pair"
    qos: int = 0
    payload: int = 64
    window: int = 1
    rate: int = 0
    idle: int = 0

    def options(self) -> list[str]:
        """Return the options of the load generator."""
        options = ["-P", self.publishers, "-S", self.subscribers, "-t", self.scheme]
        options += ["-q", self.qos, "-l", self.payload, "-I", self.idle]
        options += ["-r", self.rate] if self.rate else ["-w", self.window]
        return [str(option) for option in options]


@dataclass(frozen=True, slots=True)
class ApiLoad:
    """What is asked of the HTTP API meanwhile, as fast as it answers."""

    name: str
    connections: int
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: every server is measured, and ours beside each API load as well."""

    name: str
    about: str
    load: Load
    api: tuple[ApiLoad, ...] = ()


LARGE_PAGES: Final = ApiLoad("large pages", 1, ("/api/v4/clients?_limit=10000",))
_SMALL: Final = ("/api/v4/stats", "/api/v4/nodes")
SMALL_CALLS: Final = ApiLoad("small calls, 1 connection", 1, _SMALL)
SMALL_CALLS_4: Final = ApiLoad("small calls, 4 connections", 4, _SMALL)
_API: Final = (LARGE_PAGES, SMALL_CALLS, SMALL_CALLS_4)
_PAIRS: Final = 200
_FLEET: Final = 5_000

ROWS: Final = (
    Row("pair-qos0", "200 pairs, one in flight, QoS 0", Load(_PAIRS, _PAIRS)),
    Row("pair-qos1", "200 pairs, one in flight, QoS 1", Load(_PAIRS, _PAIRS, qos=1)),
    Row("pair-qos2", "200 pairs, one in flight, QoS 2", Load(_PAIRS, _PAIRS, qos=2)),
    Row("pipelined", "20 pairs, 100 in flight, QoS 0", Load(20, 20, window=100)),
    Row("fan-out", "1 publisher to 500 subscribers, QoS 0", Load(1, 500, "fan-out", window=4)),
    Row("fan-in", "200 publishers to 1 subscriber, QoS 0", Load(_PAIRS, 1, "fan-in")),
    Row(
        "api-rate",
        "1,000 to 1,000 at 20,000 messages/s, QoS 0, 5,000 clients idle",
        Load(1_000, 1_000, rate=20_000, idle=_FLEET),
        _API,
    ),
    Row(
        "api-loop-100",
        "closed loop, 100 pairs, one in flight, QoS 0, 5,000 clients idle",
        Load(100, 100, idle=_FLEET),
        _API,
    ),
    Row(
        "api-loop-1000",
        "closed loop, 1,000 pairs, one in flight, QoS 0, 5,000 clients idle",
        Load(1_000, 1_000, idle=_FLEET),
        _API,
    ),
)
