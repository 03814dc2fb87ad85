"""Functions that look at the event itself: `qos()`, `topic(2)`, `payload('a.b')`, `contains_topic(…)`."""

from __future__ import annotations

from collections.abc import Callable

from app.mqtt.topic import matches
from app.rules.functions.function import ANY, INTEGER, LIST, TEXT, Function
from app.rules.functions.maps import map_get
from app.rules.terms.errors import RuleError
from app.rules.terms.scope import Scope
from app.rules.terms.values import UNDEFINED, Value


def _column(name: str) -> Function:
    return Function(lambda scope: scope[name], sees_scope=True)


def topic(scope: Scope, level: int = 0) -> Value:
    """Return the topic, or one of its levels counted from 1."""
    name = scope["topic"]
    if level == 0 or type(name) is not str:
        return name
    return _level(name, level)


def _topic_level(scope: Scope, *level: int) -> Value:
    if level == (0,):
        raise RuleError("function_clause: levels of a topic are counted from 1")
    return topic(scope, *level)


def _level(name: str, level: int) -> str:
    words = name.split("/")
    if not 0 < level <= len(words):
        raise RuleError(f"function_clause: {name[:80]!r} has no level {level}")
    return words[level - 1]


def flags(scope: Scope) -> Value:
    """Return the message's flags."""
    found = scope["flags"]
    return {} if found is UNDEFINED else found


def flag(scope: Scope, name: str) -> Value:
    """Return one of the message's flags."""
    found = scope["flags"]
    return found.get(name, UNDEFINED) if type(found) is dict else UNDEFINED


def payload(scope: Scope, *path: str) -> Value:
    """Return the payload, or what a dotted path leads to in one that is a map already."""
    found = scope["payload"]
    if not path:
        return found
    return map_get(path[0], found) if type(found) is dict else UNDEFINED


def _found(
    filters: list[Value], wanted: str, is_met: Callable[[str, str], bool]
) -> dict[str, Value] | None:
    for entry in filters:
        topic_filter = entry.get("topic") if type(entry) is dict else None
        if type(topic_filter) is str and is_met(topic_filter, wanted):
            return dict(entry)
    return None


def _contains(is_met: Callable[[str, str], bool]) -> Function:
    def contains(filters: list[Value], wanted: str, *qos: Value) -> bool:
        entry = _found(filters, wanted, is_met)
        return entry is not None and (not qos or entry.get("qos", UNDEFINED) == qos[0])

    return Function(contains, (LIST, TEXT, ANY), optional=1)


def _equals(topic_filter: str, wanted: str) -> bool:
    return topic_filter == wanted


FUNCTIONS = {
    "msgid": _column("id"),
    "qos": _column("qos"),
    "topic": Function(_topic_level, (INTEGER,), optional=1, sees_scope=True),
    "flags": Function(flags, sees_scope=True),
    "flag": Function(flag, (TEXT,), sees_scope=True),
    # EMQX's own reads a column that no event has.
    "clientid": _column("from"),
    "username": _column("username"),
    "clientip": _column("peerhost"),
    "peerhost": _column("peerhost"),
    "payload": Function(payload, (TEXT,), optional=1, sees_scope=True),
    "contains_topic": _contains(_equals),
    "contains_topic_match": _contains(matches),
    "null": Function(lambda: UNDEFINED),
}
