"""The table of a row: what a page of the dashboard costs is what comes on top, for each of those that are open."""

from __future__ import annotations

from bench.measure import Figures, derived
from bench.report import Cell, Measured, details
from bench.rows import ROWS
from bench.servers import GODWIT

ROW = next(row for row in ROWS if row.name == "dashboard-loop")


def figures(
    msgs_per_s: float, server_share: float, requests_share: float, **more: float
) -> Figures:
    """Return figures of one second in which nothing went wrong."""
    of_nothing = ("lost", "duplicated", "reordered", "refused", "closed", "rss_before_kb")
    raw = dict.fromkeys(of_nothing, 0.0) | {
        "msgs_per_s": msgs_per_s,
        "measured_messages": msgs_per_s,
        "least": msgs_per_s - 5,
        "most": msgs_per_s + 5,
        "watched_cpu_s": server_share,
        "elapsed_s": 1.0,
        "server_share": server_share,
        "requests_share": requests_share,
        "own_cpu_share": 0.25,
        "p50_us": 1000.0,
        "p99_us": 2000.0,
        "clients": 10.0,
        "connect_s": 1.0,
        "connect_cpu_s": 0.5,
        "watched_rss_kb": 20.0,
        **more,
    }
    return raw | derived(raw)


def lines(*cells: Cell) -> list[dict[str, str]]:
    """Return the lines of a row's table by the titles of its columns."""
    table = [line for line in details(Measured(ROW, cells)).splitlines() if line.startswith("|")]
    titles, _rule, *rest = ([one.strip() for one in line.strip("|").split("|")] for line in table)
    return [dict(zip(titles, texts, strict=True)) for texts in rest]


def test_a_page_costs_what_comes_on_top_for_each_that_is_open() -> None:
    asked = {"requests_per_s": 6.0, "not_200": 0.0, "p50_ms": 5.0, "p99_ms": 9.0, "pages": 20.0}
    api = {f"api.{name}": value for name, value in asked.items()}
    alone, beside = lines(
        Cell(GODWIT, "", figures(1000, 0.5, 0.01)),
        Cell(GODWIT, ROW.api[0].name, figures(900, 0.6, 0.05, **api)),
    )
    assert alone["a page: requests, of a core"] == alone["a page: of the messages"] == "-"
    assert beside["a page: requests, of a core"] == "0.20%"
    assert beside["a page: the process, of a core"] == "0.50%"
    assert beside["a page: of the messages"] == "0.50%"
    assert beside["msgs/s of all runs"] == "895 to 905"
