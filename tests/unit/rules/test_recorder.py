"""What a rule has recorded, and statements tried on it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.rules.recorder import RECORDING_MAX_BYTES, TRIAL_MAX_S, Recording, shown, try_out
from app.rules.sql import compile_sql
from app.rules.terms.scope import Columns


def a_message(topic: str, payload: str) -> Columns:
    return Columns({"event": "message.publish", "topic": topic, "payload": payload, "timestamp": 1})


CONNECTED = Columns({"event": "client.connected", "clientid": "c", "timestamp": 2})
ROWS = (a_message("t/1", '{"x": 1}'), a_message("t/2", "no json"), CONNECTED)


def tried(sql: str, **more: Any) -> list[dict[str, Any]]:
    outcome = orjson.loads(try_out(compile_sql(sql), ROWS, "r", **more))
    return [{k: v for k, v in one.items() if k not in ("timestamp", "topic")} for one in outcome]


def test_each_event_has_its_result_or_why_there_is_none() -> None:
    first, second, third = tried('SELECT payload.x AS x, metadata.rule_id AS id FROM "t/#"')
    assert first == {"event": "message.publish", "result": {"x": 1, "id": "r"}}
    assert second["error"].startswith("decode_json_failed")
    assert third == {"event": "client.connected", "no_result": "FROM does not match"}


def test_a_statement_about_events_is_tried_on_those() -> None:
    outcome = tried('SELECT clientid FROM "$events/client_connected"')
    assert [list(one)[-1] for one in outcome] == ["no_result", "no_result", "result"]


def test_foreach_gives_a_list() -> None:
    (first, *_) = tried('FOREACH [1, 2] AS n DO n FROM "t/1"')
    assert first["result"] == [{"n": 1}, {"n": 2}]


def test_a_trial_has_an_end() -> None:
    moments = iter((0.0, 1.0, TRIAL_MAX_S + 1, TRIAL_MAX_S + 1))
    outcome = tried('SELECT payload FROM "t/#"', now_s=lambda: next(moments))
    assert ["error" in one for one in outcome] == [False, True, True]


def test_what_is_tried_leaves_the_recording_as_it_was() -> None:
    row = a_message("t/1", '{"x": 1}')
    before = dict(row)
    try_out(compile_sql('SELECT payload.x AS payload FROM "t/1"'), [row], "r")
    assert row == before


@pytest.mark.parametrize(("payload", "kept"), [("x", 3), ("x" * (RECORDING_MAX_BYTES // 2), 2)])
def test_a_recording_is_bounded_by_number_and_by_size(payload: str, kept: int) -> None:
    recording = Recording(3)
    for number in range(5):
        recording.take(a_message(str(number), payload))
    assert [one["topic"] for one in recording.rows()] == ["2", "3", "4"][-kept:]
    recording.clear()
    assert recording.rows() == ()


def test_what_is_recorded_is_shown_as_json() -> None:
    (row,) = orjson.loads(shown([a_message("t", "p")]))
    assert (row["topic"], row["payload"]) == ("t", "p")
