"""Connection management: which client id belongs to which channel, take-over and expiry.

A channel stays here after its connection ended for as long as its session lives, so that the lists of clients can
show it as disconnected.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.broker.session import NEVER_EXPIRES_S, Session
from app.mqtt.reason_codes import ReasonCode

if TYPE_CHECKING:
    from app.broker.channel import Channel

EndSession = Callable[["Channel", str], None]


class ChannelManager:
    """Channels by client id."""

    def __init__(self) -> None:
        """Start with nobody."""
        self.channels: dict[str, Channel] = {}
        self.live = 0
        """Channels with a connection."""

    def get(self, clientid: str) -> Channel | None:
        """Return the channel of a client id, connected or not."""
        return self.channels.get(clientid)

    def open_session(self, channel: Channel) -> tuple[Session, bool]:
        """Give a connecting channel its session: the one that is there, or a new one.

        Returns:
            The session and whether it was there before [MQTT-3.2.2-2].
        """
        core = channel.core
        clientid = channel.client.clientid
        old = self.channels.get(clientid)
        session: Session | None = None
        if old is not None:
            session = self._take_from(old, discard=channel.client.clean_start)
        present = session is not None
        if session is None:
            session = Session(clientid, channel.client.zone, core.metrics, core.clock)
            core.metrics.session_created += 1
            core.hooks.point("session.created").run(channel.client)
        else:
            session.zone = channel.client.zone
            core.metrics.session_resumed += 1
            core.hooks.point("session.resumed").run(channel.client)
        self.channels[clientid] = channel
        self.live += 1
        return session, present

    def _take_from(self, old: Channel, *, discard: bool) -> Session | None:
        """End the old connection [MQTT-3.1.4-3]; return its session unless it is to be discarded."""
        core = old.core
        if old.is_connected:
            old.replaced("discarded" if discard else "takeovered")
        session = old.session
        if discard or session is None:
            if session is not None:
                core.metrics.session_discarded += 1
                core.hooks.point("session.discarded").run(old.client)
                self.end_session(old, "discarded")
            return None
        core.metrics.session_takeovered += 1
        core.hooks.point("session.takeovered").run(old.client)
        old.hand_over()
        return session

    def disconnected(self, channel: Channel, reason: str) -> None:
        """Keep or end the session of a channel whose connection is gone."""
        self.live -= 1
        session = channel.session
        if session is None:
            return
        session.outlet = None
        expiry_s = session.expiry_interval_s
        if expiry_s == 0:
            self.end_session(channel, reason)
        elif expiry_s != NEVER_EXPIRES_S:
            channel.expiry_timer = channel.core.after(
                expiry_s, lambda: self.end_session(channel, "expired")
            )

    def end_session(self, channel: Channel, reason: str) -> None:
        """Forget a session and everything it was subscribed to."""
        session = channel.session
        if session is None:
            return
        core = channel.core
        channel.hand_over()
        for topic_filter in list(session.subscriptions):
            channel.drop_subscription(session, topic_filter)
        if self.channels.get(session.clientid) is channel:
            del self.channels[session.clientid]
        session.awaiting_rel.clear()
        core.metrics.session_terminated += 1
        core.hooks.point("session.terminated").run(channel.client, reason)
        channel.publish_delayed_will()  # [MQTT-3.1.3.2.2] the will does not wait longer than the session

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
