"""The summary: a line for each row, our figures over Mosquitto's beside what we want to reach.

Only what holds against Mosquitto with and without its `set_tcp_nodelay` is called reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bench.measure import Figures
from bench.report import Measured, better, faults
from bench.rows import MOSQUITTO, NEARLY_EQUAL, Kind, Row
from bench.servers import AMQTT, GODWIT, MOSQUITTO_NODELAY

AMQTT_TARGET: Final = 10.0
LOAD_IS_FULL: Final = 0.95
"""From this share of its core on, the load generator may be what was measured."""
_TITLES: Final = (
    "row",
    "ratio per second",
    "to nodelay",
    "target",
    "ratio CPU",
    "to nodelay",
    "target",
    "reached against both",
    "faults",
    "highest load CPU",
    f"ratio to amqtt (≥ {AMQTT_TARGET:g})",
)
HEAD: Final = "\n".join(("| " + " | ".join(_TITLES) + " |", "|" + "---|" * len(_TITLES)))


@dataclass(frozen=True, slots=True)
class Compared:
    """How we stand to another server; 0 where there is nothing to compare. Above 1 is better."""

    rate: float
    cpu: float
    bytes_each: float


def compared(kind: Kind, ours: Figures, theirs: Figures) -> Compared:
    """Return the ratios of the figures that a kind of row is about."""
    if kind is Kind.MEMORY:
        return Compared(0, 0, ours["bytes_each"])
    rate, cpu = _KEYS[kind]
    return Compared(_over(ours[rate], theirs[rate]), _over(theirs[cpu], ours[cpu]), 0)


def reaches(row: Row, found: Compared) -> bool:
    """Tell whether all targets of a row are reached."""
    target = row.target
    return (
        found.rate >= target.rate
        and found.cpu >= target.cpu
        and (not target.bytes_each or found.bytes_each <= target.bytes_each)
    )


def summary_line(measured: Measured) -> str:
    """Return a row's line of the summary."""
    row, ours = measured.row, measured.of(GODWIT)
    target = row.target
    if ours is None:
        said = "ours beside ours: see below" if row.variants else "not measured"
        return _line(row.name, *["-"] * 6, said, "-", "-", "-")
    plain, nodelay = (
        compared(row.kind, ours, theirs) if (theirs := measured.of(name)) else None
        for name in (MOSQUITTO, MOSQUITTO_NODELAY)
    )
    faulty = ", ".join(filter(None, (faults(ours), "a failed run" * (GODWIT in measured.failures))))
    rates = [_times(found.rate) if found else "-" for found in (plain, nodelay)]
    rate_target = _target_text(target.rate)
    if target.bytes_each:
        theirs = measured.of(MOSQUITTO)
        beside = f", Mosquitto {theirs['bytes_each']:,.0f}" if theirs else ""
        rates = [f"{ours['bytes_each']:,.0f} bytes{beside}", "-"]
        rate_target = f"≤ {target.bytes_each:,} bytes"
    return _line(
        row.name,
        *rates,
        rate_target,
        *(_times(found.cpu) if found else "-" for found in (plain, nodelay)),
        _target_text(target.cpu),
        _verdict(row, faulty, plain, nodelay),
        faulty or "none",
        f"{max(_load_share(row.kind, cell.figures) for cell in measured.cells):.0%}",
        _to_amqtt(row, ours, measured.of(AMQTT)),
    )


def _verdict(row: Row, faulty: str, plain: Compared | None, nodelay: Compared | None) -> str:
    if row.target == type(row.target)():
        return "no target"
    if plain is None or nodelay is None:
        return "not compared with both"
    if faulty:
        return "no: faults"
    answers = reaches(row, plain), reaches(row, nodelay)
    return {
        (True, True): "yes",
        (True, False): "no: not against nodelay",
        (False, True): "no: only against nodelay",
        (False, False): "no",
    }[answers]


def _to_amqtt(row: Row, ours: Figures, theirs: Figures | None) -> str:
    if theirs is None:
        return "-"
    if theirs["msgs_per_s"] < row.load.rate * NEARLY_EQUAL:
        # What arrives at all, seconds late, is no rate of its own.
        return "it cannot keep up"
    return _times(compared(row.kind, ours, theirs).rate)


def _load_share(kind: Kind, figures: Figures) -> float:
    if kind is Kind.MESSAGES:
        return figures["own_cpu_share"]
    return figures["connect_own_cpu_s"] / figures["connect_s"]


def _over(value: float, base: float) -> float:
    return value / base if base else 0


def _times(ratio: float) -> str:
    return better(ratio, 1) if ratio else "-"


def _target_text(target: float) -> str:
    if target == NEARLY_EQUAL:
        return "equal"
    return f"≥ {target:g}" if target else "-"


def _line(*texts: str) -> str:
    return "| " + " | ".join(texts) + " |"


_KEYS: Final = {
    Kind.MESSAGES: ("msgs_per_s", "cpu_s_per_million"),
    Kind.CONNECTS: ("connects_per_s", "cpu_s_per_thousand"),
}
