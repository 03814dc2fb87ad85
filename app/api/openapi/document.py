"""Making a document: every call of some generations, with what it takes and answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from apispec import APISpec

from app.api.describing import Example, Parameter, Row
from app.api.endpoint import EVERYBODY, Endpoint, EndpointTable
from app.api.openapi.glossary import MEMBERS, PATH_EXAMPLES
from app.api.openapi.json_schema import Shapes, example_of, marshmallow_plugin
from app.api.security import Area, area_of
from app.errors import ResultCode

_PATH_PARAMETER = re.compile(r":(\w+)")
_BODY_METHODS = frozenset({"POST", "PUT", "DELETE"})
_NOT_TELLING = frozenset({"nodes", "node", "monitoring", "management"})
_ABBREVIATIONS = frozenset({"acl", "mqtt", "vm"})
_NO_LOGIN_NEEDED = frozenset({Area.LOGIN, Area.MONITORING})
_TEXT = {"text/plain": {"schema": {"type": "string"}}}
_EVERYWHERE = {
    "400": ("BadRequest", "A body that is no JSON, or a path that cannot be read.", _TEXT),
    "401": ("Unauthorized", "No credentials, or wrong ones.", None),
    "403": ("Forbidden", "The application's permission or the user's role is not enough.", _TEXT),
    "404": ("NotFound", "No such call, node or plugin, or a call of another port.", _TEXT),
    "413": ("TooLarge", "The body is larger than `management.max_body_size`.", _TEXT),
    "429": ("TooManyFailures", "Too many failed logins from this address.", _TEXT),
}
"""What any call may answer besides its own: the status, its name among the components, why, and its body."""


@dataclass(frozen=True, slots=True)
class Generation:
    """What a document must know of one generation."""

    name: str
    """`v4`."""
    version: str
    """Of the EMQX whose calls they are."""
    table: EndpointTable
    refused: Row
    """How it says no."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A call outside the tables, which answers without an envelope."""

    path: str
    method: str
    name: str
    summary: str
    answers: dict[int, str]
    """Content types by status."""


class Document:
    """Collects the calls of one document."""

    def __init__(self, title: str, version: str, *, is_strict: bool) -> None:
        """Begin a document.

        Args:
            title: What it is about.
            version: Of the calls.
            is_strict: Whether errors are told by HTTP statuses too (`management.strict_status`).
        """
        self._spec = APISpec(
            title=title,
            version=version,
            openapi_version="3.1.0",
            plugins=[marshmallow_plugin()],
            info={"summary": _SUMMARY, "description": f"{_PROSE}\n\n{_codes_as_markdown()}"},
            servers=[{"url": "/", "description": "This node"}],
            security=[{"basic": []}],
        )
        self._spec.options["x-result-codes"] = [
            {"code": int(one), "text": one.text, "status": one.http_status} for one in ResultCode
        ]
        self._is_strict = is_strict
        self._taken: set[str] = set()
        self._spec.components.security_scheme(
            "basic",
            {
                "type": "http",
                "scheme": "basic",
                "description": "An application's id and secret; on the dashboard's port a user's name and password.",
            },
        )
        for name, why, content in _EVERYWHERE.values():
            self._spec.components.response(
                name, {"description": why} | ({"content": content} if content else {})
            )

    def add(self, generation: Generation, *, with_name: bool) -> None:
        """Add every call of a generation; `with_name` puts its name before the tags."""
        shapes = Shapes(self._spec, generation.name)
        for endpoint in generation.table:
            for number, path in enumerate(paths_of(generation.table, endpoint)):
                operation = self._operation(generation, endpoint, shapes)
                if with_name:
                    operation["tags"] = [f"{generation.name} {tag}" for tag in operation["tags"]]
                if number:
                    operation |= {
                        "deprecated": True,
                        "description": f"An older spelling of `{endpoint.method} {endpoint.path}`.",
                    }
                operation["operationId"] = self._free_id(f"{generation.name}_{endpoint.name}")
                parameters = [_path_parameter(name) for name in re.findall(r"{(\w+)}", path)]
                operation["parameters"] = parameters + operation["parameters"]
                self._spec.path(path=path, operations={endpoint.method.lower(): operation})

    def add_plain(self, calls: Sequence[Plain]) -> None:
        """Add calls that are in no table."""
        for call in calls:
            responses = {
                str(status): {
                    "description": call.summary,
                    "content": {media: {"schema": {}}},
                }
                for status, media in call.answers.items()
            }
            operation = {
                "summary": call.summary,
                "operationId": self._free_id(call.name),
                "tags": ["Node"],
                "security": [{}, {"basic": []}],
                "parameters": [_path_parameter(name) for name in re.findall(r"{(\w+)}", call.path)],
                "responses": responses,
            }
            self._spec.path(path=call.path, operations={call.method.lower(): operation})

    def finished(self) -> dict[str, Any]:
        """Return the document in JSON's types."""
        return dict(self._spec.to_dict())

    def _operation(
        self, generation: Generation, endpoint: Endpoint, shapes: Shapes
    ) -> dict[str, Any]:
        described = endpoint.description
        operation: dict[str, Any] = {
            "summary": endpoint.descr,
            "description": " ".join(_conditions(endpoint)),
            "tags": [_tag(endpoint)],
            "parameters": [_query_parameter(one, shapes) for one in described.query],
            "responses": self._responses(generation, endpoint, shapes),
        }
        if described.body is not None and endpoint.method in _BODY_METHODS:
            content = _json(shapes.schema(described.body), example_of(described.body))
            operation["requestBody"] = {"required": True, "content": content}
        if area_of(f"{generation.table.base}/{endpoint.path}") in _NO_LOGIN_NEEDED:
            operation["security"] = [{}, {"basic": []}]
        return operation

    def _responses(
        self, generation: Generation, endpoint: Endpoint, shapes: Shapes
    ) -> dict[str, Any]:
        described = endpoint.description
        refused = shapes.schema(generation.refused)
        success = shapes.schema(described.answer)
        content = _json({"anyOf": [success, refused]}, example_of(described.answer))
        content |= {media: {"schema": {"type": "string"}} for media in described.media}
        why = " ".join(
            ["Done, or refused with a `message` that says why.", *described.media.values()]
        )
        responses: dict[str, Any] = {"200": {"description": why, "content": content}}
        for status, (name, _, _) in _EVERYWHERE.items():
            responses[status] = {"$ref": f"#/components/responses/{name}"}
        for extra, shape in described.statuses.items():
            responses[str(extra)] = _also_json(_EVERYWHERE[str(extra)][1], shape, shapes)
        if self._is_strict:
            responses["default"] = {
                "description": "Refused; the status is the result code's.",
                "content": _json(refused, example_of(generation.refused)),
            }
        return responses

    def _free_id(self, wanted: str) -> str:
        """Return an id that no other call of the document has."""
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name


