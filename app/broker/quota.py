"""How many deliveries one client may cause in a period; beyond that its messages are dropped.

A message costs one, and one for each subscription that it is routed to. Hooks are taken while there is a quota. A quota
ends with its connection. Source: EMQX 4.4 `emqx_channel`, `quota.conn_messages_routing`.
"""

from __future__ import annotations

from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.hooks import Stop
from app.broker.limiter import TokenBucket
from app.broker.message import Message
from app.config import Rate

BEFORE_THE_REST = 900
"""Hook priority: below that of rewriting, since the topic says what a message costs."""


class _Quota:
    """What is left to one client."""

    __slots__ = ("bucket", "closed_until_s")

    def __init__(self, bucket: TokenBucket) -> None:
        """Start open."""
        self.bucket = bucket
        self.closed_until_s = 0.0


class Quotas:
    """The quotas of one broker's clients; all methods must be called on its loop."""

    def __init__(self, core: BrokerCore) -> None:
        """Start with none."""
        self._core = core
        self._quotas: dict[str, _Quota] = {}

    def set(self, clientid: str, rate: Rate | None) -> None:
        """Give a client a quota in place of the one it has; None takes it away."""
        if rate is None:
            if self._quotas.pop(clientid, None) is not None and not self._quotas:
                self._leave()
            return
        if not self._quotas:
            self._join()
        self._quotas[clientid] = _Quota(TokenBucket(rate, self._core.clock.monotonic_s()))

    def _join(self) -> None:
        self._core.hooks.point("message.publish").add(self._published, BEFORE_THE_REST)
        self._core.hooks.point("client.disconnected").add(self._disconnected)

    def _leave(self) -> None:
        self._core.hooks.point("message.publish").remove(self._published)
        self._core.hooks.point("client.disconnected").remove(self._disconnected)

    def _disconnected(self, client: ClientInfo, _reason: str) -> None:
        self.set(client.clientid, None)

    def _published(self, message: Message) -> Stop | None:
        quota = self._quotas.get(message.clientid or "")
        if quota is None:
            return None
        now_s = self._core.clock.monotonic_s()
        if now_s < quota.closed_until_s:
            self._core.metrics.publish_dropped += 1
            return Stop(None)
        cost = 1 + len(self._core.router.match(message.topic).receivers)
        quota.closed_until_s = now_s + quota.bucket.take(cost, now_s)
        return None
