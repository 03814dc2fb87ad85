"""A broker whose storage writes into a list, and what it would find there if it were killed now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from app.broker.inflight import Delivery, SharedDelivery
from app.broker.keeper import Keeper
from app.broker.kept import session_of
from app.broker.message import Message
from app.broker.ports import StoredState
from app.clock import FakeClock
from app.config import StorageSettings
from app.storage.journal import OpenGroup
from app.storage.recovery import Recovery
from app.storage.store import Store
from tests.harness.playbook import Playbook


class ListedStore:
    """A store that is never started: tests take what was said."""

    def __init__(self, clock: FakeClock, before: Recovery | None = None) -> None:
        self.clock = clock
        self.rows: list[bytes] = []
        self.state = StoredState()
        self.store = Store(StorageSettings(), "sqlite:///nowhere", clock)
        if before is not None:
            self.state = before.state()
            self.store.highest = before.highest
            self._begin_group()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def _begin_group(self) -> None:
        self.store.group = OpenGroup({}, self.store.highest)

    def recovered(self) -> StoredState:
        return self.state

    def start(self, host: object) -> None:
        """Write nothing by itself."""

    def rows_now(self) -> list[bytes]:
        """Return the rows there would be if the open group were closed now; it stays open."""
        row = self.store.group.close(self.clock.wall_ms())
        return [*self.rows, row] if row else self.rows

    def settle(self) -> None:
        """Close the open group."""
        self.rows = self.rows_now()
        self._begin_group()


class Kept:
    """A playbook and its journal."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.clock = FakeClock()
        self.store = ListedStore(self.clock)
        self.playbook = Playbook(storage=self.store, clock=self.clock, **settings)
        self.rows: list[bytes] = []
        self.sweep: Iterator[None] | None = None
        self.sweep_from = 0

    def recovery(self) -> Recovery:
        """Read all that was said so far."""
        recovery = Recovery()
        rows = self.rows + self.store.rows_now()
        assert recovery.read(enumerate(rows)) == []
        return recovery

    def dies(self, away_s: float = 0.0) -> None:
        """Kill the broker, and start another one from the journal after a while."""
        recovery = self.recovery()
        self.sweep = None
        self.rows += self.store.rows_now()
        self.clock.advance(away_s)
        self.store = ListedStore(self.clock, recovery)
        self.playbook = Playbook(storage=self.store, clock=self.clock, **self.settings)
        Keeper(self.playbook.core).begin()
        self.playbook.settle()

    def sweeps_a_little(self) -> None:
        """Begin to say everything anew, or say one more delivery or session; forget what stood before at the end."""
        self.store.settle()
        if self.sweep is None:
            self.sweep = Keeper(self.playbook.core).tell_all(at_a_time=1)
            self.sweep_from = len(self.store.rows)
        if next(self.sweep, self) is self:
            self.sweep = None
            self.rows.clear()
            del self.store.rows[: self.sweep_from]

    def sweeps(self) -> None:
        """Say everything anew, and forget what stood before."""
        self.store.settle()
        self.sweep = None
        for _ in Keeper(self.playbook.core).tell_all():
            pass
        self.store.rows.clear()
        self.rows.clear()


def facts(message: Message) -> dict[str, Any]:
    """Return what makes a message what it is."""
    names = ("topic", "payload", "qos", "retain", "timestamp_ms", "clientid", "username")
    return {name: getattr(message, name) for name in names} | {
        "properties": dict(message.properties)
    }


def live(playbook: Playbook) -> dict[str, Any]:
    """Return what should be in the journal of a broker, in a form that can be compared."""
    core = playbook.core
    sessions = {}
    for clientid, channel in core.cm.channels.items():
        session = channel.session
        if session is None or session.log is None:
            continue
        stored = session_of(channel, session, core.subscriptions)
        sessions[clientid] = {
            "stay": asdict(stored.stay),
            "subscriptions": {one.key: one for one in stored.subscriptions},
            "awaiting_rel": set(stored.awaiting_rel),
            "window": [(i, *delivery_facts(d)) for i, d in session.inflight.items()],
            "queue": [(0, *delivery_facts(d)) for d in session.mqueue if d.qos],
        }
    retained = [one for piece in core.retained.everything() for one in piece]
    retained.sort(key=lambda one: one.sequence)
    return {
        "sessions": sessions,
        "retained": [facts(one.message) for one in retained if one.message is not None],
        "delayed": {n: (facts(w.message), w.topic) for n, w in core.delayed.kept.items()},
    }


def delivery_facts(delivery: Delivery) -> tuple[Any, ...]:
    shared = isinstance(delivery, SharedDelivery)
    message = delivery.original if isinstance(delivery, SharedDelivery) else delivery.message
    return (
        facts(message),
        delivery.qos,
        delivery.retain,
        delivery.released,
        delivery.identifier,
        delivery.group.key if shared else None,  # type: ignore[attr-defined]
    )


def journaled(state: StoredState) -> dict[str, Any]:
    """Return what is in a journal, in the same form."""
    return {
        "sessions": {
            one.clientid: {
                "stay": asdict(one.stay),
                "subscriptions": {sub.key: sub for sub in one.subscriptions},
                "awaiting_rel": set(one.awaiting_rel),
                **{
                    name: [
                        (
                            d.packet_id,
                            facts(d.message),
                            d.qos,
                            d.retain,
                            d.released,
                            d.identifier,
                            d.group,
                        )
                        for d in deliveries
                    ]
                    for name, deliveries in (("window", one.window), ("queue", one.queue))
                },
            }
            for one in state.sessions
        },
        "retained": [facts(message) for _, message in state.retained],
        "delayed": {one.number: (facts(one.message), one.topic) for one in state.delayed},
    }
