"""What claims say about a client: whether they are his, and what he may do by them.

Source: EMQX 4.4 `emqx_auth_jwt`: texts are compared as they are; of the lists `all` is looked through first, and what
is in none of them is denied. What differs: a claim is never equal to a name that the client does not have.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.broker.client_info import ClientInfo
from app.plugins.acl_topics import feed, is_met
from app.plugins.auth_jwt.tokens import Claims

EVERY_ACTION = "all"
LISTS = {"publish": "pub", "subscribe": "sub"}


def are_of(client: ClientInfo, claims: Claims, expected: Mapping[str, str]) -> bool:
    """Tell whether claims are what is expected of this client's.

    Args:
        client: Whose.
        claims: What the token says.
        expected: Texts by the claim's name; `%u` and `%c` stand for user name and client id.
    """
    names = {"%u": client.username, "%c": client.clientid}
    return all(_is_same(claims.get(name), names.get(text, text)) for name, text in expected.items())


def _is_same(found: object, wanted: str | None) -> bool:
    if not isinstance(found, str) or wanted is None:
        return False
    return hmac.compare_digest(found.encode(), wanted.encode())


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows, and until when."""

    topics: Mapping[str, tuple[str, ...]]
    """Filters by action."""
    expires_at_s: float | None

    def allows(self, client: ClientInfo, action: str, topic: str, now_s: float) -> bool:
        """Tell whether a client may `publish` to a topic or `subscribe` to a filter."""
        return self.filter_for(client, action, topic, now_s) is not None

    def filter_for(self, client: ClientInfo, action: str, topic: str, now_s: float) -> str | None:
        """Return which of the filters allows it; None where none does, or the token has expired."""
        if self.expires_at_s is not None and now_s >= self.expires_at_s:
            return None
        for one in self.topics[action]:
            topic_filter = feed(one, client)
            if topic_filter is not None and is_met(topic, topic_filter, allows=True):
                return one
        return None


def grant_of(acl: Any, expires_at_s: float | None) -> Grant:
    """Read the claim that says what a client may do; what is no list of texts allows nothing."""
    lists = acl if isinstance(acl, dict) else {}
    return Grant(
        {
            action: (*_texts(lists.get(EVERY_ACTION)), *_texts(lists.get(name)))
            for action, name in LISTS.items()
        },
        expires_at_s,
    )


def _texts(listed: object) -> tuple[str, ...]:
    if not isinstance(listed, list):
        return ()
    return tuple(one for one in listed if isinstance(one, str) and one)
