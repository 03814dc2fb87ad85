"""What may be done to a single client or listener while the node runs: one crossing to the loop each."""

from __future__ import annotations

from app.broker.acl_cache import AclVerdict
from app.broker.broker import Broker
from app.broker.channel.channel import Channel
from app.broker.client_story import ClientEvent
from app.broker.connection import Connection
from app.broker.explaining import Explanation, Question, explain
from app.broker.keeper import STORAGE_UNAVAILABLE
from app.broker.limiter import limiter_of
from app.broker.listener import Listener
from app.broker.quota import Quotas
from app.config import Rate
from app.node.client_messages import ClientMessages, client_messages
from app.node.loop_thread import LoopThread
from app.node.queries import idle_ms

ASKED = (
    "client.authenticate",
    "client.check_acl",
    "client.check_acl_subscribe",
    "client.explain_acl",
)
"""The hook points that an explanation may have to wait for."""


class NodeControl:
    """Commands about one client, which answer False or None where that client is not connected here."""

    def __init__(self, thread: LoopThread, broker: Broker) -> None:
        """Take the loop and the broker on it."""
        self._thread = thread
        self._broker = broker
        self._quotas: Quotas | None = None

    # -- ACL caches ----------------------------------------------------------------------------

    def acl_cache(self, clientid: str) -> list[AclVerdict] | None:
        """Return what is remembered of a client's ACL verdicts, newest first."""
        return self._thread.call(self._acl_cache, clientid)

    def _acl_cache(self, clientid: str) -> list[AclVerdict] | None:
        channel = self._connected(clientid)
        return None if channel is None else self._broker.core.access.remembered(channel.client)

    def drain_acl_cache(self, clientid: str) -> bool:
        """Forget a client's ACL verdicts."""
        return self._thread.call(self._drain_acl_cache, clientid)

    def _drain_acl_cache(self, clientid: str) -> bool:
        channel = self._connected(clientid)
        if channel is None:
            return False
        self._broker.core.access.drain_cache(channel.client)
        return True

    def drain_acl_caches(self) -> None:
        """Forget the ACL verdicts of all clients."""
        self._thread.call(self._broker.core.access.drain_caches)

    def explain(self, question: Question) -> Explanation:
        """Say why somebody may or may not do something; backends that are slow may take their time."""
        core = self._broker.core
        callbacks = sum(len(core.hooks.point(name).callbacks) for name in ASKED)
        return self._thread.run(
            explain(core, question), (callbacks + 1) * core.config.hook_timeout_s
        )

    # -- stories -------------------------------------------------------------------------------

    def client_events(self, clientid: str) -> list[ClientEvent]:
        """Return what is remembered of a client that is there or was, oldest first."""
        return self._thread.call(self._broker.story.events, clientid)

    def client_messages(self, clientid: str, count: int) -> ClientMessages | None:
        """Return what is on its way to a client, connected or not; None where it is unknown."""
        return self._thread.call(self._client_messages, clientid, count)

    def _client_messages(self, clientid: str, count: int) -> ClientMessages | None:
        channel = self._broker.core.cm.get(clientid)
        if channel is None:
            return None
        return client_messages(self._broker.config.node_name, channel, count, idle_ms(channel))

    # -- limits --------------------------------------------------------------------------------

    def limit_rate(self, clientid: str, messages: Rate | None, size: Rate | None) -> bool:
        """Hold a client to these rates in place of those it has; both None sets no limit any more."""
        return self._thread.call(self._limit_rate, clientid, messages, size)

    def _limit_rate(self, clientid: str, messages: Rate | None, size: Rate | None) -> bool:
        channel = self._connected(clientid)
        if channel is None:
            return False
        connection = channel.wire
        if isinstance(connection, Connection):
            connection.limit(limiter_of(messages, size, connection.loop.time()))
        return True

    def limit_quota(self, clientid: str, rate: Rate | None) -> bool:
        """Hold a client to so many deliveries in a period in place of its quota; None sets no limit any more."""
        return self._thread.call(self._limit_quota, clientid, rate)

    def _limit_quota(self, clientid: str, rate: Rate | None) -> bool:
        if self._connected(clientid) is None:
            return False
        if self._quotas is None:
            self._quotas = Quotas(self._broker.core)
        self._quotas.set(clientid, rate)
        return True

    def set_keepalive(self, clientid: str, keepalive_s: int) -> bool:
        """Expect signs of life from a client in this interval from now on; 0 expects none."""
        return self._thread.call(self._set_keepalive, clientid, keepalive_s)

    def _set_keepalive(self, clientid: str, keepalive_s: int) -> bool:
        channel = self._connected(clientid)
        if channel is None:
            return False
        channel.client.keepalive_s = keepalive_s
        channel.start_keepalive()
        return True

    def _connected(self, clientid: str) -> Channel | None:
        channel = self._broker.core.cm.get(clientid)
        if isinstance(channel, Channel) and channel.is_connected:
            return channel
        return None

    # -- listeners -----------------------------------------------------------------------------

    def health(self) -> dict[str, bool]:
        """Return whether `listeners` are open, `storage` can be written, and `newcomers` are let in."""
        return self._thread.call(self._health)

    def _health(self) -> dict[str, bool]:
        core = self._broker.core
        return {
            "listeners": not any(listener.start_error for listener in self._broker.listeners),
            "storage": not core.alarms.is_active(STORAGE_UNAVAILABLE),
            "newcomers": not core.memory_is_short,
        }

    def stop_listener(self, identifier: str) -> bool:
        """Close a listener's socket; who is connected stays. False where there is no such one."""
        return self._thread.call(self._stop_listener, identifier)

    def _stop_listener(self, identifier: str) -> bool:
        found = self._listeners(identifier)
        for listener in found:
            listener.stop_accepting()
        return bool(found)

    def start_listener(self, identifier: str) -> bool:
        """Open a listener's socket unless it is open. False where there is no such one.

        Raises:
            OSError: It cannot be opened; it stays closed.
        """
        return self._thread.run(self._start_listener(identifier))

    async def _start_listener(self, identifier: str) -> bool:
        found = self._listeners(identifier)
        for listener in found:
            if not listener.is_wanted or listener.start_error:
                await listener.start()
        return bool(found)

    def _listeners(self, identifier: str) -> list[Listener]:
        """Return the listeners of that name, which may stand for several addresses."""
        return [one for one in self._broker.listeners if one.config.identifier == identifier]

    def restart_listener(self, identifier: str) -> bool:
        """Close a listener's socket and open it anew; who is connected stays. False where there is no such one.

        Raises:
            OSError: It cannot be opened; it stays closed.
        """
        return self._thread.run(self._restart_listener(identifier))

    async def _restart_listener(self, identifier: str) -> bool:
        try:
            await self._broker.restart_listener(identifier)
        except KeyError:
            return False
        return True
