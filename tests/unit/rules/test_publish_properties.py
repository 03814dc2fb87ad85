"""Properties to the column and back."""

from __future__ import annotations

import pytest

from app.mqtt.properties import NO_PROPERTIES, Properties
from app.rules.event_columns import printable
from app.rules.publish_properties import left_of, properties_of, suited_to


@pytest.mark.parametrize(
    "properties",
    [
        NO_PROPERTIES,
        Properties(
            payload_format_indicator=1,
            message_expiry_interval=10,
            content_type="text/plain",
            response_topic="r",
            correlation_data=b"\xff\x00",
            user_property=[("a", "1"), ("a", "2")],
        ),
        Properties(correlation_data=b"text"),
    ],
)
def test_what_was_printed_is_what_it_was(properties: Properties) -> None:
    assert properties_of(printable(properties)) == properties


@pytest.mark.parametrize("column", ["undefined", None, {}, 1])
def test_what_is_no_such_column_stands_for_none(column: object) -> None:
    assert properties_of(column) == {}


def test_time_that_a_message_waits_is_taken_off_its_own() -> None:
    assert left_of(NO_PROPERTIES, 10_000) == {}
    properties = Properties(message_expiry_interval=2)
    assert left_of(properties, 1_500) == {"message_expiry_interval": 1}
    assert left_of(properties, -5) == properties
    assert left_of(properties, 2_000) is None


def test_another_payload_is_called_text_only_where_it_is() -> None:
    properties = Properties(payload_format_indicator=1, content_type="x")
    assert suited_to(properties, b"text") is properties
    assert suited_to(properties, b"\xff")["payload_format_indicator"] == 0
    assert suited_to(NO_PROPERTIES, b"\xff") == {}
