"""What a list was asked for, and what it shows."""

from __future__ import annotations

import pytest
from flask import Flask

from app.dashboard.tables import Column, Filter, Table, TableState, TableView

TABLE = Table(
    id="things",
    path="/things",
    columns=(Column("name", "Name", sortable=True), Column("size", "Size", sortable=True)),
    filters=(Filter("name", "Name"), Filter("kind", "Kind", (("a", "A"), ("b", "B")))),
)
ROWS = [
    {"name": f"thing {number}", "size": number % 7 or None, "kind": "ab"[number % 2]}
    for number in range(45)
]


def asked(query: str) -> TableState:
    with Flask("x").test_request_context(f"/dashboard/things?{query}"):
        return TABLE.asked()


@pytest.mark.parametrize("query", ["", "page=0", "page=x", "limit=7", "sort=colour", "other=1"])
def test_what_cannot_be_read_means_nothing(query):
    assert asked(query) == TableState()


def test_the_state_is_in_the_address():
    state = asked("name=%20pump%20&kind=a&sort=size&desc=1&limit=50&page=3")
    assert state == TableState(3, 50, "size", True, {"name": "pump", "kind": "a"})
    assert state.query(page=1)["page"] == ""


def test_a_short_list_is_filtered_sorted_and_paged_in_memory():
    found = TableView.in_memory(TABLE, TableState(2, 20, filters={"kind": "b"}), ROWS)
    assert (found.total, len(found.rows), found.has_next) == (22, 2, False)
    assert (found.first, found.last) == (21, 22)
    found = TableView.in_memory(TABLE, TableState(filters={"name": "THING 4"}), ROWS)
    assert [row["name"] for row in found.rows] == ["thing 4", *(f"thing 4{n}" for n in range(5))]


def test_what_there_is_not_is_sorted_before_everything_else():
    state = TableState(sort="size", is_descending=False)
    assert [row["size"] for row in TableView.in_memory(TABLE, state, ROWS).rows][:8] == [
        None
    ] * 7 + [1]


def test_a_second_click_sorts_the_other_way_round():
    with Flask("x").test_request_context("/dashboard/things"):
        name = TABLE.columns[0]
        once = TableView(TABLE, TableState(page=4, sort="name"), ROWS, 45, False)
        assert once.sort_link(name) == "/dashboard/things?sort=name&desc=1"
        twice = TableView(TABLE, TableState(sort="name", is_descending=True), ROWS, 45, False)
        assert twice.sort_link(name) == "/dashboard/things?sort=name"
        assert (once.sorted_how(name), twice.sorted_how(name)) == ("ascending", "descending")


def test_a_column_that_knows_one_order_only_is_sorted_or_not():
    column = Column("load", "Load", sortable=True, largest_first=True)
    with Flask("x").test_request_context("/dashboard/things"):
        unsorted = TableView(TABLE, TableState(), ROWS, 45, False)
        assert unsorted.sort_link(column) == "/dashboard/things?sort=load"
        ordered = TableView(TABLE, TableState(sort="load"), ROWS, 45, False)
        assert ordered.sort_link(column) == "/dashboard/things"
        assert ordered.sorted_how(column) == "descending"
