"""Filters on live clients and subscriptions: from a query to a test that is cheap to ask 100,000 times.

Source: EMQX 4.4's management API, section "Pagination and filters": an exact filter on a member overrules a fuzzy one,
`_like_` is a case-sensitive substring.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from heapq import heappush, heapreplace

from app.broker.cm import ManagedChannel
from app.clock import SystemClock
from app.mqtt.topic import matches as topic_matches
from app.node.proxy import ClientQuery, SubscriptionQuery

ClientTest = Callable[[ManagedChannel], bool]


def conn_state(channel: ManagedChannel) -> str:
    """Return EMQX's word for the state of a client."""
    return "connected" if channel.is_connected else "disconnected"


def created_at_ms(channel: ManagedChannel) -> int:
    """Return when the client's session was made."""
    return channel.session.created_at_ms if channel.session else channel.connected_at_ms


def mqueue_len(channel: ManagedChannel) -> int:
    """Return how many messages wait for the client."""
    return len(channel.session.mqueue) if channel.session else 0


def mqueue_dropped(channel: ManagedChannel) -> int:
    """Return how many messages the client's queue had no room for."""
    return channel.session.mqueue.dropped if channel.session else 0


def idle_ms(channel: ManagedChannel) -> int | None:
    """Return for how long the client has sent nothing, or has been away; None where nobody can tell."""
    if channel.is_connected or channel.disconnected_at_ms is None:
        return channel.wire.silence_ms()
    return max(SystemClock.wall_ms() - channel.disconnected_at_ms, 0)


def dropped(channel: ManagedChannel) -> int:
    """Return how many messages for the client were given up: by its queue, or for other reasons while it was there."""
    given_up = channel.counters.send_msg_dropped or {}
    queue_full = max(mqueue_dropped(channel), given_up.get("queue_full", 0))
    return queue_full + sum(given_up.values()) - given_up.get("queue_full", 0)


SORTED: dict[str, Callable[[ManagedChannel], int]] = {
    "mqueue_len": mqueue_len,
    "dropped": dropped,
    "idle": lambda channel: idle_ms(channel) or 0,
}
"""What clients can be listed by, the largest first."""
PLACE_BITS = 32
LAST_PLACE = (1 << PLACE_BITS) - 1
SORTED_MAX_ROWS = 10_000
"""A list in order ends here: nobody looks at so many, and their order is worked out for each page anew."""


class Largest:
    """The clients with the largest values of a snapshot, found part by part; equal ones in the snapshot's order.

    Value and place are one number each, since ten thousand numbers are sorted in a moment and as many pairs are not.
    """

    def __init__(
        self, channels: Sequence[ManagedChannel], count: int, key: Callable[[ManagedChannel], int]
    ) -> None:
        """Look for `count` of them."""
        self._channels = channels
        self._count = count
        self._key = key
        self._heap: list[int] = []

    def look_at(self, places: Sequence[int]) -> bool:
        """Take the clients at these places of the snapshot into account; never enough of them."""
        heap, key, channels = self._heap, self._key, self._channels
        for place in places:
            entry = (key(channels[place]) << PLACE_BITS) | (LAST_PLACE - place)
            if len(heap) < self._count:
                heappush(heap, entry)
            elif heap and entry > heap[0]:
                heapreplace(heap, entry)
        return False

    def found(self) -> list[ManagedChannel]:
        """Return them, the largest first."""
        ordered = sorted(self._heap, reverse=True)
        return [self._channels[LAST_PLACE - (entry & LAST_PLACE)] for entry in ordered]


EXACT: dict[str, Callable[[ManagedChannel], object]] = {
    "clientid": lambda channel: channel.client.clientid,
    "username": lambda channel: channel.client.username,
    "zone": lambda channel: channel.client.zone.name,
    "ip_address": lambda channel: channel.client.peerhost,
    "conn_state": conn_state,
    "clean_start": lambda channel: channel.client.clean_start,
    "proto_name": lambda channel: channel.client.proto_name,
    "proto_ver": lambda channel: channel.client.proto_ver,
}
LIKE: dict[str, Callable[[ManagedChannel], str]] = {
    "like_clientid": lambda channel: channel.client.clientid,
    "like_username": lambda channel: channel.client.username or "",
}
RANGE: dict[str, Callable[[ManagedChannel], int]] = {
    "created_at_ms": created_at_ms,
    "connected_at_ms": lambda channel: channel.connected_at_ms,
    "mqueue_len": mqueue_len,
    "mqueue_dropped": mqueue_dropped,
}


def is_empty(query: ClientQuery | SubscriptionQuery) -> bool:
    """Tell whether nothing is asked for in particular."""
    return all(getattr(query, field.name) is None for field in fields(query))


def client_test(query: ClientQuery) -> ClientTest:
    """Return the test that a client passes when it fits the query."""
    tests: list[ClientTest] = []
    for name, read in EXACT.items():
        wanted = getattr(query, name)
        if wanted is not None:
            tests.append(_equals(read, wanted))
    for name, read_text in LIKE.items():
        wanted = getattr(query, name)
        if wanted is not None and getattr(query, name.removeprefix("like_")) is None:
            tests.append(_contains(read_text, wanted))
    for name, read_number in RANGE.items():
        low, high = getattr(query, f"gte_{name}"), getattr(query, f"lte_{name}")
        if low is not None or high is not None:
            tests.append(_between(read_number, low, high))
    if len(tests) == 1:
        return tests[0]
    return lambda channel: all(test(channel) for test in tests)


def _equals(read: Callable[[ManagedChannel], object], wanted: object) -> ClientTest:
    return lambda channel: read(channel) == wanted


def _contains(read: Callable[[ManagedChannel], str], wanted: str) -> ClientTest:
    return lambda channel: wanted in read(channel)


def _between(
    read: Callable[[ManagedChannel], int], low: int | None, high: int | None
) -> ClientTest:
    def test(channel: ManagedChannel) -> bool:
        value = read(channel)
        return (low is None or value >= low) and (high is None or value <= high)

    return test


SubscriptionTest = Callable[[str, int, str | None], bool]
"""Asked with a filter as the lists show it, its QoS and its group."""


def subscription_test(query: SubscriptionQuery) -> SubscriptionTest:
    """Return the test that a subscription passes when it fits the query, whoever's it is."""
    topic, share, qos, pattern = query.topic, query.share, query.qos, query.match_topic
    # EMQX compares a prefix of the group where the filter is given as well.
    is_prefix = topic is not None

    def share_fits(its_share: str | None) -> bool:
        if is_prefix:
            return its_share is not None and its_share.startswith(share or "")
        return its_share == share

    def test(key: str, its_qos: int, its_share: str | None) -> bool:
        if qos is not None and its_qos != qos:
            return False
        if share is not None and not share_fits(its_share):
            return False
        inner = key if its_share is None else key.removeprefix(f"$share/{its_share}/")
        if topic is not None and inner != topic:
            return False
        return pattern is None or topic_matches(inner, pattern)

    return test
