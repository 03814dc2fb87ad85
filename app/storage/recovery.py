"""From the journal to what was there when it ended: events are applied in order, and what is left is the state.

An event about something that is not known is no error: after a compaction the journal may begin with events about
sessions that are said anew behind them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.broker.message import Message
from app.broker.ports import (
    StoredDelayed,
    StoredDelivery,
    StoredSession,
    StoredState,
    StoredStay,
    StoredSubscription,
)
from app.storage.reading import DamagedError, read


@dataclass(slots=True)
class _Session:
    """A session while events are applied to it."""

    said: StoredSession
    subscriptions: dict[str, StoredSubscription]
    awaiting_rel: dict[int, None]
    window: dict[int, StoredDelivery] = field(default_factory=dict)
    """By key, in the order of sending."""
    queue: dict[int, StoredDelivery] = field(default_factory=dict)


class Recovery:
    """What the rows that were read so far leave."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._sessions: dict[int, _Session] = {}
        self._retained: dict[str, tuple[int, Message]] = {}
        self._delayed: dict[int, StoredDelayed] = {}
        self._seen_at_ms = 0
        self.highest = 0
        """Of all keys and numbers that were given."""

    def read(self, rows: Iterable[tuple[int, bytes]]) -> list[int]:
        """Apply rows, each with its number; return the numbers of those that are damaged."""
        damaged = []
        for number, row in rows:
            try:
                # The newest one counts, and not the highest: the clock may have been ahead for a while.
                self._seen_at_ms = read(row, self)
            except DamagedError:
                damaged.append(number)
        return damaged

    def state(self) -> StoredState:
        """Return what is there now."""
        state = StoredState(self._seen_at_ms)
        for session in self._sessions.values():
            said = session.said
            said.subscriptions = list(session.subscriptions.values())
            said.window = list(session.window.values())
            # What came while a long queue was said anew stands before what had waited for longer.
            said.queue = [delivery for _, delivery in sorted(session.queue.items())]
            said.awaiting_rel = list(session.awaiting_rel)
            state.sessions.append(said)
        state.retained = sorted(self._retained.values(), key=lambda kept: kept[0])
        state.delayed = list(self._delayed.values())
        return state

    # -- Sink ----------------------------------------------------------------------------------

    def session(self, session: StoredSession) -> None:
        """Put a session in the place of what was known of it, but for its deliveries: those are said anew behind it.

        That may take several groups, so what the journal says of them before still counts while it is there.
        """
        self.highest = max(self.highest, session.number)
        subscriptions = {one.key: one for one in session.subscriptions}
        now = _Session(session, subscriptions, dict.fromkeys(session.awaiting_rel))
        known = self._sessions.get(session.number)
        if known is not None:
            now.window, now.queue = known.window, known.queue
        self._sessions[session.number] = now

    def stay(self, session: int, stay: StoredStay) -> None:
        """Replace what is known of a client."""
        known = self._sessions.get(session)
        if known is not None:
            known.said.stay = stay

    def will_is_over(self, session: int) -> None:
        """Forget a will."""
        known = self._sessions.get(session)
        if known is not None:
            known.said.stay.will = None

    def ended(self, session: int) -> None:
        """Forget a session."""
        self._sessions.pop(session, None)

    def subscribed(self, session: int, subscription: StoredSubscription) -> None:
        """Add or replace a subscription."""
        known = self._sessions.get(session)
        if known is not None:
            known.subscriptions[subscription.key] = subscription

    def unsubscribed(self, session: int, key: str) -> None:
        """Take a subscription out."""
        known = self._sessions.get(session)
        if known is not None:
            known.subscriptions.pop(key, None)

    def delivery(self, session: int, delivery: StoredDelivery) -> None:
        """Add a delivery to window or queue."""
        self.highest = max(self.highest, delivery.key)
        known = self._sessions.get(session)
        if known is None:
            return
        if delivery.packet_id:
            known.queue.pop(delivery.key, None)
            known.window[delivery.key] = delivery
        else:
            known.queue[delivery.key] = delivery

    def sent(self, session: int, key: int, packet_id: int) -> None:
        """Move a delivery from the queue into the window."""
        known = self._sessions.get(session)
        delivery = known.queue.pop(key, None) if known is not None else None
        if known is not None and delivery is not None:
            delivery.packet_id = packet_id
            known.window[key] = delivery

    def released(self, session: int, key: int) -> None:
        """Note a PUBREC."""
        known = self._sessions.get(session)
        if known is not None and key in known.window:
            known.window[key].released = True

    def finished(self, session: int, key: int) -> None:
        """Forget a delivery."""
        known = self._sessions.get(session)
        if known is not None and known.window.pop(key, None) is None:
            known.queue.pop(key, None)

    def awaits(self, session: int, packet_id: int) -> None:
        """Note a QoS 2 message that came."""
        known = self._sessions.get(session)
        if known is not None:
            known.awaiting_rel[packet_id] = None

    def was_released(self, session: int, packet_id: int) -> None:
        """Forget it."""
        known = self._sessions.get(session)
        if known is not None:
            known.awaiting_rel.pop(packet_id, None)

    def retained(self, message: Message, sequence: int) -> None:
        """Replace what a topic retains."""
        self._retained[message.topic] = (sequence, message)

    def retained_is_gone(self, topic: str) -> None:
        """Forget what a topic retained."""
        self._retained.pop(topic, None)

    def delayed(self, waiting: StoredDelayed) -> None:
        """Add a message that waits for its time."""
        self.highest = max(self.highest, waiting.number)
        self._delayed[waiting.number] = waiting

    def delayed_is_over(self, number: int) -> None:
        """Forget it."""
        self._delayed.pop(number, None)
