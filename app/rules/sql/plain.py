"""Plain statements: those that need no names of their own run as one function over the columns, without a scope.

Most statements are plain: SELECT of everything, or of columns and keys in the payload under names of their own, where
WHERE compares such things with constants. The function is written in Python's syntax and compiled. Of the statement's
text nothing stands in it: constants and names are values that it refers to by number, and what is not as simple as
that (a payload that is a list, a text beside a number) it leaves to what evaluates all other statements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NoReturn

from app.rules.sql.compile import compile_expression
from app.rules.sql.nodes import (
    Compared,
    Const,
    Field,
    Logic,
    Negated,
    Node,
    Star,
    Statement,
    depth,
    paths,
    within,
)
from app.rules.terms.compare import COMPARISONS
from app.rules.terms.paths import Path
from app.rules.terms.scope import METADATA, PAYLOAD, Columns, Context
from app.rules.terms.values import UNDEFINED, decode_json

Plain = Callable[[Context, Columns], list[dict[str, Any]]]
"""Returns the results of a plain statement."""
Sift = Callable[[Sequence[bytes]], list[dict[str, Any] | None] | None]
"""Returns what a statement about nothing but the payload's JSON makes of payloads: for each its result, or None where
nothing is selected. None in place of all of it leaves them to the other form, which says what failed."""

MAX_DEPTH: Final = 16
"""Levels of a statement that Python's own parser takes in any case."""
MAX_NODES: Final = 200
_PYTHONS: Final = {"=": "==", "!=": "!=", "<>": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
"""What compares two numbers, or two texts, as the operators of statements do."""


def plain_form(statement: Statement) -> Plain | None:
    """Return what runs a statement, if it is a plain one."""
    if (
        statement.is_foreach
        or depth(statement) > MAX_DEPTH
        or sum(1 for _ in within(statement)) > MAX_NODES
    ):
        return None
    found = _plain_parts(statement)
    return None if found is None else _Writer().function(*found)


def sifting_form(statement: Statement) -> Sift | None:
    """Return what runs a statement that is a plain one over many payloads, if it asks for nothing else."""
    found = _plain_parts(statement)
    if found is None or not found[1]:
        return None
    where, fields = found
    asked = [one for node in fields.values() for one in paths(node)]
    asked += [] if where is None else paths(where)
    if not asked or any(path.root != PAYLOAD or not path.steps for path in asked):
        return None
    return _Writer().sift(where, fields)


def _plain_parts(statement: Statement) -> tuple[Node | None, dict[str, Node]] | None:
    """Return the condition and the fields of a plain statement; no fields are all columns."""
    fields: dict[str, Node] | None = {}
    if statement.fields != (Star(),):
        fields = _plain_fields(statement)
    if fields is None:
        return None
    where = statement.where
    if where is not None:
        where = _meant(where, fields)
        if where is None:
            return None
    return where, fields


def _plain_fields(statement: Statement) -> dict[str, Node] | None:
    """Return the fields by name; None where one is not plain, or is meant in another."""
    found: dict[str, Node] = {}
    read = set()
    aliases = set()
    for field in statement.fields:
        if not isinstance(field, Field) or not _is_plain(field.expression):
            return None
        name = field.alias or field.expression
        if not isinstance(name, Path) or name.steps or name.root in found:
            return None
        found[name.root] = field.expression
        read |= {path.root for path in paths(field.expression)}
        aliases |= set() if field.alias is None else {name.root}
    return None if read & aliases else found


def _is_plain(node: Node) -> bool:
    """Tell whether a node is a column, or keys into one, or a constant."""
    if isinstance(node, Path):
        return node.root != METADATA and all(isinstance(step, str) for step in node.steps)
    return isinstance(node, Const)


def _meant(node: Node, fields: Mapping[str, Node]) -> Node | None:
    """Return a condition with what is selected in place of its name; None where it is not plain."""
    if isinstance(node, Logic):
        operands = [_meant(operand, fields) for operand in node.operands]
        found = tuple(operand for operand in operands if operand is not None)
        return replace(node, operands=found) if len(found) == len(operands) else None
    if isinstance(node, Negated):
        operand = _meant(node.operand, fields)
        return None if operand is None else replace(node, operand=operand)
    if not isinstance(node, Compared) or not isinstance(node.right, Const):
        return None
    left = node.left
    if isinstance(left, Path) and left.root in fields:
        if left.steps and fields[left.root] != Path(left.root):
            return None
        left = left if left.steps else fields[left.root]
    return replace(node, left=left) if _is_plain(left) else None


def _odd() -> NoReturn:
    """Leave a payload to the form that has columns."""
    raise LookupError


class _Writer:
    """Writes the function of one statement."""

    def __init__(self) -> None:
        """Begin with what every function may refer to."""
        self._values: dict[str, Any] = {"undefined": UNDEFINED}
        self._document = "columns.document()"
        self._has_columns = True

    def function(self, where: Node | None, fields: Mapping[str, Node]) -> Plain:
        """Return the function; no fields are all columns."""
        lines = ["def run(context, columns):"]
        if any(
            isinstance(one, Path) and one.root == PAYLOAD and one.steps for one in fields.values()
        ):
            # What is selected is looked at before WHERE; nothing but this can fail in it.
            lines.append(" document = columns.document()")
            self._document = "document"
        if where is not None:
            lines += [f" if not {self._condition(where)}:", "  return []"]
        if not fields:
            lines += [
                " metadata = context.metadata",
                " if metadata is None:",
                "  return [{**columns.everything()}]",
                f" return [{{**columns.everything(), {self._refer(METADATA)}: metadata}}]",
            ]
        else:
            selected = (f"{self._refer(name)}: {self._value(one)}" for name, one in fields.items())
            lines.append(f" return [{{{', '.join(selected)}}}]")
        run: Plain = self._made(lines)
        return run

    def sift(self, where: Node | None, fields: Mapping[str, Node]) -> Sift:
        """Return the function over payloads; whatever goes wrong there is for the other one to say."""
        self._document = "document"
        self._has_columns = False
        self._values.update(loads=decode_json, odd=_odd)
        condition = "True" if where is None else self._condition(where)
        selected = (f"{self._refer(name)}: {self._value(one)}" for name, one in fields.items())
        run: Sift = self._made(
            [
                "def run(payloads):",
                " results = []",
                " try:",
                "  for payload in payloads:",
                "   document = loads(payload)",
                f"   results.append({{{', '.join(selected)}}} if {condition} else None)",
                " except Exception:",
                "  return None",
                " return results",
            ]
        )
        return run

    def _made(self, lines: Sequence[str]) -> Any:
        exec(compile("\n".join(lines), "<statement>", "exec"), self._values)  # noqa: S102 - ours, see above
        return self._values["run"]

    def _refer(self, value: object) -> str:
        """Return the name by which the function refers to a value."""
        name = f"_{len(self._values)}"
        self._values[name] = value
        return name

    def _condition(self, node: Node) -> str:
        match node:
            case Logic():
                return f"({f' {node.operator} '.join(map(self._condition, node.operands))})"
            case Negated():
                return f"(not {self._condition(node.operand)})"
            case Compared(right=Const(value=constant)):
                return self._comparison(node, constant)
        raise AssertionError(node)

    def _comparison(self, node: Compared, constant: object) -> str:
        """Compare as Python does where that is the same, and else as statements do."""
        left, right = self._value(node.left), self._refer(constant)
        compare = self._refer(COMPARISONS[node.operator])
        here = self._refer(None)
        tests = {
            int: f"type({here} := {left}) is int or type({here}) is float",
            float: f"type({here} := {left}) is float or type({here}) is int",
            str: f"type({here} := {left}) is str",
        }
        is_alike, operator = tests.get(type(constant)), _PYTHONS.get(node.operator)
        if is_alike is None or operator is None:
            return f"{compare}({left}, {right})"
        return f"({here} {operator} {right} if {is_alike} else {compare}({here}, {right}))"

    def _value(self, node: Node) -> str:
        if isinstance(node, Const):
            return self._refer(node.value)
        assert isinstance(node, Path)
        if not node.steps:
            return f"columns[{self._refer(node.root)}]"
        otherwise = "odd()"
        if self._has_columns:
            otherwise = f"{self._refer(compile_expression(node))}(columns)"
        if node.root != PAYLOAD:
            return otherwise
        found = self._document
        for step in node.steps:
            here = self._refer(None)
            key = f"{here}.get({self._refer(step)}, undefined)"
            found = f"({key} if type({here} := {found}) is dict else {otherwise})"
        return found
