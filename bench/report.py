"""Figures as tables for people: printed while measuring, and written to RESULTS.md."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.measure import Conditions, Figures
from bench.rows import Row
from bench.servers import MOSQUITTO, MOSQUITTO_NODELAY

RESULTS: Final = Path(__file__).parent / "RESULTS.md"
_OURS_ALONE: Final = "ours alone"
_COLUMNS: Final = (
    "server",
    "msgs/s",
    "ratio",
    "p50 ms",
    "p99 ms",
    "p99 ratio",
    "lost",
    "CPU s per million",
    "server CPU",
    "load CPU",
    "API answers/s",
    "API p50, p99 ms",
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of a row's table: a server, beside an API load or none, and its figures."""

    server: str
    api: str
    figures: Figures


def table(row: Row, cells: Sequence[Cell]) -> str:
    """Return a row's table. Ratios are against the line that `_basis` chooses."""
    lines = ["| " + " | ".join(_COLUMNS) + " |", "|" + "---|" * len(_COLUMNS)]
    basis = _basis(cells)
    lines += ["| " + " | ".join(_texts(cell, basis)) + " |" for cell in cells]
    against = f"{basis.server} {basis.api}".strip()
    return f"### {row.name}: {row.about}\n\n" + "\n".join(lines) + f"\n\nRatios are to {against}.\n"


def _basis(cells: Sequence[Cell]) -> Cell:
    """Compare with ourselves without API load where there is API load, else with Mosquitto."""
    if any(cell.api for cell in cells):
        return next(cell for cell in cells if not cell.api and "mosquitto" not in cell.server)
    for name in (MOSQUITTO, MOSQUITTO_NODELAY):
        for cell in cells:
            if cell.server == name:
                return cell
    return cells[0]


def _texts(cell: Cell, basis: Cell) -> list[str]:
    figures, base = cell.figures, basis.figures
    faults = [
        f"{int(figures[key]):,} {key}"
        for key in ("duplicated", "reordered", "refused", "closed")
        if figures[key]
    ]
    beside = f", {cell.api} ({_OURS_ALONE})" if cell.api else ""
    asked = "api.requests_per_s" in figures
    bad = f" ({int(figures['api.not_200'])} not 200)" if figures.get("api.not_200") else ""
    return [
        cell.server + beside,
        f"{figures['msgs_per_s']:,.0f}",
        _ratio(figures["msgs_per_s"], base["msgs_per_s"]),
        f"{figures['p50_us'] / 1000:.2f}",
        f"{figures['p99_us'] / 1000:.2f}",
        _ratio(figures["p99_us"], base["p99_us"]),
        ", ".join([f"{int(figures['lost']):,}", *faults]),
        f"{figures['cpu_s_per_million']:.1f}",
        f"{figures['watched_cpu_s'] / figures['elapsed_s']:.0%}",
        f"{figures['own_cpu_share']:.0%}",
        f"{figures['api.requests_per_s']:,.1f}{bad}" if asked else "-",
        f"{figures['api.p50_ms']:.1f}, {figures['api.p99_ms']:.1f}" if asked else "-",
    ]


def _ratio(value: float, base: float) -> str:
    return f"{value / base:.2f}" if base else "-"


def write_results(tables: Mapping[str, str], command: str, conditions: Conditions) -> None:
    """Put the tables of this call into RESULTS.md; rows that were not measured stay as they were."""
    kept = _written() if RESULTS.exists() else {}
    note = (
        f"`{command}`, {conditions.seconds:g} s a run, server on core {conditions.server_cores}, "
    )
    note += f"load on core {conditions.load_core}."
    if conditions.overrides:
        changed = ", ".join(f"`{key}={value}`" for key, value in conditions.overrides.items())
        note += f" Changed settings: {changed}."
    for name, text in tables.items():
        heading, rest = text.split("\n", 1)
        kept[name] = f"{heading}\n\n{note}\n{rest}"
    RESULTS.write_text(_introduction() + "\n" + "\n".join(kept.values()))


def _written() -> dict[str, str]:
    """Return the tables of RESULTS.md by the names of their rows."""
    sections = re.split(r"^(?=### )", RESULTS.read_text(), flags=re.MULTILINE)[1:]
    return {section[4 : section.index(":")]: section.rstrip() + "\n" for section in sections}


def _introduction() -> str:
    return (
        "# Figures\n\n"
        "Printed by `make bench`; medians of alternating runs, faults (lost, duplicated, out of\n"
        "order) from the worst. A server is started fresh for each run and shares the machine with\n"
        'the load generator, so ratios say more than numbers. Lines marked "ours alone" have no\n'
        "counterpart: Mosquitto has no such API.\n\n"
        f"Machine: {_processor()}, {os.cpu_count()} cores; Linux {platform.release().split('-')[0]}; "
        f"Python {platform.python_version()}.\n"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
