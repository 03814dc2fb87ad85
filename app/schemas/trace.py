"""A trace as it is asked for (EMQX 4.4, POST /api/v4/trace), with EMQX's words for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import NamedTuple

from app.mqtt.topic import InvalidTopic, validate_topic_filter
from app.schemas.fields import is_storable

NAME = re.compile("[0-9A-Za-z]+[A-Za-z0-9-_]*")
NAME_MAX_LENGTH = 200
"""A file is named after it."""
FILTER_MAX_LENGTH = 65_535
DEFAULT_DURATION_S = 600
TYPES = ("topic", "clientid", "ip_address")


class TraceRequest(NamedTuple):
    """A trace that may be made."""

    name: str
    type: str
    filter: str
    start_s: int
    end_s: int


class IncorrectTrace(ValueError):
    """What was asked for is no trace; the text is the caller's."""


def read_trace(params: Mapping[str, object], now_s: int) -> TraceRequest:
    """Return the trace that is asked for, what is left out filled in.

    Raises:
        IncorrectTrace: It cannot be.
    """
    name, kind = params.get("name"), params.get("type")
    if name is None:
        raise IncorrectTrace("name required")
    if not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > NAME_MAX_LENGTH:
        raise IncorrectTrace("Name should be ^[0-9A-Za-z]+[A-Za-z0-9-_]*$")
    what = params.get(kind) if isinstance(kind, str) and kind in TYPES else None
    if not isinstance(kind, str) or not isinstance(what, str) or not what:
        raise IncorrectTrace("type=[topic,clientid,ip_address] required")
    if len(what) > FILTER_MAX_LENGTH or not is_storable(what):
        raise IncorrectTrace(f"{kind} invalid")
    start_s = max(_moment(params, "start_at", now_s), now_s)
    end_s = _moment(params, "end_at", start_s + DEFAULT_DURATION_S)
    if end_s <= now_s:
        raise IncorrectTrace("end_at time has already passed")
    if end_s <= start_s:
        raise IncorrectTrace("failed by start_at >= end_at")
    return TraceRequest(name, kind, _filter(kind, what), start_s, end_s)


def _filter(kind: str, what: str) -> str:
    if kind == "topic":
        try:
            validate_topic_filter(what)
        except InvalidTopic as error:
            raise IncorrectTrace(f"topic: {what} invalid by {error}") from None
    elif kind == "ip_address":
        try:
            return str(ip_address(what))
        except ValueError:
            raise IncorrectTrace("ip address: einval") from None
    return what


def _moment(params: Mapping[str, object], key: str, default: int) -> int:
    given = params.get(key)
    if given is None:
        return default
    try:
        moment = datetime.fromisoformat(str(given))
        if moment.tzinfo is None:
            raise ValueError
        return int(moment.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        raise IncorrectTrace(f"The rfc3339 specification not satisfied: {given}") from None
