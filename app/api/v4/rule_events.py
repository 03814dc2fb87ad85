"""The events that rules can be about, in the words of the fourth generation."""

from __future__ import annotations

from app.api import rule_rows
from app.api.endpoint import Answer, Call
from app.api.v4.dialect import success
from app.rules.events import EVENTS
from app.services import Services


def list_events(_services: Services, _call: Call) -> Answer:
    """List the events, with their columns and an example each."""
    return success(
        [
            {
                "event": event.topic,
                "title": dict(event.title),
                "description": dict(event.description),
                "test_columns": dict(event.test_columns),
                "columns": list(event.columns),
                "sql_example": event.sql_example,
            }
            for event in EVENTS.values()
        ]
    )


ENDPOINTS = rule_rows.endpoints(
    "v4", (("GET", "/rule_events", list_events, "A list of all events"),)
)
