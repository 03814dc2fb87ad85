"""The storage behind the broker's port: groups of events, one writer, and the compaction of what was written.

Theory: the broker says what happens by appending a few bytes to the group that is open. While the writer commits one
group, the next one gathers; so the busier the broker is, the more each commit carries, and nobody ever waits for more
than two. The journal only grows at its end. When it has become twice what it would take to say everything anew, that
is done, in slices between the broker's other work, into the same journal; then what stands before is removed. At every
moment the journal alone says all there is.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Final

from app.broker.inflight import Delivery
from app.broker.keeper import SEEN_WITHIN_MS
from app.broker.message import Message
from app.broker.ports import (
    NO_STORAGE,
    Like,
    StorageHost,
    StoragePort,
    StoredDelayed,
    StoredSession,
    StoredState,
    StoredStay,
    StoredSubscription,
    Waiting,
)
from app.clock import Clock
from app.config import StorageSettings
from app.storage.journal import OpenGroup
from app.storage.layout import Kind
from app.storage.opening import open_journal
from app.storage.writer import Writer

logger = logging.getLogger(__name__)

ROW_COST_BYTES: Final = 1_000
"""What a row costs besides its bytes, so that a journal of very many small ones is compacted, too."""
REMOVED_BYTES: Final = 4_000_000
"""How much of what was compacted away is removed in one go: some ten milliseconds."""
WATCH_EVERY_S: Final = 5.0
SILENT_AFTER_S: Final = 10.0
"""How long a group may take to be written before somebody is told."""
GIVE_UP_AT: Final = 2
"""How many times `storage.max_pending` may wait while nothing can be written, before it is given up and said anew."""
LEISURE_S: Final = 0.1
"""How long it may take until it is written that a delivery is over, where nothing else is to be written."""
FEWEST_TURNS: Final = 4
"""For how many turns of the loop a group gathers while each adds to it, however long they take: as many as there are
between a message and its receiver's acknowledgement, and some for those that came later."""
ALIVE_EVERY_S: Final = SEEN_WITHIN_MS / 1000
"""How often the journal says that the node is there, while it has nothing else to say."""
_END: Final = object()


class Log:
    """What one session says; it adds the session's number."""

    __slots__ = ("_number", "_store")

    def __init__(self, store: Store, number: int) -> None:
        """Speak for a session."""
        self._store = store
        self._number = number

    def is_now(self, session: StoredSession) -> None:
        """Say all of it anew; its deliveries are said afterwards."""
        session.number = self._number
        self._store.group.session(session)
        self._store.note()

    def holds(self, delivery: Delivery, packet_id: int) -> None:
        """Say all of a delivery of QoS 1 or 2."""
        store = self._store
        if not delivery.key:
            store.highest += 1
            delivery.key = store.highest
        delivery.key = abs(delivery.key)
        store.group.delivery(self._number, delivery, packet_id)
        store.note()

    def postpone(self, deliveries: Sequence[Delivery]) -> None:
        """Note that deliveries that wait are said anew later; until then their keys are below 0."""
        for delivery in deliveries:
            delivery.key = -abs(delivery.key)

    def holds_still(self, delivery: Delivery) -> None:
        """Say all of a delivery that was postponed, unless it has left the queue since."""
        if delivery.key < 0:
            self.holds(delivery, 0)

    def took(self, delivery: Delivery, packet_id: int) -> None:
        """Say that a delivery is in the window now."""
        if delivery.key <= 0:
            self.holds(delivery, packet_id)
            return
        store = self._store
        store.group.sent(self._number, delivery, packet_id)
        store.note()

    def took_run(
        self,
        deliveries: Sequence[Delivery],
        packet_ids: Sequence[int],
        like: Like,
        payloads: Sequence[bytes],
    ) -> None:
        """Say that new deliveries, whose messages differ in payloads of one size only, are in the window."""
        store = self._store
        key = store.highest
        for delivery in deliveries:
            key += 1
            delivery.key = key
        store.highest = key
        store.group.run(self._number, deliveries, packet_ids, like, payloads)
        store.note()

    def finished_run(self, deliveries: Sequence[Delivery]) -> None:
        """Say that deliveries were acknowledged."""
        store = self._store
        store.group.finished_run(self._number, deliveries)
        store.note_leisurely()

    def released(self, delivery: Delivery) -> None:
        """Say that PUBREC came."""
        self._store.group.released(self._number, delivery.key)
        self._store.note()

    def finished(self, delivery: Delivery) -> None:
        """Say that a delivery was acknowledged or given up."""
        self._store.group.finished(self._number, delivery)
        self._store.note_leisurely()

    def awaits(self, packet_id: int) -> None:
        """Say that PUBREL is awaited."""
        self._store.group.awaits(self._number, packet_id)
        self._store.note()

    def was_released(self, packet_id: int) -> None:
        """Say that PUBREL is awaited no longer."""
        self._store.group.was_released(self._number, packet_id)
        self._store.note()

    def subscribed(self, subscription: StoredSubscription) -> None:
        """Say that there is a subscription."""
        self._store.group.subscribed(self._number, subscription)
        self._store.note()

    def unsubscribed(self, key: str) -> None:
        """Say that a subscription is gone."""
        self._store.group.unsubscribed(self._number, key)
        self._store.note()

    def stays(self, stay: StoredStay) -> None:
        """Say that the client came, or went."""
        self._store.group.stay(self._number, stay)
        self._store.note()

    def will_is_over(self) -> None:
        """Say that the will was published."""
        self._store.group.number(Kind.WILL_IS_OVER, self._number)
        self._store.note()

    def ended(self) -> None:
        """Say that the session is not kept any more."""
        self._store.group.number(Kind.ENDED, self._number)
        self._store.note()


