"""The page of figures: what a call did not measure stays, what is no row any more goes."""

from __future__ import annotations

from bench.report import Measured, details, heading
from bench.results import Entry, entry_of, parse, render
from bench.rows import ROWS
from bench.summary import HEAD


def entries() -> dict[str, Entry]:
    """Return an entry for every row, of figures that nobody took."""
    return {
        row.name: entry_of(
            Measured(row, (), {"amqtt": f"{row.name} was not tried."}), "How it was done."
        )
        for row in ROWS
    }


def test_the_page_is_read_as_it_was_written() -> None:
    assert parse(render(entries(), "# Figures\n")) == entries()


def test_the_summary_comes_first_and_in_the_order_of_the_rows() -> None:
    page = render(dict(reversed(entries().items())), "# Figures\n")
    top = page.split("## Details")[0]
    lines = top[top.index(HEAD) + len(HEAD) :].strip().splitlines()
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines] == [r.name for r in ROWS]


def test_what_is_no_row_any_more_goes() -> None:
    page = render(entries(), "# Figures\n")
    changed = page.replace(heading(ROWS[0]), "### gone: a row of old")
    assert list(parse(changed)) == [row.name for row in ROWS[1:]]


def test_a_section_opens_with_its_heading_and_how_it_was_measured() -> None:
    row = ROWS[0]
    section = entry_of(Measured(row, (), {"amqtt": "amqtt failed."}), "`make bench`: once.").section
    assert section == f"{heading(row)}\n\n`make bench`: once.\n\namqtt failed.\n"


def test_a_server_that_failed_is_named_below_the_table() -> None:
    assert details(Measured(ROWS[0], (), {"amqtt": "amqtt failed."})).endswith(
        "\n\namqtt failed.\n"
    )
