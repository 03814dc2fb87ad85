"""Shared subscriptions: a group is one receiver that hands each message to one of its members.

EMQX 4.4's `broker.shared_subscription_strategy` chooses the member. Members that are connected are preferred; where
none is, a persistent member's queue takes the message. A member that cannot take a message without losing one is
passed over for one that can, and what a member leaves behind unacknowledged goes to another
(EMQX 4.4, `redispatch_shared_messages`).

A group knows which members are connected without looking at all of them: whoever comes back says so (`arrived`), and
whoever went is noticed when a message is about to be his.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Protocol

from app.broker.message import Message
from app.broker.router import Router, SubOptions
from app.config import BrokerConfig

LOOK_AT_MOST = 64
"""Members that are asked for each message, at most: a large group of full members must not cost the more."""
MAX_REMEMBERED_PUBLISHERS = 100_000


class Place(IntEnum):
    """Where a member would put a message, worst first."""

    NONE = 0
    """Nowhere: it would push another one out, or be dropped."""
    QUEUE = 1
    WINDOW = 2
    """It would be sent at once."""


class Member(Protocol):
    """A session, as a group sees it."""

    groups: list[SharedGroup] | None
    """Whom to tell that its client is back; kept by `SharedSubscriptions`."""

    @property
    def clientid(self) -> str:
        """Return whose session it is."""

    @property
    def is_connected(self) -> bool:
        """Tell whether its client is there now."""

    def place_for(self, message: Message) -> Place:
        """Say where it would put a message."""

    def deliver_shared(self, message: Message, options: SubOptions, group: SharedGroup) -> bool:
        """Take a message; False where it was dropped."""


class Seat:
    """One member's place in a group."""

    __slots__ = ("index", "line", "member", "options")

    def __init__(self, member: Member, options: SubOptions) -> None:
        """Belong to a member; `sit` says where."""
        self.member = member
        self.options = options
        self.line: Line | None = None
        """Where it stands; None once the member has left."""
        self.index = 0

    def sit(self, line: Line | None) -> None:
        """Leave the line it stands in, if any, and join another, if any; both in constant time."""
        if self.line is not None:
            last = self.line.pop()
            if last is not self:
                self.line[self.index] = last
                last.index = self.index
        self.line = line
        if line is not None:
            self.index = len(line)
            line.append(self)


Line = list[Seat]
GroupKey = tuple[str, str]


class SharedGroup:
    """The members of `$share/<group>/<filter>`."""

    __slots__ = (
        "_away",
        "_cursor",
        "_least",
        "_namesakes",
        "_pick",
        "_present",
        "key",
        "seats",
        "sticky",
        "turns",
    )

    taker = None
    """A group wants to choose."""
    log = None
    """Its members have theirs."""

    def __init__(
        self,
        key: GroupKey,
        strategy: str,
        *,
        acked: bool,
        namesakes: Mapping[GroupKey, SharedGroup],
    ) -> None:
        """Start without members.

        Args:
            key: name and filter.
            strategy: one of `STRATEGIES`.
            acked: QoS 1 and 2 go only to members that can send at once, while there is one.
            namesakes: the groups there are; this one may have been left by all and made anew.
        """
        self.key = key
        self.seats: dict[Member, Seat] = {}
        self._present: Line = []
        """Members that were connected when last heard of."""
        self._away: Line = []
        self._pick = STRATEGIES[strategy]
        self._least = Place.WINDOW if acked else Place.QUEUE
        self._namesakes = namesakes
        self._cursor = 0
        """Where the next search for a substitute begins."""
        self.turns: dict[str | None, int] = {}
        """Round robin: whose turn it is, by publisher, as EMQX keeps it."""
        self.sticky: dict[str | None, Seat] = {}

    # -- members -------------------------------------------------------------------------------

    def join(self, member: Member, options: SubOptions) -> bool:
        """Take a member in, or change its options; True where it is new."""
        seat = self.seats.get(member)
        if seat is not None:
            seat.options = options
            return False
        seat = self.seats[member] = Seat(member, options)
        seat.sit(self._present if member.is_connected else self._away)
        return True

    def leave(self, member: Member) -> None:
        """Take a member out."""
        self.seats.pop(member).sit(None)

    def arrived(self, member: Member) -> None:
        """Hear that a member's client is back."""
        seat = self.seats.get(member)
        if seat is not None and seat.line is not self._present:
            seat.sit(self._present)

    # -- messages ------------------------------------------------------------------------------

    def deliver(self, message: Message, options: SubOptions) -> bool:
        """Hand the message to one member; try others where it has no place or is dropped."""
        seat = self._choose(message)
        if seat is None:
            return False
        refused: Member | None = None
        if seat.member.place_for(message) >= (self._least if message.qos else Place.QUEUE):
            if seat.member.deliver_shared(message, seat.options, self):
                return True
            refused = seat.member
        return self.find_room(message, refused) or self._try_others(message, Place.NONE, refused)

    def redispatch(self, message: Message, giver: Member) -> bool:
        """Hand over what a member could not keep, never back to it, and to nobody who would lose another for it.

        Returns:
            False where nobody has room.
        """
        group = self._namesakes.get(self.key)
        return group is not None and group.find_room(message, giver)

    def find_room(self, message: Message, but: Member | None) -> bool:
        """Hand a message to a member that has room for it; False where nobody has."""
        return self._try_others(message, Place.WINDOW, but) or self._try_others(
            message, Place.QUEUE, but
        )

    def inherit(self, message: Message) -> bool:
        """Hand on a message of a member whose session has ended; False where nobody took it."""
        group = self._namesakes.get(self.key)
        return group is not None and group.deliver(message, SubOptions())

    def _choose(self, message: Message) -> Seat | None:
        """Let the strategy choose among those present; whoever turns out to have gone is moved."""
        while self._present:
            seat = self._pick(self, self._present, message)
            if seat.member.is_connected:
                return seat
            seat.sit(self._away)
        return self._pick(self, self._away, message) if self._away else None

    def _try_others(self, message: Message, place: Place, but: Member | None) -> bool:
        """Offer a message to members that have exactly such a place for it, those present first."""
        self._cursor += 1
        for line in (self._present, self._away):
            count = len(line)
            for step in range(min(count, LOOK_AT_MOST)):
                seat = line[(self._cursor + step) % count]
                member = seat.member
                if member is but or member.place_for(message) is not place:
                    continue
                if member.deliver_shared(message, seat.options, self):
                    self._cursor += step
                    return True
        return False


