"""Dates and times: RFC 3339, formats with `%Y-%m-%d %H:%M:%S.%3N%:z`, offsets such as `+08:00`, `Z` and `local`.

Units are `second`, `millisecond`, `microsecond` and `nanosecond`. Two of EMQX 4.4.19's results are not repeated: it
forgets the 29th of February in dates after it, and counts a parsed offset in the unit of the fraction.

Source: EMQX 4.4 `emqx_calendar`, Erlang's `calendar`.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction

from app.rules.functions.function import ANY, INTEGER, TEXT, Function
from app.rules.terms.errors import RuleError
from app.rules.terms.scope import Scope
from app.rules.terms.values import Value

PER_SECOND = {"second": 1, "millisecond": 10**3, "microsecond": 10**6, "nanosecond": 10**9}
_FRACTION_DIGITS = {"second": 0, "millisecond": 3, "microsecond": 6, "nanosecond": 9}
_DAY_S = 86_400
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_LAST_S = (date(9999, 12, 31).toordinal() - _EPOCH_DAY + 1) * _DAY_S - 1
_FIRST_S = (1 - _EPOCH_DAY) * _DAY_S

_OFFSET = re.compile(r"([+-])(?:([0-9]{2})([0-9]{2})|([0-9]+):([0-9]+)(?::([0-9]+))?)")
_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
    r"(?:([Zz])|([+-][0-9]{2}:[0-9]{2}))"
)
_TOKEN = re.compile(r"%(?:[YmdHMSNz]|[36]N|::?z)")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_LENGTHS = {
    "%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%M": 2, "%S": 2, "%3N": 3, "%6N": 6, "%N": 9,
    "%z": 5, "%:z": 6, "%::z": 9,
}  # fmt: skip
"""Characters that a token reads."""
_FRACTIONS = {"%3N": "millisecond", "%6N": "microsecond", "%N": "nanosecond"}


def per_second(unit: Value) -> int:
    """Return how many of a unit make a second.

    Raises:
        RuleError: there is no such unit.
    """
    if type(unit) is str and unit in PER_SECOND:
        return PER_SECOND[unit]
    raise RuleError("function_clause: units are second, millisecond, microsecond, nanosecond")


def _now(scope: Scope, unit: Value) -> int:
    return scope.context.now_ns() * per_second(unit) // PER_SECOND["nanosecond"]


def _local_offset_s(at_s: int) -> int:
    return time.localtime(_checked(at_s)).tm_gmtoff


def _checked(at_s: int) -> int:
    if not _FIRST_S <= at_s <= _LAST_S:
        raise RuleError("badarg: a time outside of the years 1 to 9999")
    return at_s


@dataclass(frozen=True, slots=True)
class _Moment:
    """A moment as a calendar and a clock show it."""

    date: date
    hour: int
    minute: int
    second: int


def _moment(at_s: int) -> _Moment:
    days, seconds = divmod(_checked(at_s), _DAY_S)
    return _Moment(
        date.fromordinal(_EPOCH_DAY + days), seconds // 3600, seconds // 60 % 60, seconds % 60
    )


def offset_s(offset: Value, now_s: int) -> int:
    """Return the seconds that an offset stands for.

    Args:
        offset: seconds, `local`, `Z`, `+08:00`, `+0800` or `+08:00:00`; `UNDEFINED` is none.
        now_s: when `local` is asked for.

    Raises:
        RuleError: it is no offset.
    """
    if type(offset) is int:
        return offset
    if offset == "local":
        return _local_offset_s(now_s)
    if offset in {"Z", "z"}:
        return 0
    match = _OFFSET.fullmatch(offset) if type(offset) is str else None
    if match is None:
        raise RuleError("bad_time_offset")
    sign, *parts = match.groups()
    hour, minute, second = (int((part or "0")[:9]) for part in _of_three(parts))
    for name, number, most in (("hour", hour, 23), ("minute", minute, 59), ("second", second, 59)):
        if number > most:
            raise RuleError(f"bad_time_offset_{name}: {number}")
    seconds = hour * 3600 + minute * 60 + second
    return seconds if sign == "+" else -seconds


def _of_three(parts: list[str | None]) -> tuple[str | None, str | None, str | None]:
    return (parts[0], parts[1], None) if parts[0] else (parts[2], parts[3], parts[4])


def _offset_text(seconds: int, shape: str) -> str:
    sign = "+" if seconds >= 0 else "-"
    minutes, second = divmod(abs(seconds), 60)
    hour, minute = divmod(minutes, 60)
    if shape == "%z":
        return f"{sign}{hour:02}{minute:02}"
    text = f"{sign}{hour:02}:{minute:02}"
    return text if shape == "%:z" else f"{text}:{second:02}"


# -- RFC 3339 -----------------------------------------------------------------------------------


def unix_ts_to_rfc3339(epoch: int, unit: str = "second") -> str:
    """Return a time as RFC 3339 writes it, in the machine's zone."""
    factor = per_second(unit)
    at_s, rest = divmod(epoch, factor)
    offset = _local_offset_s(at_s)
    moment = _moment(at_s + offset)
    digits = _FRACTION_DIGITS[unit]
    fraction = f".{rest:0{digits}}" if digits else ""
    clock = f"{moment.hour:02}:{moment.minute:02}:{moment.second:02}{fraction}"
    return f"{_date_text(moment.date)}T{clock}{_offset_text(offset, '%:z')}"


