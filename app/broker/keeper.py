"""The broker's side of the storage: what was kept is put back at the start, and said anew when the storage asks.

Times are counted by the wall clock, from when the last process was seen last: what had expired then stays so, even
where the clock has been turned back since.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.broker.channel.channel import Channel
from app.broker.channel.publish import watch_awaiting_rel
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.inflight import Delivery, Inflight, SharedDelivery
from app.broker.kept import CLIENT_FIELDS, say_by_and_by, session_of, stay_of
from app.broker.ports import StoredDelivery, StoredSession
from app.broker.session import NEVER_EXPIRES_S, NOTHING_SENT, Session
from app.broker.wire import CLOSED_WIRE

STORAGE_UNAVAILABLE: Final = "storage_unavailable"
"""The alarm that nothing can be written at the moment."""
SLICE: Final = 200
"""Sessions, deliveries or topics that are said in one go: about a millisecond."""
SEEN_WITHIN_MS: Final = 30_000
"""How old the newest word of a node may be that is there; the storage says that it is at least as often."""


class Keeper:
    """One broker and its storage."""

    def __init__(self, core: BrokerCore) -> None:
        """Belong to a broker."""
        self._core = core
        self.metrics = core.metrics
        self._now_ms = 0
        self._seen_at_ms = 0

    def begin(self) -> None:
        """Put back what was kept, and have everything from now on kept."""
        core = self._core
        state = core.storage.recovered()
        self._seen_at_ms = state.seen_at_ms
        self._now_ms = max(core.clock.wall_ms(), state.seen_at_ms)
        for sequence, message in state.retained:
            core.retained.put_back(message, sequence)
        latest = {stored.clientid: stored for stored in state.sessions}
        for stored in state.sessions:
            if latest[stored.clientid] is not stored and (log := core.storage.keep(stored)):
                log.ended()  # that it had ended was lost with a damaged row
        channels = [self._put_back(stored) for stored in latest.values()]
        for waiting in state.delayed:
            core.delayed.put_back(waiting, self._now_ms)
        # Only now: what ends or is published reaches everybody.
        for channel in channels:
            self._go_on(channel)
        core.storage.start(self)
        if state.trouble:
            core.alarms.activate("storage_damaged", state.trouble, {})

    # -- putting back ----------------------------------------------------------------------------

    def _put_back(self, stored: StoredSession) -> Channel:
        """Make a session, and a channel that shows its client as disconnected."""
        core = self._core
        stay = stored.stay
        zones = core.config.zones
        zone = zones.get(stay.client["zone"], next(iter(zones.values())))
        facts = {name: stay.client[name] for name in CLIENT_FIELDS if name in stay.client}
        client = ClientInfo(zone, **facts)
        channel = Channel(core, client, CLOSED_WIRE)
        channel.is_gone()
        channel.version = client.proto_ver
        channel.connected_at_ms = stay.connected_at_ms
        channel.disconnected_at_ms = stay.disconnected_at_ms
        channel.will = stay.will
        session = Session(stored.clientid, zone, core.metrics, core.clock)
        channel.session = session
        session.created_at_ms = stored.created_at_ms
        session.expiry_interval_s = stay.expiry_interval_s
        session.mountpoint = client.mountpoint
        for one in stored.subscriptions:
            share = one.options.share
            inner = one.key if share is None else one.key.removeprefix(f"$share/{share}/")
            if one.is_exclusive:
                core.subscriptions.claim(session, inner)
            core.subscriptions.add(session, inner, one.options)
        session.log = core.storage.keep(stored)
        self._put_messages_back(session, stored)
        core.cm.put_back(channel)
        return channel

    def _put_messages_back(self, session: Session, stored: StoredSession) -> None:
        core = self._core
        window = Inflight()
        for one in stored.window:
            window[one.packet_id] = self._delivery(session, one)
            window.next_id = one.packet_id
        session.inflight = window or NOTHING_SENT
        for one in stored.queue:
            session.put_back(self._delivery(session, one), self._now_ms)
        if stored.awaiting_rel:
            session.awaiting_rel = dict.fromkeys(stored.awaiting_rel, core.clock.monotonic_s())
            watch_awaiting_rel(core, session)

    def _delivery(self, session: Session, stored: StoredDelivery) -> Delivery:
        message = stored.message
        if stored.group is None:
            delivery = Delivery(message, stored.qos, stored.retain, stored.identifier)
        else:
            delivery = SharedDelivery(
                message.unmounted(session.mountpoint) if session.mountpoint else message,
                stored.qos,
                stored.retain,
                stored.identifier,
                self._core.shared.named(stored.group),
                message,
            )
        delivery.key = stored.key
        delivery.released = stored.released
        return delivery

    def _go_on(self, channel: Channel) -> None:
        """Let a session's time and its will's go on where they stood; end what is over."""
        core = self._core
        session = channel.session
        if session is None:
            return  # handed over or ended by what another one's end has published
        if channel.disconnected_at_ms is None:
            # Nobody's session ends early: the node may have been there for as long afterwards.
            channel.disconnected_at_ms = min(self._now_ms, self._seen_at_ms + SEEN_WITHIN_MS)
            if session.log is not None:
                session.log.stays(stay_of(channel, session))
        away_s = max(0.0, (self._now_ms - channel.disconnected_at_ms) / 1000)
        expiry_s = session.expiry_interval_s
        if expiry_s != NEVER_EXPIRES_S:
            if away_s >= expiry_s:
                core.cm.end_session(channel, "expired")
                return
            channel.expiry_timer = core.after(
                expiry_s - away_s, lambda: core.cm.end_session(channel, "expired")
            )
        if channel.will is not None:
            delay_s = channel.will.properties.get("will_delay_interval", 0)
            if away_s >= delay_s:
                channel.publish_delayed_will()
            else:
                channel.will_timer = core.after(delay_s - away_s, channel.publish_delayed_will)

    # -- StorageHost -----------------------------------------------------------------------------

    def tell_all(self, at_a_time: int = SLICE) -> Iterator[None]:
        """Say everything that is to be kept once more, a slice with each step.

        What comes or changes meanwhile is said by itself, before or behind.
        """
        core = self._core
        said = 0
        for channel in list(core.cm.channels.values()):
            session = channel.session
            if session is None or session.log is None:
                continue
            session.log.is_now(session_of(channel, session, core.subscriptions))
            for count in say_by_and_by(session, at_a_time):
                said += count
                if said >= at_a_time:
                    said = 0
                    yield
        for piece in core.retained.everything():
            for stored in piece:
                if stored.message is not None:
                    core.storage.retained(stored.message, stored.sequence)
            yield
        for count, number in enumerate(list(core.delayed.kept), 1):
            waiting = core.delayed.kept.get(number)
            if waiting is not None:
                core.storage.delayed(waiting)
            if not count % SLICE:
                yield

    def storage_failed(self, why: str) -> None:
        """Raise the alarm; publishers wait for their acknowledgements meanwhile."""
        self._core.alarms.activate(STORAGE_UNAVAILABLE, why, {})

    def storage_works(self) -> None:
        """End the alarm."""
        self._core.alarms.deactivate(STORAGE_UNAVAILABLE)
