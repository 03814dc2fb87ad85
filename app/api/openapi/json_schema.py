"""Shapes as JSON Schema and as examples. What has a title is kept once, among the components of the document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from app.api.describing import ANYTHING, ByName, Either, Example, Number, Row, Word
from app.api.openapi.glossary import MEMBERS
from app.schemas.fields import Checked, WordIsNone

_TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    type(None): "null",
}


def marshmallow_plugin() -> MarshmallowPlugin:
    """Return apispec's plugin, which here knows the fields of requests too."""

    class Plugin(MarshmallowPlugin):
        def init_spec(self, spec: APISpec) -> None:
            super().init_spec(spec)
            assert self.converter is not None
            self.converter.add_attribute_function(_checked)  # type: ignore[no-untyped-call]  # apispec has no type there

    return Plugin()


def _checked(_converter: object, field: fields.Field[Any], **_options: Any) -> dict[str, Any]:
    """Say in JSON Schema what a field of a request takes."""
    if not isinstance(field, Checked) or not field.says:
        return {}
    says: dict[str, Any] = dict(field.says)
    words = [one.word for one in field.pre_load if isinstance(one, WordIsNone)]
    if field.allow_none and "type" in says:
        says["type"] = [says["type"], "null"]
    if words:
        return {"type": None, "anyOf": [says, {"enum": words}]}
    return says


class Shapes:
    """Turns shapes into schemas of one document."""

    def __init__(self, spec: APISpec, generation: str) -> None:
        """Keep what has a title in `spec`, under a name that begins with the generation's."""
        self._spec = spec
        self._prefix = generation.title()

    def schema(self, shape: Example) -> dict[str, Any]:
        """Return the schema of a shape, or a reference to it."""
        if isinstance(shape, Row):
            return self._kept(shape) if shape.title else self._object(shape)
        if isinstance(shape, type) and issubclass(shape, Schema):
            return self._kept_marshmallow(shape)
        if isinstance(shape, list):
            return {"type": "array", "items": self.schema(shape[0])}
        for kind, say in self._words.items():
            if isinstance(shape, kind):
                return say(self, shape)
        return {} if shape is ANYTHING else {"type": _TYPES[type(shape)]}

    def _kept(self, row: Row) -> dict[str, Any]:
        name = self._prefix + row.title
        if name not in self._spec.components.schemas:
            # Kept before its members are looked at.
            self._spec.components.schema(name, self._object(row))
        return _reference(name)

    def _kept_marshmallow(self, schema: type[Schema]) -> dict[str, Any]:
        name = schema.__name__
        if name not in self._spec.components.schemas:
            self._spec.components.schema(name, schema=schema)
            for member, said in self._spec.components.schemas[name]["properties"].items():
                if said.get("type", ...) is None:
                    del said["type"]
                if member in MEMBERS:
                    said.setdefault("description", MEMBERS[member])
        return _reference(name)

    def _object(self, row: Row) -> dict[str, Any]:
        required = [name for name in row.members if name not in row.optional]
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: self._member(name, one) for name, one in row.members.items()},
        }
        return schema | {"required": required} if required else schema

    def _member(self, name: str, shape: Example) -> dict[str, Any]:
        described = MEMBERS.get(name)
        schema = self.schema(shape)
        return {**schema, "description": described} if described else schema

    def _word(self, word: Word) -> dict[str, Any]:
        return {"type": _TYPES[type(word.words[0])], "enum": list(word.words)}

    def _either(self, either: Either) -> dict[str, Any]:
        return {"anyOf": [self.schema(one) for one in either.choices]}

    def _number(self, number: Number) -> dict[str, Any]:
        return {"type": "integer", "minimum": number.low, "maximum": number.high}

    def _by_name(self, by_name: ByName) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": self.schema(by_name.value)}

    _words: ClassVar[Mapping[type, Callable[[Shapes, Any], dict[str, Any]]]] = {
        Word: _word,
        Either: _either,
        Number: _number,
        ByName: _by_name,
    }


def example_of(shape: Example) -> Any:
    """Return what a shape looks like, in JSON's types."""
    if isinstance(shape, Row):
        return {
            name: example_of(one) for name, one in shape.members.items() if name not in shape.hidden
        }
    if isinstance(shape, type) and issubclass(shape, Schema):
        return {
            field.data_key or name: field.metadata["example"]
            for name, field in shape().load_fields.items()
            if "example" in field.metadata
        }
    if isinstance(shape, list):
        return [example_of(shape[0])]
    for kind, show in _EXAMPLES.items():
        if isinstance(shape, kind):
            return show(shape)
    return {} if shape is ANYTHING else shape


_EXAMPLES: Mapping[type, Callable[[Any], Any]] = {
    Word: lambda word: word.words[0],
    Either: lambda either: example_of(either.choices[0]),
    Number: lambda number: number.example,
    ByName: lambda by_name: {by_name.name: example_of(by_name.value)},
}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
