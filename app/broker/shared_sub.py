"""Shared subscriptions: a group is one receiver that hands each message to one of its members.

Source: seed-independent, EMQX 4.4's `broker.shared_subscription_strategy`. Members that are connected are preferred;
where none is, a persistent member's queue takes the message.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from typing import Protocol

from app.broker.message import Message
from app.broker.router import Router, SubOptions


class Member(Protocol):
    """A session, as a group sees it."""

    @property
    def clientid(self) -> str:
        """Return whose session it is."""

    @property
    def is_connected(self) -> bool:
        """Tell whether its client is there now."""

    def deliver(self, message: Message, options: SubOptions) -> bool:
        """Take a message; False where it was dropped."""


class SharedGroup:
    """The members of `$share/<group>/<filter>`."""

    def __init__(self, strategy: str) -> None:
        """Start without members; `strategy` is one of `STRATEGIES`."""
        self.members: dict[Member, SubOptions] = {}
        self._pick = STRATEGIES[strategy]
        self.turns: dict[str | None, int] = {}
        """Round robin: whose turn it is, by publisher, as EMQX keeps it."""
        self.sticky: dict[str | None, Member] = {}

    def deliver(self, message: Message, options: SubOptions) -> bool:
        """Hand the message to one member; try the others where it is dropped."""
        connected = [member for member in self.members if member.is_connected]
        candidates = connected or list(self.members)
        while candidates:
            member = self._pick(self, candidates, message)
            if member.deliver(message, self.members[member]):
                return True
            candidates.remove(member)
        return False

    def forget(self, member: Member) -> None:
        """Take a member out."""
        self.members.pop(member, None)
        self.sticky = {who: stuck for who, stuck in self.sticky.items() if stuck is not member}


def _random(group: SharedGroup, candidates: Sequence[Member], message: Message) -> Member:
    return random.choice(candidates)  # noqa: S311 - a load balancer needs no secrecy


def _round_robin(group: SharedGroup, candidates: Sequence[Member], message: Message) -> Member:
    if len(group.turns) > MAX_REMEMBERED_PUBLISHERS:
        group.turns.clear()
    turn = group.turns.get(message.clientid, -1) + 1
    group.turns[message.clientid] = turn
    return candidates[turn % len(candidates)]


def _sticky(group: SharedGroup, candidates: Sequence[Member], message: Message) -> Member:
    member = group.sticky.get(message.clientid)
    if member is None or member not in candidates:
        if len(group.sticky) > MAX_REMEMBERED_PUBLISHERS:
            group.sticky.clear()
        member = group.sticky[message.clientid] = _random(group, candidates, message)
    return member


def _hash_clientid(group: SharedGroup, candidates: Sequence[Member], message: Message) -> Member:
    return candidates[zlib.crc32((message.clientid or "").encode()) % len(candidates)]


def _hash_topic(group: SharedGroup, candidates: Sequence[Member], message: Message) -> Member:
    return candidates[zlib.crc32(message.topic.encode()) % len(candidates)]


MAX_REMEMBERED_PUBLISHERS = 100_000

STRATEGIES: dict[str, Callable[[SharedGroup, Sequence[Member], Message], Member]] = {
    "random": _random,
    "round_robin": _round_robin,
    "sticky": _sticky,
    "local": _random,  # all members of a single node are local
    "hash": _hash_clientid,
    "hash_clientid": _hash_clientid,
    "hash_topic": _hash_topic,
}


class SharedSubscriptions:
    """All groups of a node, standing in the router as receivers."""

    def __init__(self, router: Router, strategy: str) -> None:
        """Keep the router that groups are entered into."""
        self._router = router
        self._strategy = strategy
        self._groups: dict[tuple[str, str], SharedGroup] = {}
        self.count = 0
        """Shared subscriptions, members counted one by one."""

    def add(self, group_name: str, topic_filter: str, member: Member, options: SubOptions) -> None:
        """Let a member join, or change its options."""
        key = (group_name, topic_filter)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = SharedGroup(self._strategy)
            self._router.add(topic_filter, group, SubOptions())
        if member not in group.members:
            self.count += 1
        group.members[member] = options

    def remove(self, group_name: str, topic_filter: str, member: Member) -> None:
        """Let a member leave; the last one takes the group with it."""
        key = (group_name, topic_filter)
        group = self._groups.get(key)
        if group is None or member not in group.members:
            return
        group.forget(member)
        self.count -= 1
        if not group.members:
            del self._groups[key]
            self._router.remove(topic_filter, group)
