"""Whether a topic of an access rule is the one that a client wants; the same for every kind of rule.

It knows neither where rules come from nor in which order they are asked.
"""

from __future__ import annotations

import re
from typing import Protocol

from app.mqtt.topic import is_wildcard, matches

_NAME = re.compile("%[uc]")


class Named(Protocol):
    """Somebody whose names may stand in a topic: a client, or one that is only thought of."""

    @property
    def clientid(self) -> str:
        """Return the client id."""

    @property
    def username(self) -> str | None:
        """Return the user name."""


def feed(topic_filter: str, client: Named) -> str | None:
    """Put client id and user name in the place of the levels `%c` and `%u`, as EMQX does with whole levels only.

    Returns:
        The filter; None where a name that it needs is missing, or would be more than one level or a wildcard.
    """
    if "%" not in topic_filter:
        return topic_filter
    names = {"%c": client.clientid, "%u": client.username}
    levels = topic_filter.split("/")
    for number, level in enumerate(levels):
        if level in names:
            name = names[level]
            if not name or "/" in name or is_wildcard(name):
                # A client called `#` must not make a rule for everything out of one for itself.
                return None
            levels[number] = name
    return "/".join(levels)


def feed_anywhere(topic_filter: str, client: Named) -> str | None:
    """Put client id and user name wherever `%c` and `%u` are, as EMQX does for some backends also within a level.

    Returns:
        The filter; None where it is empty, or a name that it needs is missing or would be more than a part of a level.
    """
    names = {"%c": client.clientid, "%u": client.username}
    for placeholder in set(_NAME.findall(topic_filter)):
        name = names[placeholder]
        if not name or "/" in name or is_wildcard(name):
            # A client called `#` must not make a rule for everything out of one for itself.
            return None
    return _NAME.sub(lambda found: names[found[0]] or "", topic_filter) or None


def is_met(topic: str, topic_filter: str, *, allows: bool) -> bool:
    """Tell whether a rule for a filter decides about a topic that is published to, or a filter that is subscribed to.

    What allows must cover all that is asked for: `a/+` does not allow to subscribe to `a/#`, though as text it matches.
    What denies is taken as EMQX takes it.
    """
    if allows and topic.endswith("#") and not topic_filter.endswith("#"):
        return False
    return matches(topic, topic_filter)
