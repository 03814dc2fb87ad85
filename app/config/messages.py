"""What the broker does with messages on their way, apart from routing them.

Rewrite rules are RE2's regular expressions: their time grows evenly with the topic, whatever a client makes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

import re2

from app.config.kinds import Kind, whole
from app.config.table import Setting, setting


@dataclass(frozen=True, slots=True)
class DelayedConfig:
    """Messages that are published later."""

    max_delayed_messages: int = setting(
        "delayed.max_delayed_messages",
        whole(),
        "0",
        "Most messages that may wait for their time; 0 sets no limit.",
        hot=True,
    )


@dataclass(frozen=True, slots=True)
class ClientStoryConfig:
    """What is remembered of the clients' last events."""

    max_clients: int = setting(
        "client_story.max_clients",
        whole(),
        "10000",
        "Clients whose last events are remembered; 0 remembers nobody's.",
    )
    max_events: int = setting(
        "client_story.max_events", whole(1, 1_000), "30", "Events that are remembered of a client."
    )


class Found(Protocol):
    """Where a regular expression matched."""

    def __getitem__(self, group: int, /) -> str | None:
        """Return what a group took; None where it took no part."""


class Pattern(Protocol):
    """A regular expression, as far as rules use it."""

    @property
    def groups(self) -> int:
        """Return how many groups it has."""

    def search(self, text: str, /) -> Found | None:
        """Return the first match."""


@dataclass(frozen=True, slots=True)
class RewriteRule:
    """Which topics become what."""

    topic_filter: str
    pattern: Pattern
    target: str
    """`$1` to `$9` are the pattern's groups, `%c` and `%u` client id and user name."""


@dataclass(frozen=True, slots=True)
class RewriteConfig:
    """Rules for topics, in the order of their names; the first whose filter matches applies."""

    pub: tuple[RewriteRule, ...] = ()
    sub: tuple[RewriteRule, ...] = ()


_LONGEST_PATTERN = 1_024
_PATTERN_OPTIONS = re2.Options()
_PATTERN_OPTIONS.log_errors = False


def _rewrite_rule(text: str) -> RewriteRule | None:
    if not text:
        return None
    topic_filter, pattern, target = text.split()
    *upper, last = topic_filter.split("/")
    wild = [level for level in (*upper, last.rstrip("#")) if "#" in level]
    if wild or (last != "#" and "#" in last) or len(pattern) > _LONGEST_PATTERN:
        raise ValueError
    try:
        compiled: Pattern = re2.compile(pattern, _PATTERN_OPTIONS)
    except re2.error as error:
        raise ValueError from error
    if any(int(number) > compiled.groups for number in re.findall(r"\$([1-9])", target)):
        raise ValueError
    return RewriteRule(topic_filter, compiled, target)


rewrite_rule = Kind(
    "a rewrite rule",
    "`FILTER REGEX TARGET` with a regular expression of RE2, which has no look-around and no "
    "back-references, such as x/# ^x/y/(.+)$ z/y/$1",
    _rewrite_rule,
)
REWRITE_RULES = {
    "pub": Setting(
        "rewrite.pub.rule.$name",
        rewrite_rule,
        "",
        "Rewrites topics of messages. Rules are tried in the order of their names; the first whose filter matches "
        "applies, and changes nothing where its regular expression does not match.",
    ),
    "sub": Setting(
        "rewrite.sub.rule.$name",
        rewrite_rule,
        "",
        "Rewrites filters that are subscribed to and unsubscribed from, in the same way.",
    ),
}
"""No fields: there may be any number of rules."""


def rule_order(name: str) -> tuple[bool, int, str]:
    """Return what names of rules are sorted by: numbers as numbers, before all others."""
    is_number = name.isascii() and name.isdecimal()
    return not is_number, int(name) if is_number else 0, name