def paths_of(table: EndpointTable, endpoint: Endpoint) -> list[str]:
    """Return the paths of a call as OpenAPI writes them, the usual one first."""
    spelt = (
        table.base + "/" + _PATH_PARAMETER.sub(r"{\1}", path.strip("/"))
        for path in (endpoint.path, *endpoint.spellings)
    )
    return list(dict.fromkeys(path.rstrip("/") for path in spelt))


def _conditions(endpoint: Endpoint) -> Iterator[str]:
    if endpoint.plugin is not None:
        yield f"While the plugin `{endpoint.plugin}` runs."
    if endpoint.audience != EVERYBODY:
        yield "On the dashboard's port, for its users."
    if endpoint.raw_tail:
        yield "The topic may stand in the path as it is, slashes included."


def _tag(endpoint: Endpoint) -> str:
    """Return what a call is about: the first word of its path, and `nodes` only where no other follows."""
    words = [word for word in endpoint.path.split("/") if word and not word.startswith(":")]
    telling = [word for word in words if word not in _NOT_TELLING] or words[-1:] or ["listing"]
    said = re.split("[_-]", telling[0])
    return " ".join(
        [
            said[0].upper() if said[0] in _ABBREVIATIONS else said[0].capitalize(),
            *said[1:],
        ]
    )


def _path_parameter(name: str) -> dict[str, Any]:
    parameter: dict[str, Any] = {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "description": MEMBERS.get(name, ""),
    }
    example = PATH_EXAMPLES.get(name)
    return parameter | {"example": example} if example else parameter


def _query_parameter(one: Parameter, shapes: Shapes) -> dict[str, Any]:
    schema = shapes.schema(one.example)
    if one.format:
        schema["format"] = one.format
    parameter: dict[str, Any] = {
        "name": one.name,
        "in": "query",
        "schema": schema,
        "description": MEMBERS.get(one.name, ""),
    }
    example = example_of(one.example)
    return parameter if example == "" else parameter | {"example": example}


def _also_json(why: str, shape: Example, shapes: Shapes) -> dict[str, Any]:
    """Return a response that is text or, in this call alone, JSON."""
    return {"description": why, "content": _TEXT | _json(shapes.schema(shape), example_of(shape))}


def _json(schema: dict[str, Any], example: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema, "example": example}}


def _codes_as_markdown() -> str:
    lines = ["| Code | Meaning | HTTP status where strict |", "| ---: | --- | ---: |"]
    lines += [f"| {int(one)} | {one.text} | {one.http_status} |" for one in ResultCode]
    return "\n".join(lines)


_SUMMARY = "The management API of this node, in the words of EMQX."
_PROSE = (
    "Most errors come with HTTP 200: `code` in the body is 0 where all went well, and else one of the result codes "
    "below, with a `message` that says what is wrong. With `management.strict_status` the HTTP status says it too."
)
