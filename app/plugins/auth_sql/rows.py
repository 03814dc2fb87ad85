"""What rows of a database mean: access rules, and whether somebody is a superuser.

Source: EMQX 4.4 `emqx_acl_mysql`, `emqx_acl_pgsql`.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from app.backends.breaker import BackendError
from app.backends.pool import Row
from app.plugins.acl_internal.language import Rule, Topic, Who
from app.plugins.acl_internal.rules import RuleSet

_ALLOW = {"1": True, "0": False}
_ACCESS = {"1": ("subscribe",), "2": ("publish",), "3": ("publish", "subscribe")}
_YES = frozenset({"1", "true", "t"})
_EXACTLY = "eq "
_EVERYBODY = "$all"


def text_of(value: Any) -> str | None:
    """Return a column as EMQX sees it: a text, or None; drivers have types of their own for some."""
    match value:
        case None:
            return None
        case bool():
            return str(int(value))
        case bytes() | bytearray():
            # MySQL's BIT is the number itself, its BINARY a text.
            return str(value[0]) if len(value) == 1 and value[0] < 2 else value.decode("utf-8", "replace")  # fmt: skip
        case _:
            return str(value)


def is_yes(value: Any) -> bool:
    """Tell whether a column says that somebody is a superuser."""
    return (text_of(value) or "").strip().lower() in _YES


def rules_of(rows: Sequence[Row]) -> RuleSet:
    """Return the rules that rows are, the last one first, as EMQX asks them.

    Raises:
        BackendError: One is no rule.
    """
    return RuleSet([_rule(row, number) for number, row in reversed(list(enumerate(rows, 1)))])


def _rule(row: Row, number: int) -> Rule:
    try:
        allow, ipaddr, username, clientid, access, topic = map(text_of, row)
        if allow is None or access is None or topic is None:
            raise ValueError
        is_exact = topic.startswith(_EXACTLY)
        return Rule(
            allows=_ALLOW[allow.strip()],
            who=_who(ipaddr, username, clientid),
            actions=_ACCESS[access.strip()],
            topics=(Topic(topic.removeprefix(_EXACTLY), exactly=is_exact),),
            line=number,
            text=topic,
        )
    except (ValueError, KeyError):
        raise BackendError(
            "a row of acl_query is no rule of allow, ipaddr, username, clientid, access, topic"
        ) from None


def _who(ipaddr: str | None, username: str | None, clientid: str | None) -> Who:
    if username == _EVERYBODY:
        return Who("all")
    parts = []
    if ipaddr:
        parts.append(Who("ipaddr", networks=(ip_network(ipaddr, strict=False),)))
    if username:
        parts.append(Who("user", username))
    if clientid:
        parts.append(Who("client", clientid))
    if not parts:
        # A rule about nobody in particular is a mistake; taken for everybody it would open every door.
        raise ValueError
    return Who("and", parts=tuple(parts))
