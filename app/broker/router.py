"""Who gets a message: from a topic name to its receivers.

Exact filters live in a dictionary, wildcard filters in a trie, and what a topic was found to mean is remembered until
a subscription changes it. A receiver is anything with `deliver(message, options)`: a session, or a shared group that
picks one of its members.

[MQTT-4.7.2-1]: filters that begin with a wildcard do not match topics that begin with `$`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from app.broker.hooks import Hearer
from app.broker.message import Message
from app.broker.trie import Trie
from app.mqtt.topic import is_wildcard

ROUTE_CACHE_MAX_TOPICS = 65_536
ROUTE_CACHE_MAX_TOPIC_LEN = 256
ONCE_SEEN_SLOTS = 65_536
"""A power of two."""


@dataclass(frozen=True, slots=True)
class SubOptions:
    """How a session wants what matches one filter (MQTT 5, 3.8.3.1)."""

    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0
    identifier: int | tuple[int, ...] | None = None
    """Subscription identifier; several where overlapping subscriptions were made one."""
    share: str | None = None
    plain: bool = field(init=False, repr=False, compare=False)
    """No option asks for anything that a QoS 0 message would have to be changed or withheld for."""

    def __post_init__(self) -> None:
        """Work out once what is asked for every message."""
        asks = self.no_local or self.retain_as_published or self.identifier is not None
        object.__setattr__(self, "plain", not asks)


class Receiver(Protocol):
    """Somebody whom messages can be delivered to."""

    @property
    def taker(self) -> Any:
        """Return the `Lane` that plain messages for it may be put on now; None where it wants to be asked."""

    @property
    def log(self) -> Any:
        """Return who is told of deliveries, where it is kept for when the node is gone; else None."""

    def deliver(self, message: Message, options: SubOptions) -> bool:
        """Take a message; False where it was dropped."""


Subscription = tuple[Receiver, SubOptions]
Subscribers = Subscription | dict[Receiver, SubOptions]
"""Of one filter: most have one, and a pair takes a quarter of what a dictionary does."""


class Route:
    """What a topic means: who gets its messages, one entry for each matching subscription.

    Whoever keeps one asks `live` before using it: a subscription that changes what the topic means ends it. One that
    the router does not keep itself was true when it was found, and is not to be kept by anybody.
    """

    __slots__ = ("hearer", "live", "overlaps", "receivers", "topic")

    def __init__(self, topic: str, receivers: tuple[Subscription, ...]) -> None:
        """Hold for this moment; `live` is set by whoever sees to it that it ends."""
        self.topic = topic
        self.receivers = receivers
        self.live = False
        self.hearer: Hearer | None = None
        """Who hears of messages on the express lane; of the moment when the topic was looked up for it."""
        self.overlaps: bool | None = None
        """A receiver may get each message more than once; None as long as nobody has asked."""

    def end(self) -> None:
        """Hold no longer, and keep nobody alive who may be gone by now."""
        self.live = False
        self.receivers = ()
        self.hearer = None


class Router:
    """Subscriptions of one node, by filter."""

    def __init__(self, *, merge_overlapping: bool = False) -> None:
        """Start without subscriptions.

        Args:
            merge_overlapping: A session whose filters match several times is one receiver, not several.
        """
        self._merges = merge_overlapping
        self._exact: dict[str, Subscribers] = {}
        """By filter without wildcards, which is a topic: kept apart, so that a topic is looked up in a small table."""
        self._wild: dict[str, Subscribers] = {}
        """By filter with wildcards."""
        self._wildcards: Trie[Subscribers] = Trie()
        self._cache: dict[str, Route] = {}
        self.by_packet: dict[bytes, Route] = {}
        """Routes by the topic as it stands in a PUBLISH, two bytes of length and the name; some may have ended."""
        self._once_seen = bytearray(ONCE_SEEN_SLOTS)
        """Of a topic that came once, eight bits of its hash at a place that sixteen others name: only what comes again
        is worth remembering. One in 256 is taken for a topic that came before, and remembered for nothing."""
        self._cached_below: dict[str, set[str]] = {}
        """The topics in the cache, by their first level: all that a wildcard filter below it can touch."""

    def __len__(self) -> int:
        """Return how many filters somebody is subscribed to."""
        return len(self._exact) + len(self._wild)

    def __contains__(self, topic_filter: object) -> bool:
        """Tell whether somebody is subscribed to exactly this filter."""
        return topic_filter in self._exact or topic_filter in self._wild

    def filters(self) -> list[str]:
        """Return a snapshot of all filters."""
        return [*self._exact, *self._wild]

    def add(self, topic_filter: str, receiver: Receiver, options: SubOptions) -> None:
        """Subscribe; doing it again replaces the options [MQTT-3.8.4-3]."""
        subscribers = self._table_of(topic_filter).get(topic_filter)
        if isinstance(subscribers, dict):
            subscribers[receiver] = options
        elif subscribers is None or subscribers[0] is receiver:
            self._enter(topic_filter, (receiver, options))
        else:
            self._enter(topic_filter, dict([subscribers, (receiver, options)]))
        self._forget(topic_filter)

    def _table_of(self, topic_filter: str) -> dict[str, Subscribers]:
        return self._wild if is_wildcard(topic_filter) else self._exact

    def _enter(self, topic_filter: str, subscribers: Subscribers) -> None:
        table = self._table_of(topic_filter)
        table[topic_filter] = subscribers
        if table is self._wild:
            self._wildcards.insert(topic_filter, subscribers)

    def remove(self, topic_filter: str, receiver: Receiver) -> None:
        """Unsubscribe; a receiver that is not there is no error."""
        table = self._table_of(topic_filter)
        subscribers = table.get(topic_filter)
        if isinstance(subscribers, dict):
            if subscribers.pop(receiver, None) is None:
                return
        elif subscribers is None or subscribers[0] is not receiver:
            return
        else:
            subscribers = None
        if not subscribers:
            del table[topic_filter]
            if table is self._wild:
                self._wildcards.remove(topic_filter)
        self._forget(topic_filter)

    def match(self, topic: str) -> Route:
        """Return what a topic name means now."""
        route = self._cache.get(topic)
        if route is None:
            route = Route(topic, self._search(topic))
            trace = hash(topic)
            place = trace & ONCE_SEEN_SLOTS - 1
            mark = trace >> 16 & 0xFF
            if self._once_seen[place] != mark:
                self._once_seen[place] = mark
            elif len(topic) <= ROUTE_CACHE_MAX_TOPIC_LEN:
                self._remember(topic, route)
        return route

    def _search(self, topic: str) -> tuple[Subscription, ...]:
        found = self._wildcards.match(topic)
        exact = self._exact.get(topic)
        if exact is not None:
            found.insert(0, exact)
        if len(found) == 1 and not isinstance(found[0], dict):
            return (found[0],)
        route: list[Subscription] = []
        for subscribers in found:
            if isinstance(subscribers, dict):
                route.extend(subscribers.items())
            else:
                route.append(subscribers)
        return merged(route) if self._merges else tuple(route)

    def _remember(self, topic: str, route: Route) -> None:
        if len(self._cache) >= ROUTE_CACHE_MAX_TOPICS:
            self._forget_all()
        self._cache[topic] = route
        route.live = True
        first = topic.partition("/")[0]
        below = self._cached_below.get(first)
        if below is None:
            self._cached_below[first] = {topic}
        else:
            below.add(topic)

    def _forget(self, topic_filter: str) -> None:
        """Forget the routes that a filter may be part of; each was found since it was last forgotten."""
        first = topic_filter.partition("/")[0]
        if first in {"+", "#"}:
            self._forget_all()
        elif is_wildcard(topic_filter):
            for topic in self._cached_below.pop(first, ()):
                self._cache.pop(topic).end()
        elif (route := self._cache.pop(topic_filter, None)) is not None:
            route.end()
            below = self._cached_below[first]
            below.discard(topic_filter)
            if not below:
                del self._cached_below[first]

    def _forget_all(self) -> None:
        for route in self._cache.values():
            route.end()
        self._cache.clear()
        self._cached_below.clear()


def merged(subscriptions: list[Subscription]) -> tuple[Subscription, ...]:
    """Make one of the subscriptions of each receiver: the highest QoS, all identifiers [MQTT-3.3.4-2] [MQTT-3.3.4-4].

    Those with No Local stay apart from those without: a message of the receiver's own is for the latter only.
    """
    kept: dict[tuple[int, bool], Subscription] = {}
    for receiver, options in subscriptions:
        key = (id(receiver), options.no_local)
        known = kept.get(key)
        kept[key] = (receiver, options if known is None else _joined(known[1], options))
    return tuple(kept.values())


def _joined(one: SubOptions, other: SubOptions) -> SubOptions:
    identifiers = (*_identifiers(one), *_identifiers(other))
    return replace(
        one,
        qos=max(one.qos, other.qos),
        retain_as_published=one.retain_as_published or other.retain_as_published,
        identifier=identifiers or None,
    )


def _identifiers(options: SubOptions) -> tuple[int, ...]:
    found = options.identifier
    if found is None:
        return ()
    return found if isinstance(found, tuple) else (found,)
