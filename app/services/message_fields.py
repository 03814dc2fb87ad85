"""The payload and the MQTT 5 properties of a message, as a JSON request spells them.

A property gets through only if it can stand on the wire: right type, in range, text without NUL and at most 65,535
bytes long. Everything else is result code 108. Source: seed 004, POST /api/v4/mqtt/publish.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from app.errors import ResultCode, ServiceError
from app.mqtt.topic import InvalidTopic, validate_topic_name

MAX_TEXT_BYTES = 65_535


def bad_params() -> ServiceError:
    """Return the error for a request that cannot be read."""
    return ServiceError(ResultCode.BAD_PARAMETER)


def payload_of(params: Mapping[str, object]) -> bytes:
    """Return the payload: text as it is or from base64, any other JSON as its text.

    Raises:
        ServiceError: The text is no base64, though `encoding` says so (108).
    """
    payload = params.get("payload", "")
    if params.get("encoding") == "base64":
        return _from_base64(payload)
    return payload.encode() if isinstance(payload, str) else orjson.dumps(payload)


def properties_of(params: Mapping[str, object]) -> dict[str, object]:
    """Return the message's properties under the names of `app.mqtt.properties`.

    Raises:
        ServiceError: A property is unknown or cannot be sent, or `properties` is there and empty (108).
    """
    properties: dict[str, object] = {}
    asked = params.get("properties")
    if "properties" in params and (not isinstance(asked, dict) or not asked):
        raise bad_params()
    for name, value in asked.items() if isinstance(asked, dict) else ():
        row = _TABLE.get(name)
        if row is None:
            raise bad_params()
        properties[row.property] = row.read(value)
    if "user_properties" in params:
        # The older place for them, on top of the message itself; these come first.
        pairs = _user_properties(params["user_properties"])
        later = properties.get("user_property", [])
        assert isinstance(later, list)
        properties["user_property"] = pairs + later
    return properties


def _from_base64(payload: object) -> bytes:
    if not isinstance(payload, str):
        raise bad_params()
    try:
        return base64.b64decode("".join(payload.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise bad_params() from error


def _integer(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise bad_params()
        return value

    return read


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value or len(value.encode()) > MAX_TEXT_BYTES:
        raise bad_params()
    return value


def _binary(value: object) -> bytes:
    if not isinstance(value, str) or len(value.encode()) > MAX_TEXT_BYTES:
        raise bad_params()
    return value.encode()


def _topic_name(value: object) -> str:
    try:
        validate_topic_name(text := _text(value))
    except InvalidTopic as error:
        raise bad_params() from error
    return text


def _identifiers(value: object) -> list[int]:
    return [_integer(1, 268_435_455)(value)]


def _user_properties(value: object) -> list[tuple[str, str]]:
    if not isinstance(value, dict):
        raise bad_params()
    return [(_text(name), _text(_as_text(one))) for name, one in value.items()]


def _as_text(value: object) -> object:
    """Return numbers and booleans as JSON writes them; other things as they are."""
    return orjson.dumps(value).decode() if isinstance(value, int | float) else value


@dataclass(frozen=True, slots=True)
class _Row:
    property: str
    read: Callable[[object], object]


_TABLE: dict[object, _Row] = {
    "payload_format_indicator": _Row("payload_format_indicator", _integer(0, 1)),
    "message_expiry_interval": _Row("message_expiry_interval", _integer(0, 0xFFFFFFFF)),
    "response_topic": _Row("response_topic", _topic_name),
    "correlation_data": _Row("correlation_data", _binary),
    "user_properties": _Row("user_property", _user_properties),
    "subscription_identifier": _Row("subscription_identifier", _identifiers),
    "content_type": _Row("content_type", _text),
}
"""The request's word, the property of `app.mqtt.properties`, what may be sent."""
