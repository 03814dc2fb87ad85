"""The kinds of events and their examples."""

from __future__ import annotations

import pytest

from app.rules.events import EVENTS, MESSAGE_PUBLISH, event_of
from app.rules.sql import compile_sql

NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_an_event_s_example_is_a_statement_that_runs_over_its_example(name: str) -> None:
    event = EVENTS[name]
    query = compile_sql(event.sql_example)

    assert event_of(query.topics[0]) is (None if event is MESSAGE_PUBLISH else event)
    assert len(query.run(event.example_columns("node@host", NOW_MS))) == 1


def test_an_example_s_times_are_now() -> None:
    columns = EVENTS["client.connected"].example_columns("node@host", NOW_MS)

    assert columns["connected_at"] == columns["timestamp"] == NOW_MS
    assert columns["node"] == "node@host"


def test_events_are_known_by_how_their_names_begin() -> None:
    assert event_of("$events/client_connected_x") is EVENTS["client.connected"]
    assert event_of("$events/client_connack") is EVENTS["client.connack"]
    assert event_of("$events/message_publish") is None
    assert event_of("$events/no_such") is None
    assert event_of("t/#") is None
