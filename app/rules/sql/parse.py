"""From text to a statement: the grammar and what is made of its pieces. Knows nothing of running."""

from __future__ import annotations

import math
import re
from functools import cache
from importlib.resources import files
from typing import Any, cast

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedToken

from app.rules.sql.errors import SqlSyntaxError
from app.rules.sql.nodes import (
    Arithmetic,
    Call,
    Case,
    Compared,
    Const,
    Field,
    IsIn,
    ListOf,
    Logic,
    Negated,
    Node,
    Range,
    Signed,
    Star,
    Statement,
    depth,
)
from app.rules.terms.paths import End, Index, Path, Step

MAX_LENGTH = 65_536
"""Characters of a statement."""
MAX_DEPTH = 150
"""Levels of brackets, operators and path steps within each other; each costs calls when it is run."""
MAX_DIGITS = 1_000
"""Of one number."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONSTANTS = {"true": True, "false": False}
_WORDS = {
    "NAME": "a name",
    "QUOTED": "a name in double quotes",
    "STRING": "a text in single quotes",
    "INT": "an integer",
    "FLOAT": "a number",
    "RANGE": "a range",
    "COMPARISON": "a comparison",
    "PLUS": "'+'",
    "MINUS": "'-'",
    "STAR": "'*'",
    "SLASH": "'/'",
    "COMMA": "','",
    "DOT": "'.'",
    "LPAR": "'('",
    "RPAR": "')'",
    "LSQB": "'['",
    "RSQB": "']'",
    "$END": "the end of the statement",
}
"""What the grammar's terminals are called where a person reads them; keywords go by their own names."""
_VALUES = frozenset(
    [
        "CASE",
        "DIV",
        "FLOAT",
        "INT",
        "LPAR",
        "LSQB",
        "MINUS",
        "MOD",
        "NAME",
        "NOT",
        "PLUS",
        "QUOTED",
        "RANGE",
        "STRING",
    ]
)
"""What a value can begin with."""
_OPERATORS = frozenset(
    [
        "AND",
        "OR",
        "NOT",
        "IN",
        "COMPARISON",
        "PLUS",
        "MINUS",
        "STAR",
        "SLASH",
        "DIV",
        "MOD",
        "DOT",
        "LSQB",
        "RANGE",
    ]
)
"""What can come behind a value and has another value behind it, or goes into it."""


def parse(text: str) -> Statement:
    """Return the statement that a text stands for.

    Raises:
        SqlSyntaxError: there is none.
    """
    if len(text) > MAX_LENGTH:
        raise SqlSyntaxError(1, 1, (f"at most {MAX_LENGTH} characters",), f"{len(text)}")
    lone = _SURROGATE.search(text)
    if lone is not None:
        line, column = _place(text, lone.start())
        raise SqlSyntaxError(line, column, ("a character",), "half of one")
    try:
        statement = cast("Statement", _parser().parse(text))
    except UnexpectedToken as error:
        raise _refused(text, error, error.accepts or error.expected, error.token) from None
    except UnexpectedCharacters as error:
        raise _refused(text, error, error.allowed or set(), error.char) from None
    levels = depth(statement)
    if levels > MAX_DEPTH:
        raise SqlSyntaxError(1, 1, (f"at most {MAX_DEPTH} levels",), f"{levels}")
    return statement


def _refused(text: str, error: UnexpectedInput, allowed: set[str], found: str) -> SqlSyntaxError:
    line, column = error.line, error.column
    at_end = isinstance(found, Token) and found.type == "$END"
    if at_end or line < 1:
        line, column = _place(text, len(text))
    if found in ("'", '"'):
        expected: tuple[str, ...] = (f"a closing {found} later on",)
    elif isinstance(error, UnexpectedCharacters):
        expected = ("a word of the language",)
    else:
        expected = _expected(allowed)
    return SqlSyntaxError(line, column, expected, "the end" if at_end else f"{str(found)[:40]!r}")


