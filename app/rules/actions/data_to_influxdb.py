"""The action `data_to_influxdb`: the result of a rule becomes a point of a measurement.

Source: EMQX Enterprise 4.4, `emqx_backend_influxdb_actions`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.rules.actions.base import (
    ActionSpec,
    ActionType,
    Batches,
    Surroundings,
    resource_param,
)
from app.rules.actions.data_to_sql import DEFAULT_BATCH, ENABLE_BATCH, batch_size
from app.rules.actions.delivery import DELIVERY_PARAMS
from app.rules.actions.line_protocol import Field, Integer, integer, line
from app.rules.actions.queue import Item, Values
from app.rules.errors import ActionFailed, BadArguments
from app.rules.params import Param, Words
from app.rules.resources.influxdb import InfluxTarget
from app.rules.sql import RuleError
from app.rules.templates import Template, find
from app.rules.terms.scope import Columns
from app.rules.terms.values import UNDEFINED, to_json

MOST_AT_ONCE = 1_000
"""Points in one request."""
REQUESTS_AT_ONCE = 4
"""Points say when they were, so that their order does not matter."""
_ALONE = re.compile(r"\$\{([^}]+)\}")
_AS_INTEGER = re.compile(r"\$\{([^}]+)\}i")
_INTEGER = re.compile(r"[+-]?\d{1,19}i", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WORDS = {"true": True, "false": False}

ReadField = Callable[[Values], Field | None]
"""Returns None where there is no such value."""


class PointTemplate:
    """A point with variables."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        """Take the parameters apart.

        Raises:
            BadArguments: One of them is no template.
        """
        as_integers = params["int_suffix"] == "int"
        self._measurement = Template(params["measurement"])
        self._tags = [(Template(key), _tag(value)) for key, value in params["tags"].items()]
        self._fields = [
            (Template(key), _field(value, as_integers=as_integers))
            for key, value in params["fields"].items()
        ]
        self._timestamp = params["timestamp"].strip()

    def fill(self, output: Values, event: Columns, unit: Callable[[int], int]) -> bytes:
        """Return the line.

        Args:
            output: The result of a rule.
            event: What it is about; its time is that of a point that names none.
            unit: Makes milliseconds a time of the resource.

        Raises:
            ActionFailed: It has no form.
        """
        tags = {key.fill_text(output): read(output) for key, read in self._tags}
        fields = {key.fill_text(output): read(output) for key, read in self._fields}
        return line(
            self._measurement.fill_text(output),
            {key: value for key, value in tags.items() if value is not None},
            {key: value for key, value in fields.items() if value is not None},
            self._time(output, event, unit),
        )

    def _time(self, output: Values, event: Columns, unit: Callable[[int], int]) -> int:
        if not self._timestamp:
            return unit(int(event["timestamp"]))
        if variable := _ALONE.fullmatch(self._timestamp):
            return int(integer(_found(output, variable[1])))
        return int(integer(self._timestamp))


def _found(output: Values, path: str) -> Any:
    return find(output, tuple(path.split(".")))


def _tag(value: object) -> Callable[[Values], str | None]:
    text = value if isinstance(value, str) else str(value)
    if variable := _ALONE.fullmatch(text):
        path = variable[1]

        def read(output: Values) -> str | None:
            is_there = _found(output, path) not in (UNDEFINED, None)
            return template.fill_text(output) if is_there else None

        template = Template(text)
        return read
    return Template(text).fill_text


def _field(value: object, *, as_integers: bool) -> ReadField:
    if not isinstance(value, str):
        constant = _typed(value, as_integers=as_integers)
        return lambda _output: constant
    if alone := _ALONE.fullmatch(value):
        return lambda output: _typed(_found(output, alone[1]), as_integers=as_integers)
    if number := _AS_INTEGER.fullmatch(value):

        def read(output: Values) -> Integer | None:
            found = _found(output, number[1])
            return None if found is UNDEFINED or found is None else integer(found)

        return read
    if "${" in value:
        return Template(value).fill_text
    written = _written(value)
    return lambda _output: written


def _written(text: str) -> Field:
    """Return what a text without variables is in InfluxDB's own words."""
    if _INTEGER.fullmatch(text):
        return Integer(int(text[:-1]))
    if _NUMBER.fullmatch(text):
        return float(text)
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return _WORDS.get(text, text)


def _typed(value: Any, *, as_integers: bool) -> Field | None:
    if value is UNDEFINED or value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return Integer(value) if as_integers else value
    if isinstance(value, bool | float | str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    try:
        return to_json(value)
    except RuleError as error:
        raise ActionFailed(str(error)) from None


def _check(params: Mapping[str, Any]) -> None:
    timestamp = params["timestamp"].strip()
    is_time = not timestamp or _ALONE.fullmatch(timestamp) or re.fullmatch(r"-?\d{1,19}", timestamp)
    if not is_time:
        raise BadArguments('{invalid_data_type,<<"timestamp">>,{variable or number}}')
    PointTemplate(params)


def _make(spec: ActionSpec, surroundings: Surroundings) -> Batches:
    template = PointTemplate(spec.params)
    resource = surroundings.resource_of(spec, InfluxTarget)

    async def deliver(items: Sequence[Item]) -> None:
        target = resource()
        await target.write(
            [template.fill(item.output, item.event, target.time_of) for item in items]
        )

    size = batch_size(spec.params, MOST_AT_ONCE)
    return Batches(deliver, size, REQUESTS_AT_ONCE)


DATA_TO_INFLUXDB = ActionType(
    "data_to_influxdb",
    "data_persist",
    Words("Data to InfluxDB", "保存数据到 InfluxDB"),
    Words("Saves the result in InfluxDB, as a point.", "保存数据到 InfluxDB"),
    _make,
    (
        resource_param("Resource ID", "资源 ID"),
        Param(
            "measurement", "string", Words("Measurement", "Measurement"),
            Words("The measurement; it may have ${variables}.", "数据点的 Measurement，支持 ${变量}"),
            required=True,
        ),
        Param(
            "fields", "object", Words("Fields", "Fields"),
            Words(
                "Values by name, such as ${payload.temp}, or ${payload.count}i for an integer.",
                "数据点的 Fields，例如 ${payload.temp}，整数写作 ${payload.count}i",
            ),
            default={"value": "${payload}"},
        ),
        Param(
            "tags", "object", Words("Tags", "Tags"),
            Words("Tags by name; they may have ${variables}.", "数据点的 Tags，支持 ${变量}"), default={},
        ),
        Param(
            "timestamp", "string", Words("Timestamp", "时间戳"),
            Words(
                "A ${variable}, in the unit of the resource. Empty is the time of the message.",
                "时间戳 ${变量}，单位由资源决定；为空则为消息的时间",
            ),
            default="",
        ),
        Param(
            "int_suffix", "string", Words("Integers", "整数类型"),
            Words("Whether whole numbers are saved as floats or as integers.", "整数保存为 float 或 int"),
            default="float", enum=("float", "int"),
        ),
        ENABLE_BATCH,
        DEFAULT_BATCH,
        *DELIVERY_PARAMS,
    ),
    types=("backend_influxdb_http", "backend_influxdb_http_v2"),
    check=_check,
)  # fmt: skip
