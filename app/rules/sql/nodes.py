"""What a statement is made of, once its text has been read. Knows nothing of values or of running."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.rules.terms.paths import Index, Path


@dataclass(frozen=True, slots=True)
class Const:
    """A value that stands in the statement."""

    value: str | int | float | bool


@dataclass(frozen=True, slots=True)
class Range:
    """`[1..5]`, or the part of a list from one place to another: `path[1..5]`."""

    begin: int
    end: int
    of: Path | None = None


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, 1, 'b']`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A built-in function and what it is given."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """`+x` or `-x`."""

    sign: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two values and one of `+ - * / div mod`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Compared:
    """Two values and one of `= != <> < > <= >= =~`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Logic:
    """Two conditions or more and `and` or `or` between them."""

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """`NOT condition`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class IsIn:
    """`x IN (a, b)`."""

    operand: Node
    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """`CASE WHEN condition THEN value … END`, or with a subject whose value the branches name."""

    subject: Node | None
    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node | None


@dataclass(frozen=True, slots=True)
class Star:
    """Every column."""


Node = (
    Path | Const | Range | ListOf | Call | Signed | Arithmetic | Compared | Logic | Negated | IsIn
    | Case
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """What is selected, and under which name."""

    expression: Node
    alias: Path | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A whole statement; `do` and `incase` belong to FOREACH."""

    is_foreach: bool
    fields: tuple[Field | Star, ...]
    topics: tuple[str, ...]
    where: Node | None = None
    do: tuple[Field | Star, ...] = ()
    incase: Node | None = None


def parts(node: object) -> Iterator[object]:
    """Yield what a node is directly made of."""
    match node:
        case Statement():
            yield from (*node.fields, *node.do)
            yield from (part for part in (node.where, node.incase) if part is not None)
        case Field():
            yield from (part for part in (node.expression, node.alias) if part is not None)
        case Path():
            yield from (step.at for step in node.steps if isinstance(step, Index))
        case Range():
            yield from () if node.of is None else (node.of,)
        case ListOf():
            yield from node.items
        case Call():
            yield from node.arguments
        case Signed() | Negated():
            yield node.operand
        case Arithmetic() | Compared():
            yield from (node.left, node.right)
        case Logic():
            yield from node.operands
        case IsIn():
            yield from (node.operand, *node.options)
        case Case():
            ends = (node.subject, node.otherwise)
            yield from (part for part in ends if part is not None)
            yield from (part for branch in node.branches for part in branch)


def depth(statement: Statement) -> int:
    """Return how many levels deep a statement's parts stand in each other; a path's steps count as levels."""
    deepest = 0
    waiting: list[tuple[object, int]] = [(statement, 1)]
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level + (len(node.steps) if isinstance(node, Path) else 0))
        waiting.extend((part, level + 1) for part in parts(node))
    return deepest


def within(*nodes: object) -> Iterator[object]:
    """Yield `nodes` and all that they are made of."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(parts(node))


def paths(*nodes: object) -> Iterator[Path]:
    """Yield every path that stands in `nodes`."""
    return (node for node in within(*nodes) if isinstance(node, Path))
