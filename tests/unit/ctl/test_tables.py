"""Tables for people: aligned as a terminal shows them, with nothing in them that moves its cursor."""

from __future__ import annotations

import pytest

from app.ctl.tables import columns, pairs, shown, table, width


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    rows = [{"clientid": "c1", "topic": "a/b/c"}, {"clientid": "a-long-one", "topic": "t"}]
    assert table(rows, columns("clientid", "topic")) == [
        "clientid    topic",
        "c1          a/b/c",
        "a-long-one  t",
    ]


def test_a_table_without_rows_is_its_heading() -> None:
    assert table([], columns("clientid", "topic")) == ["clientid  topic"]


def test_a_column_of_numbers_stands_on_the_right_with_its_heading() -> None:
    rows = [{"who": "a", "count": 7}, {"who": "b", "count": 1_000_000}]
    assert table(rows, columns("count", "who")) == [
        "  count  who",
        "      7  a",
        "1000000  b",
    ]


def test_true_and_false_are_no_numbers() -> None:
    assert table([{"on": True}, {"on": False}], columns("on")) == ["on", "true", "false"]


def test_a_heading_may_differ_from_the_member_it_shows() -> None:
    assert table([{"mqueue_len": 3}], columns("enqueued=mqueue_len")) == ["enqueued", "       3"]


def test_a_member_that_a_row_lacks_is_an_empty_cell() -> None:
    rows = [{"identifier": "x", "listen_on": "1"}, {"listen_on": "2"}]
    assert table(rows, columns("identifier", "listen_on")) == [
        "identifier  listen_on",
        "x           1",
        "            2",
    ]


@pytest.mark.parametrize(
    ("text", "cells"),
    [("plain", 5), ("温度", 4), ("ü", 1), ("u\N{COMBINING DIAERESIS}", 1), ("", 0)],
)
def test_width_counts_the_cells_of_a_terminal(text: str, cells: int) -> None:
    assert width(text) == cells


def test_wide_characters_keep_the_columns_aligned() -> None:
    rows = [{"a": "温度", "b": "x"}, {"a": "t", "b": "y"}]
    assert table(rows, columns("a", "b")) == ["a     b", "温度  x", "t     y"]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("two\nlines", "two\\nlines"),
        ("back\x08", "back\\x08"),
        ("right\u202eleft", "right\\u202eleft"),
    ],
)
def test_what_a_client_chose_cannot_move_the_cursor(text: str, seen: str) -> None:
    assert table([{"clientid": text}], columns("clientid"))[1] == seen


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (0.5, "0.5"),
        ({"normal": 2, "kicked": 1}, "normal=2, kicked=1"),
        ([], ""),
        (["a", 1], "a, 1"),
    ],
)
def test_values_are_shown_in_the_words_of_json(value: object, text: str) -> None:
    assert shown(value) == text


def test_facts_are_padded_as_emqx_pads_them() -> None:
    assert pairs({"sysdescr": "Godwit", "version": "0.1.0"}, 10) == [
        "sysdescr  : Godwit",
        "version   : 0.1.0",
    ]


def test_a_name_that_is_longer_than_the_padding_widens_it() -> None:
    assert pairs({"a": 1, "a.long.name": 2}, 3) == ["a          : 1", "a.long.name: 2"]
