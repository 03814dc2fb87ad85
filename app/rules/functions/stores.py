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
from app.rules.terms.values import UNDEFINED, Value, weighed

MAX_KEYS = 100_000
"""Of one store."""

_Store = MutableMapping[Any, Value]


def _key(value: Value) -> tuple[str, str]:
    """Return a key that tells values apart as Erlang does: 1 is not 1.0."""
    return type(value).__name__, value if type(value) is str else repr(value)


def _put(store: _Store, key: Value, value: Value) -> Value:
    place = _key(key)
    if place not in store and len(store) >= MAX_KEYS:
        raise RuleError(f"system_limit: a store of more than {MAX_KEYS} keys")
    before = store.get(place, UNDEFINED)
    store[place] = weighed(value)
    return before


def kv_store_put(scope: Scope, key: Value, value: Value) -> bool:
    """Remember a value for the node."""
    _put(scope.context.kv_store, key, value)
    return True


def kv_store_get(scope: Scope, key: Value, default: Value = UNDEFINED) -> Value:
    """Return what the node remembers."""
    return scope.context.kv_store.get(_key(key), default)


def kv_store_del(scope: Scope, key: Value) -> bool:
    """Forget a value of the node."""
    scope.context.kv_store.pop(_key(key), None)
    return True


def proc_dict_put(scope: Scope, key: Value, value: Value) -> Value:
    """Remember a value for the connection; return the one before."""
    return _put(scope.context.proc_dict, key, value)


def proc_dict_get(scope: Scope, key: Value) -> Value:
    """Return what the connection remembers."""
    return scope.context.proc_dict.get(_key(key), UNDEFINED)


def proc_dict_del(scope: Scope, key: Value) -> Value:
    """Forget a value of the connection and return it."""
    return scope.context.proc_dict.pop(_key(key), UNDEFINED)


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
