"""A compiled statement: what SELECT and FOREACH select, when WHERE lets them, and under which names.

Source: EMQX 4.4 `emqx_rule_runtime:do_apply_rule/2`, with one kind of names for columns and results: EMQX keeps two,
and a result beside the column of the same name makes JSON with a key twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from app.rules.sql.compile import Evaluate, compile_condition, compile_expression
from app.rules.sql.nodes import (
    Arithmetic,
    Call,
    Case,
    Compared,
    Const,
    Field,
    ListOf,
    Node,
    Range,
    Star,
    Statement,
    paths,
    within,
)
from app.rules.sql.parse import parse
from app.rules.sql.plain import Plain, Sift, plain_form, sifting_form
from app.rules.terms.errors import RuleError
from app.rules.terms.paths import Path, write
from app.rules.terms.scope import Columns, Context, Scope
from app.rules.terms.values import Value

READ_BY_FUNCTIONS = frozenset(
    {"id", "qos", "topic", "flags", "from", "username", "peerhost", "payload"}
)
"""Columns that functions such as `qos()` look at without being told."""

Result = dict[str, Any]
_T = TypeVar("_T")
ITEM = Path("item")
"""What an element of FOREACH is called where the statement gives it no name."""


@dataclass(frozen=True, slots=True)
class _Selected:
    """A field ready to run."""

    evaluate: Evaluate
    target: Path
    is_named: bool
    """Those that follow can refer to it. What has its column's own name already means the same."""

    def put(self, value: Value, target: MutableMapping[str, Value], scope: Scope) -> None:
        """Put the field's value under its name."""
        if self.target.steps:
            write(self.target, value, target, scope)
        else:
            target[self.target.root] = value


class _Selection:
    """The fields of SELECT or DO."""

    def __init__(self, fields: Sequence[Field | Star]) -> None:
        """Compile the fields."""
        self._fields = [
            None if isinstance(field, Star) else _selected(field, number)
            for number, field in enumerate(fields, 1)
        ]
        self.is_everything = self._fields == [None]

    def computed(self, scope: Scope) -> list[Value]:
        """Evaluate the fields from left to right, each seen by the next.

        Of `*`, what it copies besides the columns is kept: they are not asked for before WHERE has let them.
        """
        values: list[Value] = []
        for field in self._fields:
            if field is None:
                values.append(dict(scope))
                continue
            value = field.evaluate(scope)
            if field.is_named:
                field.put(value, scope, scope)
            values.append(value)
        return values

    def output(self, values: list[Value], scope: Scope) -> Result:
        """Return the fields under their names."""
        output: Result = {}
        for field, value in zip(self._fields, values, strict=True):
            if field is None:
                output.update(scope.columns.everything())
                output.update(value)
            else:
                field.put(value, output, scope)
        return output


def _selected(field: Field, number: int) -> _Selected:
    expression = field.expression
    evaluate = compile_expression(expression)
    if field.alias is not None:
        return _Selected(evaluate, field.alias, is_named=True)
    if isinstance(expression, Path):
        return _Selected(evaluate, expression, is_named=False)
    if isinstance(expression, Range) and expression.of is not None:
        return _Selected(evaluate, expression.of, is_named=True)
    if isinstance(expression, Const) and isinstance(expression.value, str):
        return _Selected(evaluate, Path(expression.value), is_named=True)
    return _Selected(evaluate, Path(f"_v_{_kind(expression)}_{number}"), is_named=False)


def _kind(node: Node) -> str:
    """Return what the made name of a field without one tells of it, in EMQX's words."""
    match node:
        case Const():
            return f"const_{node.value}"
        case Arithmetic() | Compared():
            return f"op_{node.operator}"
        case Call():
            return f"fun_{node.name}"
        case Case():
            return "case"
        case ListOf():
            return f"list_{len(node.items)}"
        case Range():
            return "range"
        case _:
            return "unknown"


def guarded(work: Callable[[Scope], _T], scope: Scope) -> _T:
    """Return what `work` makes of a scope.

    Raises:
        RuleError: it failed, whatever it raised.
    """
    try:
        return work(scope)
    except RuleError:
        raise
    except Exception as error:
        raise failure(error) from error


def failure(error: Exception) -> RuleError:
    """Return what a statement that raised something failed with."""
    return RuleError(f"{type(error).__name__}: {error}"[:500])


