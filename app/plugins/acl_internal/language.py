"""EMQX's rule language: Erlang terms, a rule each, with a dot behind it.

    {allow, {user, "dashboard"}, subscribe, ["$SYS/#"]}.
    {deny, all, subscribe, ["$SYS/#", {eq, "#"}]}.
    {allow, all}.

It knows texts and rules, no files and no clients. Source: EMQX 4.4 `emqx_access_rule`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.tree import Meta

from app.mqtt.topic import InvalidTopic, validate_topic_filter

_GRAMMAR = r"""
    start: (term ".")*
    ?term: tuple | list | STRING | BINARY | ATOM
    tuple: "{" [term ("," term)*] "}"
    list: "[" [term ("," term)*] "]"
    BINARY.2: /<<"(?:[^"\\]|\\.)*"(?:\/utf8)?>>/
    STRING: /"(?:[^"\\]|\\.)*"/
    ATOM: /[a-z][A-Za-z0-9_@]*/ | /'(?:[^'\\]|\\.)*'/
    COMMENT: /%[^\n]*/
    %import common.WS
    %ignore WS
    %ignore COMMENT
"""
ACCESSES = {"publish": ("publish",), "subscribe": ("subscribe",), "pubsub": ("publish", "subscribe")}  # fmt: skip
Network = IPv4Network | IPv6Network


class RuleError(Exception):
    """A rule file that cannot be read; the text says where and what is expected."""

    def __init__(self, sentence: str, line: int, column: int) -> None:
        """Keep what is wrong, and the place, both counted from 1."""
        self.sentence = sentence
        self.line = line
        self.column = column
        super().__init__(f"line {line}, column {column}: {sentence}")


class Topic(NamedTuple):
    """A topic of a rule."""

    topic_filter: str
    exactly: bool
    """Whether it stands for itself only: `{eq, "#"}`."""


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a rule is about; `kind` is all, user, client, ipaddr, and or or."""

    kind: str
    name: str = ""
    pattern: re.Pattern[str] | None = None
    networks: tuple[Network, ...] = ()
    parts: tuple[Who, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; without topics it is about all of them."""

    allows: bool
    who: Who
    actions: tuple[str, ...] = ("publish", "subscribe")
    topics: tuple[Topic, ...] | None = None
    line: int = field(default=0, compare=False)
    """Where it stands: its line in the file, or its row in somebody's answer; from 1."""
    text: str = field(default="", compare=False)
    """As it is written, where it is written."""


class _Text(str):
    """A string, as opposed to an atom, which is a plain `str`."""

    __slots__ = ()


class _Term(NamedTuple):
    value: str | tuple[_Term, ...] | list[_Term]
    line: int
    column: int
    start: int = 0
    end: int = 0
    """Where in the text it is."""


def parse_rules(text: str) -> tuple[Rule, ...]:
    """Return the rules of a file, in its order.

    Raises:
        RuleError: At the first thing that is none.
    """
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise RuleError(_unexpected(error), max(error.line, 1), max(error.column, 1)) from None
    terms: list[_Term] = _Terms().transform(tree)
    return tuple(_placed(_rule(term), term, text) for term in terms)


def _placed(rule: Rule, term: _Term, text: str) -> Rule:
    written = " ".join(text[term.start : term.end].split())
    return replace(rule, line=term.line, text=f"{written}.")


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True)


def _unexpected(error: UnexpectedInput) -> str:
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        return "the file ends within a rule; a rule ends with a dot"
    found = getattr(error, "char", None) or (token if token is not None else "")
    return f"{str(found)!r} is not expected here; a rule is like {{allow, all}}. with a dot"


@v_args(meta=True)
class _Terms(Transformer[Token, list[_Term]]):
    def start(self, _meta: Meta, terms: list[_Term | Token]) -> list[_Term]:
        return [_leaf(term) for term in terms]

    def tuple(self, meta: Meta, terms: list[_Term | Token | None]) -> _Term:
        leaves = tuple(_leaf(term) for term in terms if term is not None)
        return _Term(leaves, meta.line, meta.column, meta.start_pos, meta.end_pos)

    def list(self, meta: Meta, terms: list[_Term | Token | None]) -> _Term:
        return _Term([_leaf(term) for term in terms if term is not None], meta.line, meta.column)