def _place(text: str, at: int) -> tuple[int, int]:
    """Return line and column of a place in a text."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _expected(allowed: set[str]) -> tuple[str, ...]:
    """Return what could have stood there in words, the many beginnings of a value as one."""
    words = []
    if "WHERE" in allowed and "SELECT" in allowed:
        return ("a key",)
    if allowed >= _VALUES:
        words.append("a value")
        allowed = allowed - _VALUES
    elif "COMPARISON" in allowed:
        words.append("an operator")
        allowed = allowed - _OPERATORS
    return (*words, *(_WORDS.get(name, name) for name in sorted(allowed)))


def _unquoted(token: str) -> str:
    quote = token[0]
    if quote not in "'\"":
        return str(token)
    return token[1:-1].replace(quote * 2, quote)


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    """Makes nodes of what the parser has recognised, innermost first."""

    def select(
        self, _word: Token, fields: tuple[Any, ...], topics: tuple[str, ...], where: Node | None
    ) -> Statement:
        return Statement(is_foreach=False, fields=fields, topics=topics, where=where)

    def foreach(self, _word: Token, *rest: Any) -> Statement:
        fields, do, incase, topics, where = rest
        return Statement(
            is_foreach=True, fields=fields, topics=topics, where=where, do=do or (), incase=incase
        )

    def fields(self, *fields: Any) -> tuple[Any, ...]:
        return fields

    collection = fields
    arguments = fields

    def star(self, _star: Token) -> Star:
        return Star()

    def bare(self, expression: Node) -> Field:
        return Field(expression)

    def aliased(self, expression: Node, *rest: Any) -> Field:
        alias = rest[-1]
        # `true` and `false` are values wherever they are read, and names where something is called so.
        return Field(expression, _named(alias))

    def do(self, _word: Token, fields: tuple[Any, ...]) -> tuple[Any, ...]:
        return fields

    def incase(self, _word: Token, condition: Node) -> Node:
        return condition

    where = incase

    def topic(self, token: Token) -> str:
        return _unquoted(token)

    def logic(self, left: Node, operator: Token, right: Node) -> Logic:
        word = operator.lower()
        if isinstance(left, Logic) and left.operator == word:
            # A long row of alternatives is one level, however many there are.
            return Logic(word, (*left.operands, right))
        return Logic(word, (left, right))

    def negated(self, _word: Token, operand: Node) -> Negated:
        return Negated(operand)

    def compared(self, left: Node, operator: Token, right: Node) -> Compared:
        return Compared(str(operator), left, right)

    def is_in(self, operand: Node, _word: Token, options: tuple[Node, ...]) -> IsIn:
        return IsIn(operand, options)

    def is_not_in(
        self, operand: Node, _no: Token, _word: Token, options: tuple[Node, ...]
    ) -> Negated:
        return Negated(IsIn(operand, options))

    def arithmetic(self, left: Node, operator: Token, right: Node) -> Arithmetic:
        return Arithmetic(operator.lower(), left, right)

    def signed(self, sign: Token, operand: Node) -> Signed:
        return Signed(str(sign), operand)

    def text(self, token: Token) -> Const:
        return Const(_unquoted(token))

    def integer(self, token: Token) -> Const:
        return Const(_integer(token))

    def decimal(self, token: Token) -> Const:
        value = float(token)
        if math.isinf(value):
            raise _number_refused(token)
        return Const(value)

    def range(self, token: Token) -> Range:
        return Range(*_ends(token))

    def slice(self, path: Path | Const, token: Token) -> Range:
        return Range(*_ends(token), _named(path))

    def list(self, items: tuple[Node, ...] | None) -> ListOf:
        return ListOf(items or ())

    def call(self, name: Token, arguments: tuple[Node, ...] | None) -> Call:
        word = _unquoted(name)
        return Call(word.lower() if name.type in {"DIV", "MOD"} else word, arguments or ())

    def case(self, _word: Token, subject: Node | None, *rest: Any) -> Case:
        *branches, otherwise, _end = rest
        return Case(subject, tuple(branches), otherwise)

    def when(self, _word: Token, condition: Node, _then: Token, value: Node) -> tuple[Node, Node]:
        return condition, value

    def path(self, root: Token, *steps: Step) -> Path | Const:
        if not steps and root in _CONSTANTS:
            return Const(_CONSTANTS[root])
        return Path(_unquoted(root), steps)

    def key(self, token: Token) -> str:
        return _unquoted(token)

    def index(self, sign: Token | None, token: Token) -> Index:
        number = _integer(token)
        if number == 0:
            return Index(End.TAIL if sign == "-" else End.HEAD)
        return Index(-number if sign == "-" else number)

    def index_of(self, path: Path | Const) -> Index:
        return Index(_named(path))


def _from(_builder: Any, _word: Token, *topics: str) -> tuple[str, ...]:
    return topics


def _else(_builder: Any, _word: Token, value: Node) -> Node:
    return value


# Two rules go by words that Python keeps for itself.
setattr(_Builder, "from", v_args(inline=True)(_from))
setattr(_Builder, "else", v_args(inline=True)(_else))


def _named(path: Path | Const) -> Path:
    if isinstance(path, Path):
        return path
    return Path("true" if path.value else "false")


def _integer(token: Token) -> int:
    if len(token) > MAX_DIGITS:
        raise _number_refused(token)
    return int(token)


def _ends(token: Token) -> tuple[int, int]:
    if len(token) > MAX_DIGITS:
        raise _number_refused(token)
    begin, _, end = token[1:-1].partition("..")
    return int(begin), int(end)


def _number_refused(token: Token) -> SqlSyntaxError:
    return SqlSyntaxError(
        token.line or 1, token.column or 1, ("a number of reasonable size",), f"{token[:40]!r}"
    )


@cache
def _parser() -> Lark:
    """Return the parser; it is made with the first statement, which a node without rules never has."""
    return Lark(
        files(__package__).joinpath("grammar.lark").read_text("utf-8"),
        parser="lalr",
        lexer="basic",
        maybe_placeholders=True,
        transformer=_Builder(),
    )
