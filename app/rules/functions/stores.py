"""What functions remember between messages: `kv_store_*` for the node, `proc_dict_*` for a connection; `random`, uuids.

Both stores are given by whoever runs the statement and are bounded here.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import MutableMapping
from typing import Any

from app.rules.functions.function import ANY, Function
from app.rules.terms.errors import RuleError
from app.rules.terms.scope import Scope
from app.rules.terms.values import UNDEFINED, Value, to_json, weighed

MAX_KEYS = 100_000
"""Of one store."""
MAX_SIZE = 67_108_864
"""Of the node's keys and values together, in characters of their JSON."""
CONNECTION_SIZE = 65_536
"""Of those of one connection."""
_SIZE = ("", "")
"""The place in a store where its size is kept; no key comes here."""

_Store = MutableMapping[Any, Value]


def _key(value: Value) -> tuple[str, str]:
    """Return a key that tells values apart as Erlang does: 1 is not 1.0."""
    return type(value).__name__, value if type(value) is str else repr(value)


def _of_connection(scope: Scope, *, begins: bool = False) -> _Store:
    """Return the store of the connection that the event is about: EMQX keeps it in the connection's process.

    Args:
        scope: of the event.
        begins: whether one is made where there is none.
    """
    connections = scope.context.proc_dict
    clientid = str(scope.columns["clientid"])
    found = connections.get(clientid, {})
    if begins and clientid not in connections:
        if len(connections) >= MAX_KEYS:
            raise RuleError(f"system_limit: stores of more than {MAX_KEYS} connections")
        connections[clientid] = found
    return found


def _size(place: tuple[str, str], value: Value) -> int:
    if type(value) is str or type(value) is bytes:
        return len(place[1]) + len(value)
    return len(place[1]) + len(to_json(weighed(value)))


def _put(store: _Store, key: Value, value: Value, most: int) -> Value:
    place = _key(key)
    before = store.get(place, UNDEFINED)
    size = store.get(_SIZE, 0) + _size(place, value)
    if place in store:
        size -= _size(place, before)
    elif len(store) > MAX_KEYS:
        raise RuleError(f"system_limit: a store of more than {MAX_KEYS} keys")
    if size > most:
        raise RuleError(f"system_limit: a store of more than {most} characters")
    store[_SIZE] = size
    store[place] = value
    return before


def _delete(store: _Store, key: Value) -> Value:
    place = _key(key)
    if place not in store:
        return UNDEFINED
    before = store.pop(place)
    store[_SIZE] -= _size(place, before)
    return before


def kv_store_put(scope: Scope, key: Value, value: Value) -> bool:
    """Remember a value for the node."""
    _put(scope.context.kv_store, key, value, MAX_SIZE)
    return True


def kv_store_get(scope: Scope, key: Value, default: Value = UNDEFINED) -> Value:
    """Return what the node remembers."""
    return scope.context.kv_store.get(_key(key), default)


def kv_store_del(scope: Scope, key: Value) -> bool:
    """Forget a value of the node."""
    _delete(scope.context.kv_store, key)
    return True


def proc_dict_put(scope: Scope, key: Value, value: Value) -> Value:
    """Remember a value for the connection; return the one before."""
    return _put(_of_connection(scope, begins=True), key, value, CONNECTION_SIZE)


def proc_dict_get(scope: Scope, key: Value) -> Value:
    """Return what the connection remembers."""
    return _of_connection(scope).get(_key(key), UNDEFINED)


def proc_dict_del(scope: Scope, key: Value) -> Value:
    """Forget a value of the connection and return it."""
    return _delete(_of_connection(scope), key)


def _with_scope(work: Any, count: int, optional: int = 0) -> Function:
    return Function(work, (ANY,) * count, optional=optional, sees_scope=True)


FUNCTIONS = {
    "kv_store_put": _with_scope(kv_store_put, 2),
    "kv_store_get": _with_scope(kv_store_get, 2, optional=1),
    "kv_store_del": _with_scope(kv_store_del, 1),
    "proc_dict_put": _with_scope(proc_dict_put, 2),
    "proc_dict_get": _with_scope(proc_dict_get, 1),
    "proc_dict_del": _with_scope(proc_dict_del, 1),
    "random": Function(random.random),
    "uuid_v4": Function(lambda: str(uuid.uuid4())),
    "uuid_v4_no_hyphen": Function(lambda: uuid.uuid4().hex),
}
