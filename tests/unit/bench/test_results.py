"""The page of figures: what a call did not measure stays, what is no row any more goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import results
from bench.report import Measured, details, heading
from bench.results import (
    Entry,
    entry_of,
    parse,
    parts,
    render,
    write_part,
    write_results,
)
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


def test_parts_behind_the_rows_are_kept_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "RESULTS.md"
    monkeypatch.setattr(results, "RESULTS", page)
    page.write_text(render(entries(), "# Figures\n"), "utf-8")
    write_part("Storms", "some wind")
    write_part("Other", "more")
    write_part("Storms", "a storm")
    write_results(Measured(ROWS[0], (), {"amqtt": "amqtt failed."}), "Once.")
    text = page.read_text("utf-8")
    assert parts(text) == {
        "Storms": "\n## Storms\n\na storm\n",
        "Other": "\n## Other\n\nmore\n",
    }
    assert "some wind" not in text
    assert parse(text)[ROWS[1].name] == entries()[ROWS[1].name]
    assert "Once." in parse(text)[ROWS[0].name].section
