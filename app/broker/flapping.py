"""Clients that come and go without end, and addresses that guess: kept out for a while, each by its policy.

A client id that disconnects too often within a window is banned, as in EMQX; the ban is on the list like any other. An
address from which too many logins fail (an addition) is refused before anybody is asked; it is on no list, and nothing
else of it suffers. Addresses of this machine are nobody's in particular: often a proxy stands there.

Source: EMQX 4.4 `emqx_flapping`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.broker.banned import Banned
from app.broker.client_info import ClientInfo
from app.broker.hooks import Hooks
from app.broker.metrics import Metrics
from app.broker.records import BanRecord
from app.clock import Clock
from app.config import BrokerConfig, Policy
from app.loopback import is_loopback
from app.mqtt.reason_codes import ReasonCode

MOST_WATCHED = 100_000
"""Names that are counted at a time; the oldest go first."""
SWEEP_EVERY_S = 60.0
BY = "flapping detector"
REASON = "flapping is detected"
"""EMQX's words."""
FAILURES = frozenset(
    {
        ReasonCode.BAD_USER_NAME_OR_PASSWORD,
        ReasonCode.NOT_AUTHORIZED,
        ReasonCode.BAD_AUTHENTICATION_METHOD,
    }
)
"""What a wrong login is refused with."""


@dataclass(slots=True)
class Count:
    """How often something happened since when, and until when it has consequences."""

    since_s: float
    times: int = 0
    until_s: float = 0.0


class Windows:
    """Counts by name, each within a window of its own that begins with the first."""

    def __init__(self, clock: Clock) -> None:
        """Start with none."""
        self._clock = clock
        self._counts: dict[str, Count] = {}

    def __len__(self) -> int:
        """Count the names."""
        return len(self._counts)

    def note(self, name: str, policy: Policy) -> bool:
        """Count once more; tell whether that was once too often."""
        now_s = self._clock.monotonic_s()
        count = self._counts.get(name)
        if count is None or now_s - count.since_s > policy.window_s:
            self._counts.pop(name, None)
            if len(self._counts) >= MOST_WATCHED:
                del self._counts[next(iter(self._counts))]
            count = self._counts[name] = Count(now_s)
        count.times += 1
        if count.times < policy.times:
            return False
        count.until_s = now_s + policy.ban_s
        return True

    def left_s(self, name: str) -> float:
        """Return for how many seconds a name still has to bear the consequences; 0 where it has not."""
        count = self._counts.get(name)
        return 0.0 if count is None else max(0.0, count.until_s - self._clock.monotonic_s())

    def times(self, name: str) -> int:
        """Return how often it has happened in the window that is open."""
        return count.times if (count := self._counts.get(name)) is not None else 0

    def forget(self, name: str) -> None:
        """Begin anew with a name."""
        self._counts.pop(name, None)

    def sweep(self, window_s: float) -> None:
        """Forget windows that are over and have no consequences any more."""
        now_s = self._clock.monotonic_s()
        over = [
            name
            for name, count in self._counts.items()
            if now_s - count.since_s > window_s and count.until_s <= now_s
        ]
        for name in over:
            del self._counts[name]


class Flapping:
    """Both detectors of one broker. They switch with the settings of the client's zone."""

    def __init__(
        self,
        config: BrokerConfig,
        clock: Clock,
        metrics: Metrics,
        banned: Banned,
    ) -> None:
        """Watch nobody yet; `join` begins."""
        self._config = config
        self._clock = clock
        self._metrics = metrics
        self._banned = banned
        self.disconnects = Windows(clock)
        """By client id."""
        self.failures = Windows(clock)
        """By address."""

    def join(self, hooks: Hooks, after: Callable[[float, Callable[[], None]], Any]) -> None:
        """Hear of disconnects and refusals from now on."""
        hooks.point("client.disconnected").add(self._disconnected, owner=BY)
        hooks.point("client.connack").add(self._answered, owner=BY)

        def sweep() -> None:
            config = self._config
            after(SWEEP_EVERY_S, sweep)
            self.disconnects.sweep(config.flapping_detect_policy.window_s)
            self.failures.sweep(config.auth_failure_policy.window_s)

        after(SWEEP_EVERY_S, sweep)

    def is_refused(self, client: ClientInfo) -> bool:
        """Tell whether too many logins have failed from a client's address."""
        return client.zone.enable_auth_failure_limit and self.refused_s(client) > 0

    def refused_s(self, client: ClientInfo) -> float:
        """Return for how many seconds newcomers from a client's address are still refused."""
        left_s = self.failures.left_s(client.peerhost)
        return 0.0 if left_s and is_loopback(client.peerhost) else left_s

    def _disconnected(self, client: ClientInfo, _reason: object) -> None:
        if not client.zone.enable_flapping_detect or not client.clientid:
            return
        policy = self._config.flapping_detect_policy
        if not self.disconnects.note(client.clientid, policy):
            return
        self.disconnects.forget(client.clientid)
        self._metrics.client_flapping_banned += 1
        now_s = self._clock.wall_ms() // 1000
        until_s = now_s + max(1, round(policy.ban_s))
        self._banned.make(BanRecord("clientid", client.clientid, BY, REASON, now_s, until_s))

    def _answered(self, client: ClientInfo, reason: ReasonCode) -> None:
        # A good login among them wipes nothing out: whoever has one would guess all others with it.
        if reason not in FAILURES or not client.zone.enable_auth_failure_limit:
            return
        if not is_loopback(client.peerhost) and not self.is_refused(client):
            self.failures.note(client.peerhost, self._config.auth_failure_policy)
