"""RESULTS.md: the summary of all rows at the top, the details of each below.

A call that measures some rows leaves what the others have; what is no row any more goes. Parts of their own, which have
no rows, stand behind them.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.report import Measured, details, heading
from bench.rows import ROWS
from bench.summary import HEAD, LOAD_IS_FULL, summary_line

RESULTS: Final = Path(__file__).parent / "RESULTS.md"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the page has of a row: its line of the summary, and its section."""

    line: str
    section: str


def write_results(measured: Measured, note: str) -> None:
    """Put a row into RESULTS.md, in place of what was there of it.

    Args:
        measured: The row.
        note: A sentence below the heading: how it was measured.
    """
    page = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    entries = parse(page)
    entries[measured.row.name] = entry_of(measured, note)
    RESULTS.write_text(render(entries, _introduction()) + "".join(parts(page).values()), "utf-8")


def write_part(title: str, text: str) -> None:
    """Put a part of its own behind the rows of RESULTS.md, in place of what was there of it."""
    page = RESULTS.read_text("utf-8")
    others = parts(page)
    rest = page[: len(page) - sum(map(len, others.values()))]
    others[title] = f"\n## {title}\n\n{text}\n"
    RESULTS.write_text(rest + "".join(others.values()), "utf-8")


def parts(page: str) -> dict[str, str]:
    """Return the parts behind the rows, by their titles."""
    _rows, *found = re.split(r"(?=\n## (?!Details\n))", page)
    return {text.split("\n")[1].removeprefix("## "): text for text in found}


def entry_of(measured: Measured, note: str) -> Entry:
    """Return what the page shall have of a row."""
    first, rest = details(measured).split("\n", 1)
    return Entry(summary_line(measured), f"{first}\n\n{note}\n{rest}")


def parse(page: str) -> dict[str, Entry]:
    """Return the entries of a page by the names of their rows."""
    rows = page[: len(page) - sum(map(len, parts(page).values()))]
    top, *sections = re.split(r"^(?=### )", rows, flags=re.MULTILINE)
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in top.splitlines()}
    by_heading = {section.split("\n", 1)[0]: section.rstrip() + "\n" for section in sections}
    return {
        row.name: Entry(lines[row.name], by_heading[heading(row)])
        for row in ROWS
        if heading(row) in by_heading and row.name in lines
    }


def render(entries: Mapping[str, Entry], introduction: str) -> str:
    """Return the page of these entries, in the order of the rows."""
    there = [entries[row.name] for row in ROWS if row.name in entries]
    summary = "\n".join([HEAD, *(entry.line for entry in there)])
    sections = "\n".join(entry.section for entry in there)
    return f"{introduction}\n{summary}\n\n## Details\n\n{sections}"


def _introduction() -> str:
    return (
        "# Figures\n\n"
        "Printed by `make bench`. Ratios are ours to Mosquitto's (with `set_tcp_nodelay` false, then\n"
        "true), in messages (or connects) per second and in CPU seconds per message (or connect); above\n"
        "1 is better. They are ratios of the medians of alternating runs, faults are from the worst run.\n"
        "A server is started fresh for each run, on a core of its own beside that of the load\n"
        f"generator; where that one's core is busy from {LOAD_IS_FULL:.0%} on, a ratio may be its own.\n"
        'Lines marked "ours alone" have no counterpart: Mosquitto has no such API.\n\n'
        f"Machine: {_processor()}, {os.cpu_count()} cores; Linux {platform.release().split('-')[0]}; "
        f"Python {platform.python_version()}.\n"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
