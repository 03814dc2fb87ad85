"""Connection management: which client id belongs to which channel, take-over and expiry.

A channel stays here after its connection ended for as long as its session lives, so that the lists of clients can
show it as disconnected.
"""

from __future__ import annotations

from typing import Protocol

from app.broker.client_info import ClientInfo
from app.broker.hooks import Hooks
from app.broker.kept import stay_of
from app.broker.metrics import Metrics
from app.broker.session import NEVER_EXPIRES_S, Session
from app.broker.subscriptions import Subscriptions
from app.broker.timers import Timer, TimerWheel
from app.broker.wire import ClientCounters, Wire
from app.clock import Clock
from app.mqtt.packets import Will
from app.mqtt.reason_codes import ReasonCode


class ManagedChannel(Protocol):
    """A channel as the rest of the house may know it: what it is, and how it is made to go."""

    client: ClientInfo
    counters: ClientCounters
    wire: Wire
    session: Session | None
    is_connected: bool
    connected_at_ms: int
    disconnected_at_ms: int | None
    expiry_timer: Timer | None
    will: Will | None

    def disconnect(self, reason: ReasonCode, name: str) -> None:
        """Tell the client why (MQTT 5) and close."""

    def replaced(self, name: str) -> None:
        """End the connection because another one has come for the same client id."""

    def hand_over(self) -> None:
        """Let go of the session and of what was to happen to it."""

    def publish_delayed_will(self) -> None:
        """Publish the will if it still waits."""

    def cancel_delayed_will(self) -> None:
        """Forget a will whose delay has not passed."""


class ChannelManager:
    """Channels by client id."""

    def __init__(
        self,
        hooks: Hooks,
        metrics: Metrics,
        clock: Clock,
        timers: TimerWheel,
        subscriptions: Subscriptions,
    ) -> None:
        """Start with nobody."""
        self._hooks = hooks
        self._metrics = metrics
        self._clock = clock
        self._timers = timers
        self._subscriptions = subscriptions
        self.channels: dict[str, ManagedChannel] = {}
        self.live = 0
        """Channels with a connection."""
        self.persistent = 0
        """Sessions whose client asked for more than a clean start."""

    def get(self, clientid: str) -> ManagedChannel | None:
        """Return the channel of a client id, connected or not."""
        return self.channels.get(clientid)

    def open_session(self, channel: ManagedChannel) -> tuple[Session, bool]:
        """Give a connecting channel its session: the one that is there, or a new one.

        Returns:
            The session and whether it was there before [MQTT-3.2.2-2].
        """
        clientid = channel.client.clientid
        old = self.channels.get(clientid)
        session: Session | None = None
        if old is not None:
            session = self._take_from(old, discard=channel.client.clean_start)
        present = session is not None
        if session is None:
            session = Session(clientid, channel.client.zone, self._metrics, self._clock)
            self._metrics.session_created += 1
            self._hooks.point("session.created").run(channel.client)
        else:
            session.enter(channel.client.zone)
            self._metrics.session_resumed += 1
            self._hooks.point("session.resumed").run(channel.client)
        self.channels[clientid] = channel
        self.live += 1
        self.persistent += not channel.client.clean_start
        return session, present

    def _take_from(self, old: ManagedChannel, *, discard: bool) -> Session | None:
        """End the old connection [MQTT-3.1.4-3]; return its session unless it is to be discarded."""
        if old.is_connected:
            old.replaced("discarded" if discard else "takeovered")
        session = old.session
        if discard or session is None:
            if session is not None:
                self._metrics.session_discarded += 1
                self._hooks.point("session.discarded").run(old.client)
                self.end_session(old, "discarded")
            return None
        self._metrics.session_takeovered += 1
        self._hooks.point("session.takeovered").run(old.client)
        old.hand_over()
        self.persistent -= not old.client.clean_start
        return session

    def disconnected(self, channel: ManagedChannel, reason: str) -> None:
        """Keep or end the session of a channel whose connection is gone."""
        self.live -= 1
        session = channel.session
        if session is None:
            return
        session.leave()
        expiry_s = session.expiry_interval_s
        if expiry_s == 0:
            self.end_session(channel, reason)
            return
        if session.log is not None:
            session.log.stays(stay_of(channel, session))
        if expiry_s != NEVER_EXPIRES_S:
            channel.expiry_timer = self._timers.after(
                self._clock.monotonic_s(), expiry_s, lambda: self.end_session(channel, "expired")
            )

    def end_session(self, channel: ManagedChannel, reason: str) -> None:
        """Forget a session and everything it was subscribed to."""
        session = channel.session
        if session is None:
            return
        channel.hand_over()
        if session.log is not None:
            session.log.ended()
            session.log = None
        self._subscriptions.remove_all(session)
        for delivery in session.bequeath():
            delivery.group.inherit(delivery.original)
        if self.channels.get(session.clientid) is channel:
            del self.channels[session.clientid]
            self.persistent -= not channel.client.clean_start
        session.awaiting_rel.clear()
        self._metrics.session_terminated += 1
        self._hooks.point("session.terminated").run(channel.client, reason)
        channel.publish_delayed_will()  # [MQTT-3.1.3.2.2] the will does not wait longer than the session

    def put_back(self, channel: ManagedChannel) -> None:
        """Take a channel whose client is away, with the session that was kept."""
        self.channels[channel.client.clientid] = channel
        self.persistent += not channel.client.clean_start

    def kick(self, clientid: str) -> bool:
        """End a client's connection and session; False where there is none."""
        channel = self.channels.get(clientid)
        if channel is None:
            return False
        if channel.is_connected:
            session = channel.session
            if session is not None:
                session.expiry_interval_s = 0
            channel.disconnect(ReasonCode.ADMINISTRATIVE_ACTION, "kicked")
        else:
            self.end_session(channel, "kicked")
        return True