def _date_text(day: date) -> str:
    return f"{day.year:04}-{day.month:02}-{day.day:02}"


def now_rfc3339(scope: Scope, unit: str = "second") -> str:
    """Return the present time as RFC 3339 writes it."""
    return unix_ts_to_rfc3339(_now(scope, unit), unit)


def rfc3339_to_unix_ts(text: str, unit: str = "second") -> int:
    """Return the time that an RFC 3339 text says."""
    factor = per_second(unit)
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise RuleError(f"badarg: {text[:40]!r} is no time of RFC 3339")
    *parts, fraction, zulu, offset = match.groups()
    try:
        moment = datetime(*(int(part) for part in parts), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError as error:
        raise RuleError(f"badarg: {error}") from None
    days = moment.toordinal() - _EPOCH_DAY
    seconds = days * _DAY_S + moment.hour * 3600 + moment.minute * 60 + moment.second
    seconds -= 0 if zulu else offset_s(offset, 0)
    if not fraction or factor == 1:
        return seconds * factor
    part = int(Fraction("0" + fraction[:20]) * factor + Fraction(1, 2))
    return seconds * factor + (part if seconds >= 0 else -part)


def now_timestamp(scope: Scope, unit: str = "second") -> int:
    """Return the present time."""
    return _now(scope, unit)


# -- formats ------------------------------------------------------------------------------------


def format_date(scope: Scope, unit: Value, offset: Value, shape: str, *epoch: int) -> str:
    """Return a time, the present one unless one is given, in a format and at an offset."""
    factor = per_second(unit)
    at = epoch[0] if epoch else _now(scope, unit)
    shift = offset_s(offset, _now(scope, "second"))
    moment = _moment(at // factor + shift)
    nanoseconds = at % factor * (PER_SECOND["nanosecond"] // factor)
    words = {
        "%Y": f"{moment.date.year:04}",
        "%m": f"{moment.date.month:02}",
        "%d": f"{moment.date.day:02}",
        "%H": f"{moment.hour:02}",
        "%M": f"{moment.minute:02}",
        "%S": f"{moment.second:02}",
        "%N": f"{nanoseconds:09}",
        "%6N": f"{nanoseconds // 10**3:06}",
        "%3N": f"{nanoseconds // 10**6:03}",
    }

    def filled(match: re.Match[str]) -> str:
        return words.get(match[0]) or _offset_text(shift, match[0])

    return _TOKEN.sub(filled, shape)


def date_to_unix_ts(scope: Scope, unit: Value, *rest: str) -> int:
    """Return the time that a text says: `unit, format, text`, an offset behind the unit where the text has none."""
    factor = per_second(unit)
    *offset, shape, text = rest
    shift = offset_s(offset[0], _now(scope, "second")) if offset else 0
    if type(shape) is not str or type(text) is not str:
        raise RuleError("function_clause: date_to_unix_ts takes a format and a text")
    nanoseconds = _parsed_ns(shape, text)
    return nanoseconds * factor // PER_SECOND["nanosecond"] - shift * factor


def _parsed_ns(shape: str, text: str) -> int:
    found: dict[str, str] = {}
    left = text.encode()
    for piece in _pieces(shape):
        if not left:
            break
        length = _LENGTHS.get(piece, len(piece.encode()))
        if len(left) < length:
            raise RuleError("badmatch: the text ends before its format")
        if piece in _LENGTHS:
            found[piece] = left[:length].decode("utf-8", "replace")
        left = left[length:]
    return _nanoseconds(found)


def _pieces(shape: str) -> list[str]:
    """Return a format's tokens and the texts between them."""
    return [piece for piece in re.split(f"({_TOKEN.pattern})", shape) if piece]


def _nanoseconds(found: dict[str, str]) -> int:
    """Return nanoseconds since the epoch.

    What is not said is the epoch's, but a day that is not said is the one before the first, as in EMQX.
    """
    numbers: dict[str, int] = {}
    offset = 0
    for token, text in found.items():
        if token.endswith("z"):
            offset = offset_s(text, 0)
        elif _INTEGER.fullmatch(text):
            numbers[token] = int(text)
        else:
            raise RuleError(f"badarg: {text!r} is no number")
    try:
        first = date(numbers.get("%Y", 1970), numbers.get("%m", 1), 1)
    except ValueError as error:
        raise RuleError(f"badarg: {error}") from None
    days = first.toordinal() - _EPOCH_DAY + numbers.get("%d", 0) - 1
    clock = (numbers.get(token, 0) * size for token, size in (("%H", 3600), ("%M", 60), ("%S", 1)))
    nanoseconds = (days * _DAY_S + sum(clock) - offset) * PER_SECOND["nanosecond"]
    for token, unit in _FRACTIONS.items():
        nanoseconds += numbers.get(token, 0) * (PER_SECOND["nanosecond"] // PER_SECOND[unit])
    return nanoseconds


def timezone_to_second(scope: Scope, offset: Value) -> int:
    """Return the seconds that an offset stands for."""
    return offset_s(offset, _now(scope, "second"))


def mongo_date(scope: Scope, *given: Value) -> list[int]:
    """Return a time as MongoDB's driver takes it: millions of seconds, seconds and microseconds."""
    if given:
        at, unit = given[0], (given[1] if len(given) > 1 else "millisecond")
        milliseconds = at * PER_SECOND["millisecond"] // per_second(unit)
        microseconds = milliseconds * 1000
    else:
        microseconds = _now(scope, "microsecond")
    seconds, left = divmod(microseconds, 10**6)
    return [seconds // 10**6, seconds % 10**6, left]


FUNCTIONS = {
    "now_rfc3339": Function(now_rfc3339, (TEXT,), optional=1, sees_scope=True),
    "unix_ts_to_rfc3339": Function(unix_ts_to_rfc3339, (INTEGER, TEXT), optional=1),
    "rfc3339_to_unix_ts": Function(rfc3339_to_unix_ts, (TEXT, TEXT), optional=1),
    "now_timestamp": Function(now_timestamp, (TEXT,), optional=1, sees_scope=True),
    "format_date": Function(format_date, (ANY, ANY, TEXT, INTEGER), optional=1, sees_scope=True),
    "date_to_unix_ts": Function(
        date_to_unix_ts, (ANY, ANY, ANY, TEXT), optional=1, sees_scope=True
    ),
    "timezone_to_second": Function(timezone_to_second, (ANY,), sees_scope=True),
    "mongo_date": Function(mongo_date, (INTEGER, TEXT), optional=2, sees_scope=True),
}
