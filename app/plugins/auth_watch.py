"""One backend of authentication under watch: its breaker, an alarm while it does not answer, trials until it does.

It knows neither what the backend is asked nor how.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.backends.breaker import (
    BackendError,
    BreakerPolicy,
    CircuitBreaker,
    State,
    UnavailableError,
)
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore

HOOK_SHARE = 0.9
"""A question that is ended from outside says nothing about the backend: its own time has to be over first."""
ASK_AGAIN_S = 1.0
"""How long a verdict counts that nobody has spoken."""


class Watch:
    """The watch over one backend while its plugin is loaded; to be used on the loop only."""

    def __init__(
        self, core: BrokerCore, plugin: str, title: str, timeout_s: float, in_a_row: int
    ) -> None:
        """Watch nothing yet.

        Args:
            core: Of the broker.
            plugin: Whose backend it is; the alarm is named after it.
            title: What log and alarm call the backend.
            timeout_s: How long one question may take.
            in_a_row: How many questions one client may cost; all of them must fit into `broker.hook_timeout`.
        """
        self._core = core
        self._alarm = f"{plugin}_unavailable"
        self._title = title
        self._probe: Callable[[], Awaitable[object]] | None = None
        self._soon: set[int] = set()
        self.timeout_s = min(timeout_s, core.config.hook_timeout_s * HOOK_SHARE / in_a_row)
        self.breaker = CircuitBreaker(
            f"{title} of {plugin}",
            BreakerPolicy(timeout_s=self.timeout_s),
            core.clock,
            self._opened,
            self._recovered,
        )

    def begin(self, probe: Callable[[], Awaitable[object]]) -> None:
        """Look whether the backend is there, and after an outage whether it is there again, without a client.

        Args:
            probe: Puts a question through the breaker.
        """
        self._probe = probe
        self._core.spawn(self._try())

    def end(self) -> None:
        """Watch no more."""
        self._probe = None
        self._core.alarms.deactivate(self._alarm)

    def forget_soon(self, client: ClientInfo) -> None:
        """Have the broker forget what it remembers of a client, since part of it nobody has said."""
        key = id(client)
        if key in self._soon:
            return

        def forget() -> None:
            self._soon.discard(key)
            self._core.access.drain_cache(client)

        self._soon.add(key)
        self._core.after(ASK_AGAIN_S, forget)

    async def _try(self) -> None:
        if self._probe is None:
            return
        try:
            await self._probe()
        except UnavailableError:
            if self.breaker.state is State.CLOSED:
                self._try_later()
        except BackendError:
            # It is there; a login that it refuses is not repeated, which could lock the account.
            return

    def _try_later(self) -> None:
        self._core.after(self.breaker.pause_s, lambda: self._core.spawn(self._try()))

    def _opened(self) -> None:
        if self._probe is None:
            # What was under way was ended by us.
            return
        self._core.alarms.activate(
            self._alarm, f"{self._title} does not answer", {"name": self._title}
        )
        self._try_later()

    def _recovered(self) -> None:
        self._core.alarms.deactivate(self._alarm)
        # What was said without an answer holds no longer.
        self._core.access.drain_caches()
