"""The document of all calls, as the tests read it: made from the tables, without an application.

And what the tests that make its calls share: the checks of answers, and the calls as their examples show them.
"""

from __future__ import annotations

from typing import Any

from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.api import v2, v3, v4
from app.api.docs import TITLE, VERSIONS
from app.api.openapi.document import Document, Generation
from app.api.openapi.outside import OUTSIDE

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ORDER = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
TABLES = {"v4": v4.TABLE, "v3": v3.TABLE, "v2": v2.TABLE}


def document(*, is_strict: bool = False) -> dict[str, Any]:
    """Return the document of all generations."""
    made = Document(TITLE, "4.4", is_strict=is_strict)
    for name, (version, refused) in VERSIONS.items():
        made.add(Generation(name, version, TABLES[name], refused), with_name=True)
    made.add_plain(OUTSIDE)
    return made.finished()


def tightened(schema: Any) -> Any:
    """Return schemas in which no object has members that are not described."""
    if isinstance(schema, list):
        return [tightened(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    tight = {
        key: one if key in {"example", "examples", "enum"} else tightened(one)
        for key, one in schema.items()
    }
    if schema.get("type") == "object" and "properties" in schema:
        tight.setdefault("additionalProperties", False)
    return tight


def operations_by_tag(schema: Any) -> dict[str, list[Any]]:
    """Return resources with their calls, of which those that take something away come last."""
    grouped: dict[str, list[Any]] = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        grouped.setdefault(operation.definition.raw["tags"][0], []).append(operation)
    for operations in grouped.values():
        operations.sort(key=lambda one: ORDER.index(one.method.upper()))
    return grouped


def as_shown(operation: Any) -> Any:
    """Return a call as its examples show it."""
    raw = operation.definition.raw
    named = {
        one["name"]: one.get("example", "v4") for one in raw["parameters"] if one["in"] == "path"
    }
    content = raw.get("requestBody", {}).get("content", {}).get("application/json")
    body = {"body": content["example"], "media_type": "application/json"} if content else {}
    return operation.Case(path_parameters=named, **body)
