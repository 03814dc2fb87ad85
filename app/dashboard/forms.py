"""Forms that are drawn from tables of parameters, and numbers and times as pages show them.

Actions, resources and plugins declare what may be set as data; here that becomes fields, and what a browser sends
becomes values again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from markupsafe import Markup, escape

from app.dashboard.heard import heard
from app.dashboard.texts import _, language
from app.errors import ResultCode, ServiceError

_WIDGETS = {
    "password": "password",
    "number": "number",
    "boolean": "switch",
    "object": "pairs",
    "array": "json",
    "file": "textarea",
}
_UNIX_TIME = re.compile(r"(\d+) \(Unix (milli|毫|)(?:seconds|秒)\)")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form; the macro `field` of `parts/form.html` draws it."""

    name: str
    title: str
    """In the reader's language."""
    widget: str = "text"
    """text, password, number, switch, choice, textarea, pairs (`key: value` lines) or json."""
    description: str = ""
    is_required: bool = False
    value: Any = None
    choices: tuple[object, ...] = ()

    def shown(self) -> str:
        """Return the value as it stands in the field."""
        if self.value is None:
            return ""
        if self.widget == "pairs" and isinstance(self.value, Mapping):
            return "\n".join(f"{key}: {value}" for key, value in self.value.items())
        if isinstance(self.value, list | dict | bool):
            return orjson.dumps(self.value).decode()
        return str(self.value)


def fields_of(
    specifications: Mapping[str, Any], values: Mapping[str, Any] | None = None
) -> list[Field]:
    """Return the fields for parameters as services show them (`GET /api/v4/resource_types`).

    Args:
        specifications: By name: `type`, `title`, `description`, `required`, `default`, `enum`, `input`.
        values: What is set already.
    """
    ordered = sorted(specifications.items(), key=lambda item: item[1].get("order", 0))
    return [_field(name, row, values or {}) for name, row in ordered]


def _field(name: str, row: Mapping[str, Any], values: Mapping[str, Any]) -> Field:
    kinds = row["type"] if isinstance(row["type"], list) else [row["type"]]
    # What may be a text as well, such as `${qos}` in the place of a number, is typed as one.
    widget = "text" if "string" in kinds else _WIDGETS.get(kinds[0], "text")
    if row.get("enum"):
        widget = "choice"
    elif row.get("input") in ("textarea", "editor"):
        widget = "textarea"
    return Field(
        name=name,
        title=_in_language(row.get("title", name)),
        widget=widget,
        description=_in_language(row.get("description", "")),
        is_required=bool(row.get("required")),
        value=values.get(name, row.get("default")),
        choices=tuple(row.get("enum", ())),
    )


def _in_language(words: object) -> str:
    if isinstance(words, Mapping):
        return str(words.get(language()) or words.get("en", ""))
    return str(words)


def values_of(fields: Iterable[Field], sent: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed into fields, in JSON's types; an empty field that is not required is left out.

    Raises:
        ServiceError: BAD_PARAMETER; something cannot be read, in the reader's language.
    """
    values: dict[str, Any] = {}
    for field in fields:
        text = sent.get(field.name, "")
        if field.widget == "switch":
            values[field.name] = text != ""
        elif text != "":
            values[field.name] = _read(field, text)
        elif field.is_required:
            raise ServiceError(
                ResultCode.BAD_PARAMETER, _("{title} must not be empty", title=field.title)
            )
    return values


def _read(field: Field, text: str) -> Any:
    if field.widget == "choice":
        return next((one for one in field.choices if str(one) == text), text)
    try:
        return _READERS.get(field.widget, str)(text)
    except ValueError:
        message = _("{title} cannot be read", title=field.title)
        raise ServiceError(ResultCode.BAD_PARAMETER, message) from None


def _number(text: str) -> int | float:
    return int(text) if text.strip().lstrip("+-").isdecimal() else float(text)


def _pairs(text: str) -> dict[str, str]:
    lines = [line.partition(":") for line in text.splitlines() if line.strip()]
    if not all(separator for _key, separator, _value in lines):
        raise ValueError(text)
    return {key.strip(): value.strip() for key, _separator, value in lines}


_READERS: Mapping[str, Callable[[str], Any]] = {
    "number": _number,
    "pairs": _pairs,
    "json": orjson.loads,
}


def time_tag(at_ms: float | None) -> Markup:
    """Return a moment; scripts say it in the viewer's zone, relative to now. None is a dash."""
    if at_ms is None:
        return Markup("\u2013")
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return Markup('<time datetime="{}" data-relative>{}</time>').format(
        at.isoformat(timespec="seconds"), at.strftime("%Y-%m-%d %H:%M:%S UTC")
    )


def moments(text: str) -> Markup:
    """Return a text with the times in it, which other rooms say in Unix time, in the viewer's zone."""
    said, at = Markup(), 0
    for found in _UNIX_TIME.finditer(text):
        number, is_milliseconds = int(found[1]), bool(found[2])
        if (moment := _moment(number if is_milliseconds else number * 1000)) is None:
            continue
        said += escape(text[at : found.start()]) + Markup(
            '<time datetime="{}" data-exact>{}</time>'
        ).format(moment.isoformat(timespec="seconds"), moment.strftime("%Y-%m-%d %H:%M:%S UTC"))
        at = found.end()
    return said + escape(text[at:])


def _moment(at_ms: int) -> datetime | None:
    """Return when it is; None in years that have no date."""
    try:
        return datetime.fromtimestamp(at_ms // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def count(number: float) -> str:
    """Return a number with thin spaces between thousands."""
    return f"{number:,.0f}".replace(",", "\u202f")


def size(number: float) -> str:
    """Return bytes in a unit that reads well."""
    for unit in ("B", "KB", "MB", "GB"):
        if number < 1024:
            return (
                f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
            )
        number /= 1024
    return f"{number:.1f} TB"


def duration(seconds: float) -> str:
    """Return a span of time in its two largest units."""
    days, rest = divmod(int(seconds), 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    if days:
        return _("{days} d {hours} h", days=days, hours=hours)
    if hours:
        return _("{hours} h {minutes} min", hours=hours, minutes=minutes)
    if minutes:
        return _("{minutes} min {seconds} s", minutes=minutes, seconds=left)
    return _("{seconds} s", seconds=left)


_CODE = re.compile("`([^`<>]+)`")
_BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
"""Words of a browser's own description, the particular ones first; most name Chrome and Safari as well."""
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iOS",
    "iPad": "iPadOS",
    "Windows": "Windows",
    "Mac OS": "macOS",
}


def browser(described: str) -> str:
    """Return a browser's own description in two words."""
    name = next((said for word, said in _BROWSERS.items() if word in described), "")
    system = next((said for word, said in _SYSTEMS.items() if word in described), "Linux")
    return f"{name} · {system}" if name else described[:60] or "\u2013"


def marked(text: str) -> Markup:
    """Return a text with what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped right here


FILTERS: dict[str, Callable[..., object]] = {
    "time_tag": time_tag,
    "moments": moments,
    "browser": browser,
    "count": count,
    "size": size,
    "duration": duration,
    "heard": heard,
    "marked": marked,
}