def _leaf(term: _Term | Token) -> _Term:
    if isinstance(term, _Term):
        return term
    text = str(term)
    line, column = term.line or 1, term.column or 1
    if term.type == "ATOM":
        return _Term(text.strip("'"), line, column)
    inner = text[text.index('"') + 1 : text.rindex('"')]
    return _Term(_Text(re.sub(r"\\(.)", r"\1", inner)), line, column)


def _refuse(term: _Term, expected: str) -> RuleError:
    return RuleError(f"{expected} is expected here", term.line, term.column)


def _rule(term: _Term) -> Rule:
    parts = term.value
    if not isinstance(parts, tuple) or len(parts) not in (2, 4):
        raise _refuse(term, "{Permission, Who} or {Permission, Who, Access, Topics}")
    if parts[0].value not in ("allow", "deny") or isinstance(parts[0].value, _Text):
        raise _refuse(parts[0], "allow or deny")
    allows = parts[0].value == "allow"
    if len(parts) == 2:
        if parts[1].value != "all":
            raise _refuse(parts[1], "all, or a rule with access and topics,")
        return Rule(allows, Who("all"))
    access = parts[2].value
    if not isinstance(access, str) or isinstance(access, _Text) or access not in ACCESSES:
        raise _refuse(parts[2], "publish, subscribe or pubsub")
    topics = parts[3].value
    # EMQX takes a single text for a list of one.
    listed = topics if isinstance(topics, list) else [parts[3]]
    return Rule(allows, _who(parts[1]), ACCESSES[access], tuple(_topic(one) for one in listed))


def _who(term: _Term) -> Who:
    value = term.value
    if value == "all" and not isinstance(value, _Text):
        return Who("all")
    if not isinstance(value, tuple) or len(value) != 2:
        raise _refuse(term, 'all, {user, "name"}, {client, "id"} or {ipaddr, "address"}')
    kind, what = value[0].value, value[1]
    if kind in ("user", "client"):
        return _named(str(kind), what)
    if kind in ("ipaddr", "ipaddrs"):
        listed = what.value if isinstance(what.value, list) else [what]
        return Who("ipaddr", networks=tuple(_network(one) for one in listed))
    if kind in ("and", "or") and isinstance(what.value, list):
        return Who(str(kind), parts=tuple(_who(part) for part in what.value))
    raise _refuse(value[0], "user, client, ipaddr, ipaddrs, 'and' or 'or'")


def _named(kind: str, what: _Term) -> Who:
    value = what.value
    if value == "all" and not isinstance(value, _Text):
        return Who("all")
    if isinstance(value, _Text):
        return Who(kind, str(value))
    if isinstance(value, tuple) and len(value) == 2 and value[0].value == "re":
        try:
            return Who(kind, pattern=re.compile(_string(value[1])))
        except re.error:
            raise _refuse(value[1], "a regular expression") from None
    raise _refuse(what, 'a text in quotes or {re, "expression"}')


def _network(term: _Term) -> Network:
    try:
        return ip_network(_string(term), strict=False)
    except ValueError:
        raise _refuse(term, "an address such as 10.0.0.1 or 10.0.0.0/8") from None


def _topic(term: _Term) -> Topic:
    value = term.value
    if isinstance(value, tuple):
        if len(value) != 2 or value[0].value != "eq":
            raise _refuse(term, 'a topic or {eq, "topic"}')
        return Topic(_string(value[1]), True)
    topic = _string(term)
    try:
        validate_topic_filter(topic)
    except InvalidTopic:
        raise _refuse(term, "a topic filter") from None
    return Topic(topic, False)


def _string(term: _Term) -> str:
    if not isinstance(term.value, _Text):
        raise _refuse(term, "a text in quotes")
    return str(term.value)
