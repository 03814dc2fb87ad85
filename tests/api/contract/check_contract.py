"""Answers against the documented contract.

    book = load()
    faults = violations(book, book.endpoints["v4:GET /stats"], answer)

A response field is found by its path: `data[].node` is `node` in every element of `data`, `result.*.x` goes through an
object whose keys are not fixed. Presence, type, enum and form are looked at, never values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FORMATS = {
    "datetime": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    "datetime_loose": r"\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d{1,2}:\d{1,2}",
    "node_name": r"[^@\s]+@[^@\s]+",
    "decimal": r"\d+(\.\d+)?",
    "memory": r"\d+(\.\d+)?[KMGT]?",
    "uptime": r"(\d+ days?, ?)?(\d+ hours?, ?)?(\d+ minutes?, ?)?\d+ seconds?",
    "uuid": r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
}


@dataclass(frozen=True)
class Book:
    """The whole contract."""

    endpoints: dict[str, dict[str, Any]]
    metrics: dict[str, Any]
    codes: dict[str, Any]


def load(version: str = "v4") -> Book:
    """Read the data files of one generation."""
    calls = _read(f"{version}.json")
    return Book(
        {call["id"]: call for call in calls}, _read("metrics.json"), _read("result_codes.json")
    )


def violations(
    book: Book, endpoint: dict[str, Any], answer: Any, *, error: bool | None = None
) -> list[str]:
    """Return the faults of an answer, none when it fits.

    Of an error (a code other than 0) only code and message are looked at; `error=False` insists on success.
    """
    if error is None:
        error = isinstance(answer, dict) and answer.get("code", 0) != 0
    if error:
        return _error_faults(answer)
    fields = endpoint["response_fields"]
    if fields and not isinstance(answer, dict):
        return ["the answer is not an object"]
    faults = []
    if isinstance(answer, dict) and answer.get("code", 0) != 0:
        faults.append(f"code is {answer['code']!r}")
    for path, expected in fields.items():
        faults += _field_faults(answer, path, expected)
        if "keys_from" in expected:
            faults += _name_faults(book, answer, path, expected)
    return faults


def undocumented(endpoint: dict[str, Any], answer: Any) -> list[str]:
    """Return the paths of members that no response field speaks of."""
    known = set(endpoint["response_fields"])
    leaves = {
        path
        for path in known
        if not any(other.startswith((path + ".", path + "[]")) for other in known)
    }
    return list(_unknown_members(answer, "", known, leaves))


def _read(name: str) -> Any:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def _error_faults(answer: Any) -> list[str]:
    if (
        not isinstance(answer, dict)
        or _type_name(answer.get("code")) != "integer"
        or not answer["code"]
    ):
        return ["an error needs a non-zero integer code"]
    if not isinstance(answer.get("message", ""), str):
        return ["message: not a string"]
    return []


def _field_faults(answer: Any, path: str, expected: dict[str, Any]) -> Iterator[str]:
    for where, found, value in _find(answer, _steps(path)):
        if not found:
            if expected.get("required"):
                yield f"{where}: missing"
        elif not _type_fits(value, expected["type"]):
            yield f"{where}: {_type_name(value)} instead of {expected['type']}"
        elif "enum" in expected and value not in expected["enum"]:
            yield f"{where}: {value!r} not among {expected['enum']!r}"
        elif (
            "format" in expected
            and isinstance(value, str)
            and not re.fullmatch(FORMATS[expected["format"]], value)
        ):
            yield f"{where}: {value!r} is not of form {expected['format']}"


def _name_faults(book: Book, answer: Any, path: str, expected: dict[str, Any]) -> Iterator[str]:
    version, table = expected["keys_from"].split(".")
    optional = set(expected.get("keys_optional", ()))
    for where, _, value in _find(answer, _steps(path)[:-1]):
        if not isinstance(value, dict):
            continue
        for name, entry in book.metrics[version][table].items():
            if name in value:
                if not _type_fits(value[name], entry.get("type", "integer")):
                    yield f"{where}: {name} is {_type_name(value[name])}"
            elif entry["required"] and name not in optional:
                yield f"{where}: {name} missing"


def _steps(path: str) -> list[str]:
    """Take a path apart: `data[].a.*` gives `data`, `[]`, `a`, `*`."""
    steps = []
    for word in path.split("."):
        name = word.rstrip("[]")
        steps += [name] if name else []
        steps += ["[]"] * word.count("[]")
    return steps


def _find(value: Any, todo: list[str], where: str = "") -> Iterator[tuple[str, bool, Any]]:
    """Yield all places that a path leads to: (where, found, value); an empty array yields nothing."""
    if not todo:
        yield where, True, value
        return
    step, rest = todo[0], todo[1:]
    if step == "[]":
        for index, item in enumerate(value if isinstance(value, list) else ()):
            yield from _find(item, rest, f"{where}[{index}]")
    elif step == "*":
        for key, item in value.items() if isinstance(value, dict) else ():
            yield from _find(item, rest, f"{where}[{key!r}]")
    elif isinstance(value, dict):
        here = f"{where}.{step}" if where else step
        if step in value:
            yield from _find(value[step], rest, here)
        elif not rest:
            yield here, False, None


def _unknown_members(item: Any, path: str, known: set[str], leaves: set[str]) -> Iterator[str]:
    if path in leaves:
        return
    if isinstance(item, list):
        for inner in item:
            yield from _unknown_members(inner, path + "[]", known, leaves)
    elif isinstance(item, dict):
        for key, inner in item.items():
            here = f"{path}.{key}" if path else key
            star = f"{path}.*" if path else "*"
            if here in known or star in known:
                yield from _unknown_members(inner, here if here in known else star, known, leaves)
            else:
                yield here


def _type_name(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _type_fits(value: Any, wanted: str) -> bool:
    have, allowed = _type_name(value), wanted.split("|")
    return have in allowed or (have == "integer" and "number" in allowed)
