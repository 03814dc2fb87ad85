"""Which client came in with which grant: kept for as long as the broker may ask about that client.

A client's will is published after he has gone, and is held to his token all the same. EMQX keeps the claims in the
client's own record; whoever came in by a token is told apart by that record here, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.timers import Timer
from app.plugins.auth_jwt.claims import Grant

SPARE_S = 5.0
"""For answers of others that are under way when a client goes."""


@dataclass(slots=True)
class _Held:
    client: ClientInfo
    """Held, so that no other record gets its place in memory."""
    grant: Grant
    timer: Timer | None = None


class Grants:
    """The grants of one broker's clients. To be used on its loop."""

    def __init__(self) -> None:
        """Start with none."""
        self._held: dict[int, _Held] = {}

    def __len__(self) -> int:
        """Count them."""
        return len(self._held)

    def of(self, client: ClientInfo) -> Grant | None:
        """Return what a client was granted; None where no token has said so."""
        held = self._held.get(id(client))
        return None if held is None else held.grant

    def put(self, core: BrokerCore, client: ClientInfo, grant: Grant) -> None:
        """Note a client's grant; it is forgotten again where he does not come in."""
        self.forget(client)
        held = self._held[id(client)] = _Held(client, grant)
        held.timer = core.after(_delay_s(core), lambda: self.forget(client))

    def connected(self, core: BrokerCore, client: ClientInfo) -> None:
        """Keep the grant of a client who has come in; nothing that was allowed outlasts its expiry."""
        held = self._held.get(id(client))
        if held is None:
            return
        _cancel(held)
        expires_at_s = held.grant.expires_at_s
        if expires_at_s is not None:
            left_s = max(0.0, expires_at_s - core.clock.wall_ms() / 1000)
            held.timer = core.after(left_s, lambda: core.access.drain_cache(client))

    def disconnected(self, core: BrokerCore, client: ClientInfo) -> None:
        """Keep the grant of a client who has gone until his will is out."""
        held = self._held.get(id(client))
        if held is None:
            return
        _cancel(held)
        channel = core.cm.get(client.clientid)
        will = None if channel is None or channel.client is not client else channel.will
        due_s = 0 if will is None else will.properties.get("will_delay_interval", 0)
        held.timer = core.after(due_s + _delay_s(core), lambda: self.forget(client))

    def forget(self, client: ClientInfo) -> None:
        """Know nothing of a client any more."""
        held = self._held.pop(id(client), None)
        if held is not None:
            _cancel(held)

    def forget_gone(self, core: BrokerCore) -> None:
        """Forget clients who went while nobody watched."""
        for held in list(self._held.values()):
            channel = core.cm.get(held.client.clientid)
            if channel is None or channel.client is not held.client:
                self.forget(held.client)


def _delay_s(core: BrokerCore) -> float:
    return core.config.hook_timeout_s + SPARE_S


def _cancel(held: _Held) -> None:
    if held.timer is not None:
        held.timer.cancel()
        held.timer = None