class Query:
    """A statement that can be run, by any number of threads at once."""

    def __init__(self, statement: Statement) -> None:
        """Compile a statement."""
        self.statement = statement
        self.topics = statement.topics
        """What stands behind FROM: topic filters and events."""
        self.is_foreach = statement.is_foreach
        where = statement.where
        self._where = None if where is None else compile_condition(where)
        self._run = self._foreach if statement.is_foreach else self._select
        self._plain: Plain | None = None
        self._sift: Sift | None = None
        if statement.is_foreach:
            self._prepare_foreach(statement)
        else:
            self._selection = _Selection(statement.fields)
            self._is_where_first = _is_where_first(statement)
            self._plain = plain_form(statement)
        if self._plain is not None:
            self._sift = sifting_form(statement)

    def run(self, columns: Mapping[str, Value], *, context: Context | None = None) -> list[Result]:
        """Return what the statement makes of an event: nothing, one result, or with FOREACH any number.

        Results share parts with the columns and with each other: nobody changes them.

        Args:
            columns: the event; where it is a `Columns`, the payload's JSON is decoded once for all statements.
            context: what functions may reach beyond the columns.

        Raises:
            RuleError: a clause failed.
        """
        if not isinstance(columns, Columns):
            columns = Columns(columns)
        try:
            return self.bound(context or Context())(columns)
        except RuleError:
            raise
        except Exception as error:
            raise failure(error) from error

    def bound(self, context: Context) -> Callable[[Columns], list[Result]]:
        """Return what does as `run` for one context, for whoever runs it over and over.

        It raises whatever was raised: `failure` makes a `RuleError` of what is none.
        """
        plain = self._plain
        if plain is not None:
            return partial(plain, context)
        return lambda columns: self._run(Scope(columns, context))

    @property
    def sift(self) -> Sift | None:
        """Return what does the same for many payloads at once, where the statement asks for nothing but their JSON."""
        return self._sift

    def _select(self, scope: Scope) -> list[Result]:
        where = self._where
        if self._is_where_first:
            if where is not None and not where(scope):
                return []
            return [self._selection.output(self._selection.computed(scope), scope)]
        values = self._selection.computed(scope)
        if where is not None and not where(scope):
            return []
        return [self._selection.output(values, scope)]

    def _prepare_foreach(self, statement: Statement) -> None:
        *before, last = (field for field in statement.fields if isinstance(field, Field))
        self._before = [
            _Selected(compile_expression(field.expression), field.alias, is_named=True)
            for field in before
            if field.alias is not None
        ]
        self._collection = compile_expression(last.expression)
        self._collection_name = last.alias
        self._item = last.alias or ITEM
        incase = statement.incase
        self._incase: Callable[[Scope], bool] | None
        self._incase = None if incase is None else compile_condition(incase)
        self._do = _Selection(statement.do) if statement.do else None

    def _foreach(self, scope: Scope) -> list[Result]:
        for field in self._before:
            field.put(field.evaluate(scope), scope, scope)
        collection = self._collection(scope)
        if self._where is not None:
            seen = scope
            if self._collection_name is not None:
                seen = scope.branch()
                write(self._collection_name, collection, seen, seen)
            if not self._where(seen):
                return []
        if type(collection) is not list:
            return []
        return list(self._elements(collection, scope))

    def _elements(self, collection: list[Value], scope: Scope) -> Iterator[Result]:
        for element in collection:
            scope.check()
            branch = scope.branch()
            write(self._item, element, branch, branch)
            if self._incase is not None and not self._incase(branch):
                continue
            if self._do is None:
                yield {**scope.columns.everything(), **branch}
            else:
                yield self._do.output(self._do.computed(branch), branch)


def _is_where_first(statement: Statement) -> bool:
    """Tell whether WHERE may be asked before anything is selected: nothing selected can fail or be meant in it."""
    where = statement.where
    if where is None:
        return True
    meant = {path.root for path in paths(where)}
    if any(isinstance(node, Call) for node in within(where)):
        meant |= READ_BY_FUNCTIONS
    for field in statement.fields:
        if isinstance(field, Star):
            continue
        named = field.alias
        if named is not None and (named.steps or named.root in meant):
            return False
        if isinstance(field.expression, Path):
            if field.expression.steps:
                return False
        elif not isinstance(field.expression, Const) or (
            named is None and field.expression.value in meant
        ):
            return False
    return True


def compile_sql(text: str) -> Query:
    """Return the query that a text stands for.

    Raises:
        SqlSyntaxError: it is no statement of the language.
    """
    return Query(parse(text))
