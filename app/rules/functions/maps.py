"""Functions of maps: `map_get` and `map_put` walk dotted keys, `mget` and `mput` take a key as it is."""

from __future__ import annotations

from app.rules.functions.function import ANY, TEXT, Function
from app.rules.terms.errors import RuleError
from app.rules.terms.paths import read_key, written_keys
from app.rules.terms.values import UNDEFINED, Value, to_text, weighed


def map_get(key: str, value: Value, default: Value = UNDEFINED) -> Value:
    """Return what a dotted key leads to in a map or the JSON of one."""
    for part in key.split("."):
        value = read_key(part, value)
        if value is UNDEFINED:
            return default
    return value


def map_put(key: str, value: Value, target: Value) -> Value:
    """Return a copy of a map with a value at the end of a dotted key; levels that are missing are made."""
    return weighed(written_keys(tuple(key.split(".")), value, target))


def _name(key: Value, target: Value) -> str:
    """Return a key's text; what is no map has none."""
    if type(target) is not dict:
        raise RuleError("badmap")
    name = to_text(key)
    if not isinstance(name, str):
        raise RuleError("badarg: a map's keys are texts")
    return name


def mget(key: Value, target: Value, default: Value = UNDEFINED) -> Value:
    """Return what a map has under a key."""
    name = _name(key, target)
    return target.get(name, default)


def mput(key: Value, value: Value, target: Value) -> Value:
    """Return a copy of a map with a value under a key."""
    name = _name(key, target)
    return weighed({**target, name: value})


FUNCTIONS = {
    "map_new": Function(dict),
    "map_get": Function(map_get, (TEXT, ANY, ANY), optional=1),
    "map_put": Function(map_put, (TEXT, ANY, ANY)),
    "mget": Function(mget, (ANY, ANY, ANY), optional=1),
    "mput": Function(mput, (ANY, ANY, ANY)),
}