class Store:
    """One journal. All methods but `open` and `close` belong to the broker's loop."""

    def __init__(self, config: StorageSettings, url: str, clock: Clock) -> None:
        """Prepare; `open` looks at what there is.

        Args:
            config: how safe is safe, and when to compact.
            url: where the journal is.
            clock: for the wall time that groups carry.
        """
        self._config = config
        self._url = url
        self._clock = clock
        self._origins: dict[tuple[str | None, ...], bytes] = {}
        self.mark = 0
        self._waits = config.sync == "ack"
        self.safe = 0 if self._waits else sys.maxsize
        self.highest = 0
        """Of all keys and numbers that were given."""
        self.group = OpenGroup(self._origins, self.highest)
        """What is said goes in here."""
        self._seq = 1
        """Number that the open group will have."""
        self._lowest = 1
        """Number of the first row that there is."""
        self._has_rows = False
        self._found = StoredState()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._host: StorageHost | None = None
        self._writer: Writer | None = None
        self._is_due = False
        """The open group is going to be handed over."""
        self._due_until_s = 0.0
        """When it is, at the latest, if the writer rests then."""
        self._looks = False
        """`_look` is going to be called."""
        self._turns = 0
        """For how many the open group has gathered while the writer rested."""
        self._mark_before = 0
        """What `mark` was a turn of the loop ago."""
        self._closed_mark = 0
        """What it was when the open group was opened."""
        self._leisure: asyncio.TimerHandle | None = None
        """Makes due what nobody waits for."""
        self._writing_mark = 0
        self._writing_bytes = 0
        """Size of what the writer has now; 0 while it rests."""
        self._handed_at_s = 0.0
        self._waiting: list[Waiting] = []
        self._has_failed = False
        self._drained: asyncio.Event | None = None
        self._has_gap = False
        """Something was given up for want of room: nothing is safe before everything is said anew."""
        # Compaction
        self._journal_bytes = 0
        self._live_bytes = 0
        self._sweep: Iterator[None] | None = None
        self._sweep_from = 0
        self._piece = 1
        """How many rows are removed in one go."""
        self._sweep_upto = 0
        """Number of the last group of a sweep that is not all written yet; 0 where there is none."""

    # -- life ----------------------------------------------------------------------------------

    def open(self) -> None:
        """Read what was kept.

        Raises:
            StorageError: the database cannot be used, or was written by a newer version.
        """
        opened = open_journal(self._url, self._clock)
        self._found = opened.state
        self.highest = opened.highest
        self.group = OpenGroup(self._origins, self.highest)
        self._seq = opened.next_row
        rows = opened.next_row - opened.lowest_row
        self._journal_bytes = opened.size + rows * ROW_COST_BYTES
        self._writer = Writer(opened.database, self._done, self._failed)
        self._lowest = opened.lowest_row
        self._has_rows = opened.size > 0

    def recovered(self) -> StoredState:
        """Return what was kept by the last process; it is given away once."""
        found, self._found = self._found, StoredState()
        return found

    def start(self, host: StorageHost) -> None:
        """Begin to write, on the running loop."""
        assert self._writer is not None, "it was not opened"
        self._host = host
        self._loop = asyncio.get_running_loop()
        self._writer.start(self._lowest)
        if not self._waits:
            self._loop.call_later(self._config.interval_s, self._interval)
        self._loop.call_later(ALIVE_EVERY_S, self._say_alive)
        self._loop.call_later(WATCH_EVERY_S, self._watch)
        self._hand_over()

    async def stop(self, timeout_s: float) -> None:
        """Write what is left to write, and nothing afterwards."""
        if self._loop is None:
            return
        self._sweep = None
        self._hand_over()
        if self._writing_bytes:
            self._drained = asyncio.Event()
            try:
                await asyncio.wait_for(self._drained.wait(), timeout_s)
            except TimeoutError:
                logger.exception(
                    "The broker's last changes could not be written within %s s", timeout_s
                )
        self._loop = None

    def close(self, timeout_s: float) -> None:
        """End the writer."""
        if self._writer is not None:
            self._writer.stop(timeout_s)

    # -- groups --------------------------------------------------------------------------------

    @property
    def pending_bytes(self) -> int:
        """Return how much was said and is not safe."""
        return len(self.group) + self._writing_bytes

    @property
    def is_behind(self) -> bool:
        """Tell whether so much waits to be written that no more should be taken in."""
        return self.pending_bytes > self._config.max_pending

    def note(self) -> None:
        """Count something that was said, and see to it that it is written soon."""
        self.mark += 1
        if not self._is_due:
            self._becomes_due()

    def note_leisurely(self) -> None:
        """Count something that would only be done once more if it were lost.

        It is written with the next group, or after a while; at once where somebody comes who waits for it.
        """
        self.mark += 1
        if not self._is_due and self._leisure is None and self._waits and self._loop is not None:
            self._leisure = self._loop.call_later(LEISURE_S, self._leisure_is_over)

    def _leisure_is_over(self) -> None:
        self._leisure = None
        if not self._is_due and self._has_news:
            self._becomes_due()

    @property
    def _has_news(self) -> bool:
        """Tell whether anything was said since the open group was opened, be it over already."""
        return self.mark != self._closed_mark

    def _becomes_due(self) -> None:
        self._is_due = True
        if self._waits and self._loop is not None:
            self._due_until_s = self._clock.monotonic_s() + self._config.gather_s
            # While the writer works, its end is what goes on.
            if not self._writing_bytes:
                self._gather()

    def _gather(self) -> None:
        """Hand the group over when a turn of the loop has nothing to add, or when its time is up."""
        self._mark_before = self.mark
        if self._loop is not None and not self._looks:
            self._looks = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._looks = False
        if self._writing_bytes or self._loop is None:
            return
        self._turns += 1
        has_time = self._turns < FEWEST_TURNS or self._clock.monotonic_s() < self._due_until_s
        if self.mark != self._mark_before and has_time and self._config.gather_s:
            # What is acknowledged while the group gathers need not be written, and all share one commit.
            self._gather()
        else:
            self._hand_over()

    def when_safe(self, waiting: Waiting) -> None:
        """Have somebody called once, the next time that `safe` grows."""
        self._waiting.append(waiting)
        if not self._is_due and self._has_news:
            self._becomes_due()

    def _hand_over(self) -> None:
        """Give the open group to the writer, if it rests."""
        if self._writing_bytes or not self._has_news or self._writer is None:
            return
        if self._sweep is not None or self._has_gap:
            # What is said anew goes on with each row that is written, so there has to be one.
            self.group.number(Kind.ALIVE, 0)
        body = self.group.close(self._clock.wall_ms())
        self.group = OpenGroup(self._origins, self.highest)
        self._is_due = False
        self._closed_mark = self.mark
        self._turns = 0
        if not body:
            self._becomes_safe(self.mark)
            return
        self._writing_mark = self.mark
        self._writing_bytes = len(body)
        self._handed_at_s = self._clock.monotonic_s()
        self._writer.write(self._seq, body)
        self._seq += 1

    def _becomes_safe(self, mark: int) -> None:
        """Let go what waited for what was said up to a mark."""
        if self._waits and not self._has_gap:
            self.safe = mark
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            try:
                one.on_safe()
            except Exception:
                logger.exception("What waited for the storage failed")

    def _interval(self) -> None:
        if self._loop is not None:
            self._loop.call_later(self._config.interval_s, self._interval)
            self._hand_over()

    def _say_alive(self) -> None:
        """Have the journal say when the node was last there: what expires is counted from then."""
        if self._loop is not None:
            self._loop.call_later(ALIVE_EVERY_S, self._say_alive)
            if self._has_rows or self.mark:
                self.group.number(Kind.ALIVE, 0)
                self.note()

    # -- what the writer says --------------------------------------------------------------------

    def _done(self) -> None:
        self._on_loop(self._written)

    def _failed(self, why: str) -> None:
        self._on_loop(self._not_written, why)

    def _on_loop(self, callback: object, *args: object) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(callback, *args)  # type: ignore[arg-type]
        except RuntimeError:
            # The loop was closed at this moment: the node has stopped.
            return

    def _written(self) -> None:
        """Let go what waited for the group that is safe now, and hand the next one over."""
        self._journal_bytes += self._writing_bytes + ROW_COST_BYTES
        if self._host is not None:
            metrics = self._host.metrics
            metrics.storage_groups += 1
            metrics.storage_bytes += self._writing_bytes
            metrics.storage_pending = len(self.group)
        self._writing_bytes = 0
        self._go_on_sweeping()
        if self._has_failed and self._host is not None:
            self._has_failed = False
            self._host.storage_works()
        self._becomes_safe(self._writing_mark)
        if self._drained is not None or self._sweep is not None:
            self._hand_over()
        elif self._is_due and self._waits:
            self._gather()
        if self._drained is not None and not self._writing_bytes:
            self._drained.set()

    def _not_written(self, why: str) -> None:
        if self._host is None:
            return
        self._host.metrics.storage_failures += 1
        self._host.metrics.storage_pending = self.pending_bytes
        self._give_up_too_much()
        if not self._has_failed:
            self._has_failed = True
            self._host.storage_failed(why)

    def _give_up_too_much(self) -> None:
        """Forget what was said while nothing could be written, and have everything said anew afterwards.

        It comes from those who do not wait for acknowledgements. What the broker holds says all of it.
        """
        if len(self.group) > GIVE_UP_AT * self._config.max_pending:
            self.group = OpenGroup(self._origins, self.highest)
            self._is_due = False
            self._has_gap = True
            self._sweep = None
            self._sweep_upto = 0

    def _watch(self) -> None:
        """Notice a database that neither writes nor says why not."""
        if self._loop is None:
            return
        self._loop.call_later(WATCH_EVERY_S, self._watch)
        if self._writing_bytes and self._clock.monotonic_s() - self._handed_at_s > SILENT_AFTER_S:
            self._not_written("The database of storage.url has not answered for some time.")

    # -- compaction ------------------------------------------------------------------------------

    def _go_on_sweeping(self) -> None:
        """Say a slice of everything anew, if the journal has grown too long."""
        if self._sweep_upto and self._seq > self._sweep_upto:
            # All groups of the sweep are safe: nothing before them is needed.
            self._sweep_upto = 0
            self._has_gap = False
            self._live_bytes = self._journal_bytes
            assert self._writer is not None
            self._writer.remove_below(self._sweep_from, self._piece)
        limit = max(self._config.compact_at, 2 * self._live_bytes)
        is_wanted = self._has_gap or self._journal_bytes > limit
        if self._sweep is None and not self._sweep_upto and is_wanted:
            assert self._host is not None
            self._sweep = self._host.tell_all()
            self._sweep_from = self._seq
            row_bytes = self._journal_bytes // max(1, self._seq - self._lowest)
            self._piece = max(1, REMOVED_BYTES // max(1, row_bytes))
            self._lowest = self._seq
            self._journal_bytes = 0
        if self._sweep is not None and next(self._sweep, _END) is _END:
            self._sweep = None
            self._sweep_upto = self._seq
            # So that there is such a group, even if there was nothing to say.
            self.group.number(Kind.ALIVE, 0)
            self.note()

    # -- what the broker says ----------------------------------------------------------------------

    def keep(self, session: StoredSession) -> Log:
        """Keep a session from now on, under a new number where it has none yet."""
        if not session.number:
            self.highest += 1
            session.number = self.highest
            log = Log(self, session.number)
            log.is_now(session)
            return log
        return Log(self, session.number)

    def retained(self, message: Message, sequence: int) -> None:
        """Say what a topic retains."""
        self.group.retained(message, sequence)
        self.note()

    def retained_is_gone(self, topic: str) -> None:
        """Say that a topic retains nothing any more."""
        self.group.retained_is_gone(topic)
        self.note()

    def delayed(self, waiting: StoredDelayed) -> int:
        """Say that a message waits for its time."""
        if not waiting.number:
            self.highest += 1
            waiting.number = self.highest
        self.group.delayed(waiting)
        self.note()
        return waiting.number

    def delayed_is_over(self, number: int) -> None:
        """Say that a delayed message was published or given up."""
        self.group.number(Kind.DELAYED_IS_OVER, number)
        self.note()


def storage_for(config: StorageSettings, url: str, clock: Clock) -> StoragePort:
    """Return the storage that the settings want."""
    return NO_STORAGE if config.sync == "off" else Store(config, url, clock)
