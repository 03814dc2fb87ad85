"""From expressions to closures: each node becomes a function of the scope, once.

Knows how expressions are evaluated; what SELECT and FOREACH make of them is `query`'s.

Source: EMQX 4.4 `emqx_rule_runtime:eval/2`. Where EMQX's evaluation has no clause for what its grammar reads
(`x NOT IN (…)`, a bare column as a condition) ours gives the value that the words promise.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from app.rules.functions.arithmetic import add, divide, int_divide, multiply, remainder, subtract
from app.rules.functions.table import call_of
from app.rules.sql.nodes import (
    Arithmetic,
    Call,
    Case,
    Compared,
    Const,
    IsIn,
    ListOf,
    Logic,
    Negated,
    Node,
    Range,
    Signed,
)
from app.rules.terms.compare import COMPARISONS, same
from app.rules.terms.errors import RuleError
from app.rules.terms.paths import Path, read, read_range
from app.rules.terms.scope import PAYLOAD, Scope
from app.rules.terms.values import UNDEFINED, Value, weighed

Evaluate = Callable[[Scope], Value]
Condition = Callable[[Scope], bool]

MAX_RANGE = 10_000
"""Numbers that `[m..n]` makes."""

_ARITHMETIC: dict[str, Callable[[Value, Value], Value]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "div": int_divide,
    "mod": remainder,
}


def compile_expression(node: Node) -> Evaluate:
    """Return what evaluates a node."""
    return _COMPILERS[type(node)](node)


def compile_condition(node: Node) -> Condition:
    """Return what tells whether a condition is true, exactly."""
    evaluate = compile_expression(node)
    if isinstance(node, Compared | Logic | Negated | IsIn):
        return evaluate
    return lambda scope: evaluate(scope) is True


def _const(node: Const) -> Evaluate:
    value = node.value
    return lambda _: value


def _path(node: Path) -> Evaluate:
    root, steps = node.root, node.steps
    if not steps:
        return operator.itemgetter(root)
    if root == PAYLOAD and all(isinstance(step, str) for step in steps):
        return _payload_keys(node)
    return lambda scope: read(node, scope)


def _payload_keys(node: Path) -> Evaluate:
    """Compile the commonest way of all: keys into the JSON of a payload."""
    first, *rest = (str(step) for step in node.steps)

    def one_key(scope: Scope) -> Value:
        value = scope[PAYLOAD]
        if type(value) is str:
            value = scope.columns.decoded(value)
            if type(value) is dict:
                return value.get(first, UNDEFINED)
        return read(node, scope)

    def keys(scope: Scope) -> Value:
        value = scope[PAYLOAD]
        if type(value) is not str:
            return read(node, scope)
        value = scope.columns.decoded(value)
        for key in (first, *rest):
            if type(value) is not dict:
                return read(node, scope)
            value = value.get(key, UNDEFINED)
        return value

    return keys if rest else one_key


def _range(node: Range) -> Evaluate:
    begin, end, of = node.begin, node.end, node.of
    if of is not None:
        whole = _path(of)
        return lambda scope: read_range(whole(scope), begin, end)
    if end - begin >= MAX_RANGE:
        return _failing(f"system_limit: a range of more than {MAX_RANGE} numbers")
    if end < begin - 1:
        return _failing("badarg: a range that ends before it begins")
    return lambda _: list(range(begin, end + 1))


def _failing(reason: str) -> Evaluate:
    def fail(scope: Scope) -> Value:
        raise RuleError(reason)

    return fail


def _list(node: ListOf) -> Evaluate:
    items = [compile_expression(item) for item in node.items]
    if all(isinstance(item, Const) for item in node.items):
        return lambda scope: [item(scope) for item in items]

    def listed(scope: Scope) -> Value:
        found = [item(scope) for item in items]
        scope.check()
        return weighed(found)

    return listed


def _call(node: Call) -> Evaluate:
    return call_of(node.name, tuple(compile_expression(argument) for argument in node.arguments))


def _signed(node: Signed) -> Evaluate:
    operand = compile_expression(node.operand)
    if node.sign == "+":
        return operand

    def negative(scope: Scope) -> Value:
        value = operand(scope)
        if type(value) is not int and type(value) is not float:
            raise RuleError("badarith: only numbers have a sign")
        return -value

    return negative


def _arithmetic(node: Arithmetic) -> Evaluate:
    left, right = compile_expression(node.left), compile_expression(node.right)
    work = _ARITHMETIC[node.operator]
    return lambda scope: work(left(scope), right(scope))


def _compared(node: Compared) -> Evaluate:
    left, right = compile_expression(node.left), compile_expression(node.right)
    compare = COMPARISONS[node.operator]
    if isinstance(node.right, Const):
        constant = node.right.value
        return lambda scope: compare(left(scope), constant)

    def compared(scope: Scope) -> bool:
        values = left(scope), right(scope)
        scope.check()
        return compare(*values)

    return compared


def _logic(node: Logic) -> Evaluate:
    conditions = [compile_condition(operand) for operand in node.operands]
    if len(conditions) > 2:
        return _row(conditions, decides=node.operator == "or")
    left, right = conditions
    if node.operator == "and":
        return lambda scope: left(scope) and right(scope)
    return lambda scope: left(scope) or right(scope)


def _row(conditions: list[Condition], *, decides: bool) -> Evaluate:
    """Return what evaluates conditions until one gives the value that decides."""

    def row(scope: Scope) -> bool:
        for condition in conditions:
            if condition(scope) is decides:
                return decides
        return not decides

    return row


def _negated(node: Negated) -> Evaluate:
    operand = compile_expression(node.operand)
    return lambda scope: operand(scope) is False


def _is_in(node: IsIn) -> Evaluate:
    operand = compile_expression(node.operand)
    options = [compile_expression(option) for option in node.options]

    def is_in(scope: Scope) -> bool:
        value = operand(scope)
        # All options are evaluated, as EMQX does: one that fails fails the whole.
        values = [option(scope) for option in options]
        scope.check()
        return any(same(value, one) for one in values)

    return is_in


def _case(node: Case) -> Evaluate:
    otherwise = compile_expression(node.otherwise) if node.otherwise is not None else None
    if node.subject is None:
        conditions = [
            (compile_condition(condition), compile_expression(value))
            for condition, value in node.branches
        ]

        def by_condition(scope: Scope) -> Value:
            for holds, value in conditions:
                if holds(scope):
                    return value(scope)
            return UNDEFINED if otherwise is None else otherwise(scope)

        return by_condition

    subject = compile_expression(node.subject)
    cases = [(compile_expression(case), compile_expression(value)) for case, value in node.branches]

    def by_value(scope: Scope) -> Value:
        wanted = subject(scope)
        for case, value in cases:
            if same(case(scope), wanted):
                return value(scope)
        return UNDEFINED if otherwise is None else otherwise(scope)

    return by_value


_COMPILERS: dict[type[Node], Callable[..., Evaluate]] = {
    Const: _const,
    Path: _path,
    Range: _range,
    ListOf: _list,
    Call: _call,
    Signed: _signed,
    Arithmetic: _arithmetic,
    Compared: _compared,
    Logic: _logic,
    Negated: _negated,
    IsIn: _is_in,
    Case: _case,
}