def _random(group: SharedGroup, line: Line, message: Message) -> Seat:
    return random.choice(line)  # noqa: S311 - a load balancer needs no secrecy


def _round_robin(group: SharedGroup, line: Line, message: Message) -> Seat:
    if len(group.turns) > MAX_REMEMBERED_PUBLISHERS:
        group.turns.clear()
    turn = group.turns.get(message.clientid, -1) + 1
    group.turns[message.clientid] = turn
    return line[turn % len(line)]


def _sticky(group: SharedGroup, line: Line, message: Message) -> Seat:
    seat = group.sticky.get(message.clientid)
    if seat is None or seat.line is not line:
        if len(group.sticky) > MAX_REMEMBERED_PUBLISHERS:
            group.sticky.clear()
        seat = group.sticky[message.clientid] = _random(group, line, message)
    return seat


def _hash_clientid(group: SharedGroup, line: Line, message: Message) -> Seat:
    return line[zlib.crc32((message.clientid or "").encode()) % len(line)]


def _hash_topic(group: SharedGroup, line: Line, message: Message) -> Seat:
    return line[zlib.crc32(message.topic.encode()) % len(line)]


STRATEGIES: dict[str, Callable[[SharedGroup, Line, Message], Seat]] = {
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

    def __init__(self, router: Router, config: BrokerConfig) -> None:
        """Keep the router that groups are entered into, and the settings of the groups."""
        self._router = router
        self._config = config
        self._groups: dict[GroupKey, SharedGroup] = {}
        self.count = 0
        """Shared subscriptions, members counted one by one."""

    def add(self, group_name: str, topic_filter: str, member: Member, options: SubOptions) -> None:
        """Let a member join, or change its options."""
        key = (group_name, topic_filter)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = self._make(key)
            self._router.add(topic_filter, group, SubOptions())
        if group.join(member, options):
            self.count += 1
            if member.groups is None:
                member.groups = []
            member.groups.append(group)

    def named(self, key: GroupKey) -> SharedGroup:
        """Return a group; one without members, which stands for those to come, where there is none."""
        return self._groups.get(key) or self._make(key)

    def _make(self, key: GroupKey) -> SharedGroup:
        config = self._config
        strategy = config.shared_groups.get(key[0], config.shared_subscription_strategy)
        return SharedGroup(
            key, strategy, acked=config.shared_dispatch_ack_enabled, namesakes=self._groups
        )

    def remove(self, group_name: str, topic_filter: str, member: Member) -> None:
        """Let a member leave; the last one takes the group with it."""
        key = (group_name, topic_filter)
        group = self._groups.get(key)
        if group is None or member not in group.seats:
            return
        group.leave(member)
        if member.groups is not None:
            member.groups.remove(group)
        self.count -= 1
        if not group.seats:
            del self._groups[key]
            self._router.remove(topic_filter, group)
