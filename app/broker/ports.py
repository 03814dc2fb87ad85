"""What the broker says outward, and what it may be told back: the port of a storage that survives the process.

The broker says what happens; it neither knows where that is written nor waits for it. What must not leave before it is
safe is given to `when_safe` by whoever would send it. `NullStorage` keeps nothing and is always done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from app.broker.message import Identifier, Message
from app.broker.metrics import Metrics
from app.broker.router import SubOptions
from app.mqtt.packets import Will

if TYPE_CHECKING:
    from app.broker.inflight import Delivery


# -- what is kept ------------------------------------------------------------------------------


@dataclass(slots=True)
class StoredDelivery:
    """One message in the window or queue of a session, QoS 1 or 2."""

    key: int
    message: Message
    """As it was before a mountpoint was taken off, where a group may hand it to another member."""
    qos: int
    retain: bool
    packet_id: int = 0
    """0 while it waits for its turn."""
    released: bool = False
    identifier: Identifier | None = None
    group: tuple[str, str] | None = None
    """Name and filter of the shared group that made it."""


@dataclass(slots=True)
class StoredSubscription:
    """One subscription; `key` is the filter as the lists show it."""

    key: str
    options: SubOptions
    is_exclusive: bool = False


@dataclass(slots=True)
class StoredStay:
    """What is known of a session's client from its last connection."""

    client: dict[str, Any]
    """Fields of `ClientInfo` by name, the zone by its own name."""
    expiry_interval_s: int
    connected_at_ms: int
    disconnected_at_ms: int | None = None
    """None while the client is connected."""
    will: Will | None = None
    """Not yet published."""


@dataclass(slots=True)
class StoredSession:
    """A session that outlives its connection."""

    number: int
    clientid: str
    created_at_ms: int
    stay: StoredStay
    subscriptions: list[StoredSubscription] = field(default_factory=list)
    window: list[StoredDelivery] = field(default_factory=list)
    """Sent and unacknowledged, in the order of sending."""
    queue: list[StoredDelivery] = field(default_factory=list)
    awaiting_rel: list[int] = field(default_factory=list)


@dataclass(slots=True)
class StoredDelayed:
    """A message that waits for its time."""

    number: int
    message: Message
    topic: str
    """The topic that it is for."""
    due_at_ms: int


@dataclass(slots=True)
class StoredState:
    """All that was kept, as it was when the last process ended."""

    seen_at_ms: int = 0
    """Wall time when that process is last known to have been there."""
    sessions: list[StoredSession] = field(default_factory=list)
    retained: list[tuple[int, Message]] = field(default_factory=list)
    """Place in the order of publishing, and message; in that order."""
    delayed: list[StoredDelayed] = field(default_factory=list)
    trouble: str = ""
    """A sentence for the operator where not everything could be read."""


# -- what is said ------------------------------------------------------------------------------


class Waiting(Protocol):
    """Somebody who keeps something back until it is safe to let it go."""

    def on_safe(self) -> None:
        """Look again at `StoragePort.safe`."""


class Like(Protocol):
    """What messages of one publisher on one topic have in common."""

    @property
    def topic(self) -> str:
        """Return their topic."""

    @property
    def timestamp_ms(self) -> int:
        """Return when they came."""

    @property
    def clientid(self) -> str | None:
        """Return whose they are."""

    @property
    def username(self) -> str | None:
        """Return under which name he came in."""

    @property
    def peerhost(self) -> str | None:
        """Return where he is."""


