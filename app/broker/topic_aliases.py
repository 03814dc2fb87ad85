"""Topic aliases that the broker gives to topics on their way to one client (MQTT 5, section 3.3.2.3.4).

An alias costs three bytes when it is set up and saves the topic each time after. While aliases are free every topic
gets one; after that only a topic that repeats takes another's. This knows encoded PUBLISH packets and neither channel
nor session. It belongs to one connection and ends with it.
"""

from __future__ import annotations

from app.broker.message import Form
from app.mqtt.wire import encode_varint, read_varint

CANDIDATES_PER_ALIAS = 4
"""So many topics for each alias are remembered as seen once, before all of them are forgotten."""

_TOPIC_ALIAS = b"\x23"
_NO_TOPIC = b"\0\0"


class TopicAliases:
    """The aliases of one connection; the topic that was not used for longest gives its own away."""

    __slots__ = ("_aliases", "_candidates", "_limit_bytes", "_maximum")

    def __init__(self, maximum: int, limit_bytes: int) -> None:
        """Start without any.

        Args:
            maximum: most aliases at a time, 1 at least.
            limit_bytes: the client's Maximum Packet Size, which setting up an alias must not pass; 0 is none.
        """
        self._maximum = maximum
        self._limit_bytes = limit_bytes
        self._aliases: dict[str, int] = {}
        """By topic, the one that was used last at the end."""
        self._candidates: set[str] = set()

    def shorten(self, topic: str, form: Form, qos: int) -> Form:
        """Return the form as it is to be sent: with an alias for its topic, with both, or as it is.

        What is returned must be sent, or the client will not know the alias.

        Args:
            topic: of the message.
            form: its whole encoding for an MQTT 5 receiver.
            qos: of the delivery.
        """
        alias = self._aliases.pop(topic, 0)
        if alias:
            self._aliases[topic] = alias
            return with_alias(form, qos, alias, keep_topic=False)
        if len(self._aliases) >= self._maximum and topic not in self._candidates:
            if len(self._candidates) >= self._maximum * CANDIDATES_PER_ALIAS:
                self._candidates.clear()
            self._candidates.add(topic)
            return form
        alias = self._next_alias()
        longer = with_alias(form, qos, alias, keep_topic=True)
        if self._limit_bytes and frame_size(longer, qos) > self._limit_bytes:
            return form
        self._candidates.discard(topic)
        if len(self._aliases) >= self._maximum:
            del self._aliases[next(iter(self._aliases))]
        self._aliases[topic] = alias
        return longer

    def _next_alias(self) -> int:
        """Return a free alias, or the one of the topic that was not used for longest."""
        if len(self._aliases) < self._maximum:
            return len(self._aliases) + 1
        return self._aliases[next(iter(self._aliases))]


def frame_size(form: Form, qos: int) -> int:
    """Return how long the packet of a form is, in bytes."""
    return len(form[0]) + len(form[1]) + (2 if qos else 0)


def with_alias(form: Form, qos: int, alias: int, *, keep_topic: bool) -> Form:
    """Return an MQTT 5 form with a topic alias, and with its topic only where the alias is new."""
    head, tail = form
    _, at = read_varint(head, 1)
    end = at + 2 + (head[at] << 8 | head[at + 1])
    topic = head[at:end] if keep_topic else _NO_TOPIC
    rest = tail if qos else head[end:]
    size, start = read_varint(rest, 0)
    section = encode_varint(size + 3) + _TOPIC_ALIAS + alias.to_bytes(2, "big")
    rest = b"".join((section, rest[start:]))
    length = encode_varint(len(topic) + len(rest) + (2 if qos else 0))
    begin = b"".join((head[:1], length, topic))
    return (begin, rest) if qos else (begin + rest, b"")
