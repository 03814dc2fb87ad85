"""Who gets a message: from a topic name to its receivers.

Exact filters live in a dictionary, wildcard filters in a trie, and what a topic was found to mean is remembered until
a subscription changes it. A receiver is anything with `deliver(message, options)`: a session, or a shared group that
picks one of its members.

[MQTT-4.7.2-1]: filters that begin with a wildcard do not match topics that begin with `$`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from app.broker.message import Message
from app.broker.trie import Trie
from app.mqtt.topic import is_wildcard

ROUTE_CACHE_MAX_TOPICS = 65_536
ROUTE_CACHE_MAX_TOPIC_LEN = 256


@dataclass(frozen=True, slots=True)
class SubOptions:
    """How a session wants what matches one filter (MQTT 5, 3.8.3.1)."""

    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0
    identifier: int | None = None
    share: str | None = None
    plain: bool = field(init=False, repr=False, compare=False)
    """No option asks for anything that a QoS 0 message would have to be changed or withheld for."""

    def __post_init__(self) -> None:
        """Work out once what is asked for every message."""
        asks = self.no_local or self.retain_as_published or self.identifier is not None
        object.__setattr__(self, "plain", not asks)


class Receiver(Protocol):
    """Somebody whom messages can be delivered to."""

    def deliver(self, message: Message, options: SubOptions) -> bool:
        """Take a message; False where it was dropped."""


Subscribers = dict[Receiver, SubOptions]
Route = tuple[tuple[Receiver, SubOptions], ...]


class Router:
    """Subscriptions of one node, by filter."""

    def __init__(self) -> None:
        """Start without subscriptions."""
        self._filters: dict[str, Subscribers] = {}
        self._wildcards: Trie[Subscribers] = Trie()
        self._cache: dict[str, Route] = {}

    def __len__(self) -> int:
        """Return how many filters somebody is subscribed to."""
        return len(self._filters)

    def __contains__(self, topic_filter: object) -> bool:
        """Tell whether somebody is subscribed to exactly this filter."""
        return topic_filter in self._filters

    def filters(self) -> list[str]:
        """Return a snapshot of all filters."""
        return list(self._filters)

    def add(self, topic_filter: str, receiver: Receiver, options: SubOptions) -> None:
        """Subscribe; doing it again replaces the options [MQTT-3.8.4-3]."""
        subscribers = self._filters.get(topic_filter)
        if subscribers is None:
            subscribers = self._filters[topic_filter] = {}
            if is_wildcard(topic_filter):
                self._wildcards.insert(topic_filter, subscribers)
        subscribers[receiver] = options
        self._forget(topic_filter)

    def remove(self, topic_filter: str, receiver: Receiver) -> None:
        """Unsubscribe; a receiver that is not there is no error."""
        subscribers = self._filters.get(topic_filter)
        if subscribers is None or subscribers.pop(receiver, None) is None:
            return
        if not subscribers:
            del self._filters[topic_filter]
            if is_wildcard(topic_filter):
                self._wildcards.remove(topic_filter)
        self._forget(topic_filter)

    def match(self, topic: str) -> Route:
        """Return all receivers of a topic name, one entry for each matching subscription."""
        route = self._cache.get(topic)
        if route is None:
            route = tuple(self._search(topic))
            if len(topic) <= ROUTE_CACHE_MAX_TOPIC_LEN:
                if len(self._cache) >= ROUTE_CACHE_MAX_TOPICS:
                    self._cache.clear()
                self._cache[topic] = route
        return route

    def _search(self, topic: str) -> Iterator[tuple[Receiver, SubOptions]]:
        exact = self._filters.get(topic)
        if exact is not None:
            yield from exact.items()
        if self._wildcards:
            for subscribers in self._wildcards.match(topic):
                yield from subscribers.items()

    def _forget(self, topic_filter: str) -> None:
        if is_wildcard(topic_filter):
            # Which remembered topics a wildcard filter touches is not worth finding out.
            self._cache.clear()
        else:
            self._cache.pop(topic_filter, None)
