"""All functions by name, and how a call of one is compiled."""

from __future__ import annotations

from collections.abc import Callable

from app.rules.functions import (
    arithmetic,
    arrays,
    bits,
    codecs,
    compression,
    conversion,
    dates,
    formatting,
    hashes,
    maps,
    messages,
    stores,
    strings,
    types,
)
from app.rules.functions.function import Function, Kinds
from app.rules.terms.errors import RuleError
from app.rules.terms.scope import Scope
from app.rules.terms.values import Value, bounded_text

Evaluate = Callable[[Scope], Value]
TEXTS = frozenset({str, bytes})

FUNCTIONS: dict[str, Function] = {
    name: function
    for module in (
        messages,
        arithmetic,
        bits,
        conversion,
        types,
        strings,
        formatting,
        maps,
        arrays,
        hashes,
        compression,
        codecs,
        dates,
        stores,
    )
    for name, function in module.FUNCTIONS.items()
}


def call_of(name: str, arguments: tuple[Evaluate, ...]) -> Evaluate:
    """Return what calls a function with arguments; one that nobody knows fails when it is called, as EMQX's do."""
    function = FUNCTIONS.get(name)
    if function is None or not function.takes_count(len(arguments)):
        return _unknown(f"sql_function_not_supported: {name}/{len(arguments)}")
    if len(arguments) == 1 and not function.sees_scope:
        return _call_with_one(name, function, arguments[0])
    takes, work = function.takes, function.call
    checked = [(place, kinds) for place, kinds in enumerate(takes) if kinds is not None]
    checked = [(place, kinds) for place, kinds in checked if place < len(arguments)]

    def call(scope: Scope) -> Value:
        values = [argument(scope) for argument in arguments]
        scope.check()
        for place, kinds in checked:
            if type(values[place]) not in kinds:
                raise _refused(name, place, values[place])
        result = work(scope, *values) if function.sees_scope else work(*values)
        return bounded_text(result) if type(result) in TEXTS else result

    return call


def _call_with_one(name: str, function: Function, argument: Evaluate) -> Evaluate:
    work = function.call
    kinds: Kinds = function.takes[0] if function.takes else None

    def call(scope: Scope) -> Value:
        value = argument(scope)
        if kinds is not None and type(value) not in kinds:
            raise _refused(name, 0, value)
        scope.check()
        result = work(value)
        return bounded_text(result) if type(result) in TEXTS else result

    return call


def _unknown(reason: str) -> Evaluate:
    def fail(scope: Scope) -> Value:
        raise RuleError(reason)

    return fail


def _refused(name: str, place: int, value: Value) -> RuleError:
    shown = repr(value)[:60]
    return RuleError(f"function_clause: {name} does not take {shown} as argument {place + 1}")
