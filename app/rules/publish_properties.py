"""The properties of a message, from the column in which statements see them: the way back from `printable`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.mqtt.properties import NO_PROPERTIES, Properties
from app.rules.terms.values import bytes_of

_COPIED = {
    "Payload-Format-Indicator": "payload_format_indicator",
    "Message-Expiry-Interval": "message_expiry_interval",
    "Content-Type": "content_type",
    "Response-Topic": "response_topic",
}
PAIRS = "User-Property-Pairs"
CORRELATION = "Correlation-Data"


def properties_of(printed: object) -> Properties:
    """Return the properties that a column `pub_props` stands for; none where it is something else."""
    if not isinstance(printed, Mapping) or not printed:
        return NO_PROPERTIES
    found: dict[str, Any] = {
        name: printed[title] for title, name in _COPIED.items() if title in printed
    }
    if CORRELATION in printed:
        found["correlation_data"] = bytes_of(printed[CORRELATION])
    if PAIRS in printed:
        found["user_property"] = [(pair["key"], pair["value"]) for pair in printed[PAIRS]]
    properties: Properties = found  # type: ignore[assignment]
    return properties or NO_PROPERTIES


def left_of(properties: Properties, waited_ms: int) -> Properties | None:
    """Return the properties of a message that has waited; None where its time is over [MQTT-3.3.2-6]."""
    interval_s = properties.get("message_expiry_interval")
    if interval_s is None:
        return properties
    left_s = interval_s - max(0, waited_ms) // 1000
    return {**properties, "message_expiry_interval": left_s} if left_s > 0 else None


def suited_to(properties: Properties, payload: bytes) -> Properties:
    """Return the properties for another payload, which may not be the text that the first one was."""
    if not properties.get("payload_format_indicator"):
        return properties
    try:
        payload.decode()
    except UnicodeDecodeError:
        return {**properties, "payload_format_indicator": 0}
    return properties
