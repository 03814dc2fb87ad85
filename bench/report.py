"""The details: a table of figures for each row, one line per server, for people to read.

Knows figures and rows, but neither how they were measured nor where the tables go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from bench.measure import Figures
from bench.rows import MOSQUITTO, Kind, Row
from bench.servers import GODWIT, MOSQUITTO_NODELAY

_OURS_ALONE: Final = "ours alone"
_FAULTS: Final = ("lost", "duplicated", "reordered", "refused", "closed")


@dataclass(frozen=True, slots=True)
class Cell:
    """One line of a row's table: a server, beside an API load or none, and its figures."""

    server: str
    api: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of a row: a cell for each server that could do it, a sentence for each that failed."""

    row: Row
    cells: Sequence[Cell]
    failures: Mapping[str, str] = field(default_factory=dict)

    def of(self, server: str) -> Figures | None:
        """Return the figures of a server beside no API load; None where it has none."""
        for cell in self.cells:
            if cell.server == server and not cell.api:
                return cell.figures
        return None


class _Column(NamedTuple):
    title: str
    text: Callable[[Figures, Figures], str]
    """Of a line's figures, and of those that it is compared with."""


def better(value: float, base: float) -> str:
    """Return how many times more it is, `-` where there is nothing to compare with."""
    return f"{value / base:.2f}" if base else "-"


def faults(figures: Figures) -> str:
    """Return what went wrong, such as `3 lost, 1 closed`; empty where nothing did."""
    return ", ".join(f"{int(figures[key]):,} {key}" for key in _FAULTS if figures[key])


def details(measured: Measured) -> str:
    """Return the section of a row: heading, table, and what else is to be said."""
    columns = _COLUMNS[measured.row.kind]
    if measured.row.api:
        columns += _API_COLUMNS
    if any(api.asked_per_page_s for api in measured.row.api):
        columns += _PAGE_COLUMNS
    parts = [heading(measured.row)]
    if measured.cells:
        basis = _basis(measured.cells)
        titles = ["server", *(column.title for column in columns)]
        lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
        for cell in measured.cells:
            texts = [column.text(cell.figures, basis.figures) for column in columns]
            lines.append("| " + " | ".join([_name(cell), *texts]) + " |")
        parts += ["\n".join(lines), f"Ratios are to {basis.server}; above 1 is better."]
    return "\n\n".join([*parts, *measured.failures.values()]) + "\n"


def heading(row: Row) -> str:
    """Return the line above a row's table, by which it is found again."""
    return f"### {row.name}: {row.about}"


def _basis(cells: Sequence[Cell]) -> Cell:
    """Compare with ourselves without API load where there is API load, else with Mosquitto."""
    wanted = (MOSQUITTO, MOSQUITTO_NODELAY)
    if any(cell.api for cell in cells):
        wanted = (GODWIT, MOSQUITTO)
    for name in wanted:
        for cell in cells:
            if cell.server == name and not cell.api:
                return cell
    return cells[0]


def _name(cell: Cell) -> str:
    return f"{cell.server}, {cell.api} ({_OURS_ALONE})" if cell.api else cell.server


def _ms(key: str) -> Callable[[Figures, Figures], str]:
    return lambda own, _base: f"{own[key] / 1000:.2f}"


def _more(key: str) -> Callable[[Figures, Figures], str]:
    return lambda own, base: better(own[key], base[key])


def _less(key: str) -> Callable[[Figures, Figures], str]:
    return lambda own, base: better(base[key], own[key])


def _answers(own: Figures, _base: Figures) -> str:
    if "api.requests_per_s" not in own:
        return "-"
    bad = f" ({int(own['api.not_200'])} not 200)" if own["api.not_200"] else ""
    return f"{own['api.requests_per_s']:,.1f}{bad}"


def _answer_times(own: Figures, _base: Figures) -> str:
    return f"{own['api.p50_ms']:.1f}, {own['api.p99_ms']:.1f}" if "api.p50_ms" in own else "-"


def _each_page(key: str) -> Callable[[Figures, Figures], str]:
    """Return what one page costs of a core: what is spent more than without pages, for each of them."""

    def said(own: Figures, base: Figures) -> str:
        if not own.get("api.pages"):
            return "-"
        return f"{(own[key] - base[key]) / own['api.pages']:.2%}"

    return said


def _messages_of_a_page(own: Figures, base: Figures) -> str:
    if not own.get("api.pages"):
        return "-"
    return f"{(1 - own['msgs_per_s'] / base['msgs_per_s']) / own['api.pages']:.2%}"


_FAULTS_COLUMN: Final = _Column("faults", lambda own, _base: faults(own) or "none")
_MEMORY: Final = (
    _Column("bytes each", lambda own, _base: f"{own['bytes_each']:,.0f}"),
    _Column("ratio", _less("bytes_each")),
    _Column("resident MB", lambda own, _base: f"{own['watched_rss_kb'] / 1024:,.0f}"),
    _Column("CPU when idle", lambda own, _base: f"{own['watched_cpu_s'] / own['elapsed_s']:.1%}"),
    _FAULTS_COLUMN,
)
_CONNECTS: Final = (
    _Column("connects/s", lambda own, _base: f"{own['connects_per_s']:,.0f}"),
    _Column("ratio", _more("connects_per_s")),
    _Column("p50 ms", _ms("connect_p50_us")),
    _Column("p99 ms", _ms("connect_p99_us")),
    _Column("CPU s per thousand", lambda own, _base: f"{own['cpu_s_per_thousand']:.3f}"),
    _Column("CPU ratio", _less("cpu_s_per_thousand")),
    _Column("load CPU", lambda own, _base: f"{own['connect_own_cpu_s'] / own['connect_s']:.0%}"),
)
_MESSAGES: Final = (
    _Column("msgs/s", lambda own, _base: f"{own['msgs_per_s']:,.0f}"),
    _Column("ratio", _more("msgs_per_s")),
    _Column("p50 ms", _ms("p50_us")),
    _Column("p99 ms", _ms("p99_us")),
    _Column("p99 ratio", _less("p99_us")),
    _FAULTS_COLUMN,
    _Column("CPU s per million", lambda own, _base: f"{own['cpu_s_per_million']:.2f}"),
    _Column("CPU ratio", _less("cpu_s_per_million")),
    _Column("server CPU", lambda own, _base: f"{own['watched_cpu_s'] / own['elapsed_s']:.0%}"),
    _Column("load CPU", lambda own, _base: f"{own['own_cpu_share']:.0%}"),
)
_API_COLUMNS: Final = (
    _Column("API answers/s", _answers),
    _Column("API p50, p99 ms", _answer_times),
)
_PAGE_COLUMNS: Final = (
    _Column("a page: requests, of a core", _each_page("requests_share")),
    _Column("a page: the process, of a core", _each_page("server_share")),
    _Column("a page: of the messages", _messages_of_a_page),
    _Column("msgs/s of all runs", lambda own, _base: f"{own['least']:,.0f} to {own['most']:,.0f}"),
)
_COLUMNS: Final = {
    Kind.MESSAGES: _MESSAGES,
    Kind.CONNECTS: (*_CONNECTS, *_MEMORY),
    Kind.MEMORY: _MEMORY,
}
