"""Topic names and filters: what is valid, what matches what, what EMQX's share prefixes mean.

Knows text only, neither packets nor subscriptions. The router has its own trie; `matches` is for
single questions and is the definition that the trie is tested against.
"""

from __future__ import annotations

from typing import Final

MAX_TOPIC_BYTES: Final = 65_535
SHARE_PREFIX: Final = "$share/"
QUEUE_PREFIX: Final = "$queue/"
QUEUE_GROUP: Final = "$queue"


class InvalidTopic(ValueError):
    """A topic name or topic filter that the standard does not allow."""


def validate_topic_name(topic_name: str) -> None:
    """Check a topic name: 1 to 65535 bytes of UTF-8, no NUL, no wildcard.

    [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3] [MQTT-3.3.2-2]

    Raises:
        InvalidTopic: Saying which rule is broken.
    """
    _validate_text(topic_name)
    if "+" in topic_name or "#" in topic_name:
        raise InvalidTopic("topic name contains a wildcard")


def validate_topic_filter(topic_filter: str) -> None:
    """Check a topic filter: text as of a name, `#` alone in the last level, `+` alone in any.

    [MQTT-4.7.1-1] [MQTT-4.7.1-2] A share prefix is not looked at: call `split_share` first and
    check the filter it returns.

    Raises:
        InvalidTopic: Saying which rule is broken.
    """
    _validate_text(topic_filter)
    if not is_wildcard(topic_filter):
        return
    words = topic_filter.split("/")
    for word in words:
        if len(word) > 1 and is_wildcard(word):
            raise InvalidTopic("a wildcard does not stand alone in its level")
    if "#" in words[:-1]:
        raise InvalidTopic("# is not the last level")


def is_wildcard(topic_filter: str) -> bool:
    """Tell whether a filter contains `+` or `#`."""
    return "+" in topic_filter or "#" in topic_filter


def levels(topic: str) -> int:
    """Count the levels of a name or filter, empty ones included."""
    return topic.count("/") + 1


def matches(topic_name: str, topic_filter: str) -> bool:
    """Tell whether a valid filter (without share prefix) matches a valid name.

    A filter that begins with a wildcard does not match names that begin with `$` [MQTT-4.7.2-1].
    """
    if topic_name.startswith("$") and topic_filter.startswith(("+", "#")):
        return False
    if not is_wildcard(topic_filter):
        return topic_name == topic_filter
    words = topic_name.split("/")
    patterns = topic_filter.split("/")
    if patterns[-1] == "#":
        # `a/#` also matches its parent `a` (MQTT 5, section 4.7.1.2), so the `#` itself asks for
        # nothing.
        patterns.pop()
        words = words[: len(patterns)]
    return len(words) == len(patterns) and all(
        pattern in ("+", word) for pattern, word in zip(patterns, words, strict=True)
    )


def split_share(topic_filter: str) -> tuple[str | None, str]:
    """Split EMQX's share prefixes off a filter.

    Returns:
        The group and the inner filter: `$share/g/f` gives `("g", "f")`, `$queue/f` gives
        `("$queue", "f")`, and any other filter `(None, filter)`. The inner filter is not validated
        further.

    Raises:
        InvalidTopic: A group that is missing, empty or has wildcards [MQTT-4.8.2-1], no filter
            behind the group [MQTT-4.8.2-2], or a share within a share.
    """
    if topic_filter.startswith(QUEUE_PREFIX):
        group, inner = QUEUE_GROUP, topic_filter[len(QUEUE_PREFIX) :]
    elif topic_filter.startswith(SHARE_PREFIX):
        group, _, inner = topic_filter[len(SHARE_PREFIX) :].partition("/")
    else:
        return None, topic_filter
    if not group or is_wildcard(group):
        raise InvalidTopic("share group is empty or contains a wildcard")
    if not inner:
        raise InvalidTopic("no topic filter behind the share group")
    if inner.startswith((SHARE_PREFIX, QUEUE_PREFIX)):
        raise InvalidTopic("share within a share")
    return group, inner


def _validate_text(topic: str) -> None:
    if not topic:
        raise InvalidTopic("topic is empty")
    if "\0" in topic:
        raise InvalidTopic("topic contains NUL")
    try:
        size_bytes = len(topic) if topic.isascii() else len(topic.encode())
    except UnicodeEncodeError as error:
        raise InvalidTopic("topic contains a surrogate") from error
    if size_bytes > MAX_TOPIC_BYTES:
        raise InvalidTopic("topic is longer than 65535 bytes")