class SessionLog(Protocol):
    """What a session that outlives its connection says about itself."""

    def is_now(self, session: StoredSession) -> None:
        """Say all of it anew; its deliveries are said afterwards."""

    def holds(self, delivery: Delivery, packet_id: int) -> None:
        """Say all of a delivery of QoS 1 or 2, in the window or (packet id 0) waiting."""

    def postpone(self, deliveries: Sequence[Delivery]) -> None:
        """Hear that deliveries that wait, and were said before, are said anew later: by `holds_still`."""

    def holds_still(self, delivery: Delivery) -> None:
        """Say all of a delivery that was postponed, unless it has left the queue since."""

    def took(self, delivery: Delivery, packet_id: int) -> None:
        """Say that a delivery of QoS 1 or 2 is in the window now; all of it where it did not wait before."""

    def took_run(
        self,
        deliveries: Sequence[Delivery],
        packet_ids: Sequence[int],
        like: Like,
        payloads: Sequence[bytes],
    ) -> None:
        """Say that new deliveries, whose messages differ in payloads of one size only, are in the window.

        Args:
            deliveries: in the order of sending.
            packet_ids: of each.
            like: what their messages have in common; none has RETAIN or properties.
            payloads: of each.
        """

    def finished_run(self, deliveries: Sequence[Delivery]) -> None:
        """Say that deliveries were acknowledged."""

    def released(self, delivery: Delivery) -> None:
        """Say that PUBREC came."""

    def finished(self, delivery: Delivery) -> None:
        """Say that a delivery was acknowledged or given up."""

    def awaits(self, packet_id: int) -> None:
        """Say that a QoS 2 message of the client was taken, and PUBREL is awaited."""

    def was_released(self, packet_id: int) -> None:
        """Say that PUBREL came, or is awaited no longer."""

    def subscribed(self, subscription: StoredSubscription) -> None:
        """Say that there is a subscription, or that its options have changed."""

    def unsubscribed(self, key: str) -> None:
        """Say that a subscription is gone."""

    def stays(self, stay: StoredStay) -> None:
        """Say that the client came, or went."""

    def will_is_over(self) -> None:
        """Say that the will was published."""

    def ended(self) -> None:
        """Say that the session is no more, or outlives its connection no longer."""


class StorageHost(Protocol):
    """The broker, as its storage sees it."""

    @property
    def metrics(self) -> Metrics:
        """Return where it counts."""

    def tell_all(self) -> Iterator[None]:
        """Say everything that is to be kept once more, a slice with each step."""

    def storage_failed(self, why: str) -> None:
        """Hear that nothing can be written at the moment; it is tried again."""

    def storage_works(self) -> None:
        """Hear that it can be written again."""


class StoragePort(Protocol):
    """Where what has to survive is written."""

    mark: int
    """Grows with everything that is said."""
    safe: int
    """What was said up to this mark is safe, or is not waited for."""

    @property
    def is_behind(self) -> bool:
        """Tell whether so much waits to be written that no more should be taken in."""

    def when_safe(self, waiting: Waiting) -> None:
        """Have somebody called once, the next time that `safe` grows."""

    def open(self) -> None:
        """Read what was kept, before anything else; raises an error with a sentence where that cannot be."""

    def close(self, timeout_s: float) -> None:
        """End, after everything else."""

    def recovered(self) -> StoredState:
        """Return what was kept by the last process; it is given away once."""

    def start(self, host: StorageHost) -> None:
        """Begin to write, on the running loop."""

    async def stop(self, timeout_s: float) -> None:
        """Write what is left to write, and nothing afterwards."""

    def keep(self, session: StoredSession) -> SessionLog | None:
        """Keep a session from now on, under a new number where it has none yet.

        Its deliveries are said to its log afterwards.
        """

    def retained(self, message: Message, sequence: int) -> None:
        """Say that a message is the one that its topic retains, and its place in the order of publishing."""

    def retained_is_gone(self, topic: str) -> None:
        """Say that a topic retains nothing any more."""

    def delayed(self, waiting: StoredDelayed) -> int:
        """Say that a message waits for its time; return its number, a new one in place of 0."""

    def delayed_is_over(self, number: int) -> None:
        """Say that a delayed message was published or given up."""


class NullStorage:
    """Keeps nothing."""

    mark = 0
    safe = 0
    is_behind = False

    def when_safe(self, waiting: Waiting) -> None:
        """Let it go at once."""
        waiting.on_safe()

    def open(self) -> None:
        """Do nothing."""

    def close(self, timeout_s: float) -> None:
        """Do nothing."""

    def recovered(self) -> StoredState:
        """Remember nothing."""
        return StoredState()

    def start(self, host: StorageHost) -> None:
        """Do nothing."""

    async def stop(self, timeout_s: float) -> None:
        """Do nothing."""

    def keep(self, session: StoredSession) -> SessionLog | None:
        """Keep nothing of a session."""
        return None

    def retained(self, message: Message, sequence: int) -> None:
        """Forget it."""

    def retained_is_gone(self, topic: str) -> None:
        """Forget it."""

    def delayed(self, waiting: StoredDelayed) -> int:
        """Forget it."""
        return 0

    def delayed_is_over(self, number: int) -> None:
        """Forget it."""


NO_STORAGE: Final[StoragePort] = NullStorage()
