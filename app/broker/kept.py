"""What is kept of a session, made from the channel that has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from app.broker.ports import StoragePort, StoredSession, StoredStay, StoredSubscription

if TYPE_CHECKING:
    from app.broker.cm import ManagedChannel
    from app.broker.session import Session
    from app.broker.subscriptions import Subscriptions

CLIENT_FIELDS: Final = (
    "listener",
    "peerhost",
    "peerport",
    "sockport",
    "clientid",
    "username",
    "proto_name",
    "proto_ver",
    "keepalive_s",
    "clean_start",
    "is_bridge",
    "is_superuser",
    "anonymous",
    "mountpoint",
    "cert_username",
    "cert_clientid",
    "cert_cn",
    "cert_dn",
    "from_elsewhere",
)
"""What is kept of `ClientInfo`, besides the zone's name: what lists show of who is away, and what a will needs."""


def stay_of(channel: ManagedChannel, session: Session) -> StoredStay:
    """Return what is kept of a client's connection, or of its absence."""
    client = channel.client
    facts: dict[str, Any] = {name: getattr(client, name) for name in CLIENT_FIELDS}
    facts["zone"] = client.zone.name
    return StoredStay(
        facts,
        session.expiry_interval_s,
        channel.connected_at_ms,
        channel.disconnected_at_ms,
        channel.will,
    )


def session_of(
    channel: ManagedChannel, session: Session, subscriptions: Subscriptions
) -> StoredSession:
    """Return what is kept of a session, but for its deliveries."""
    return StoredSession(
        0,
        session.clientid,
        session.created_at_ms,
        stay_of(channel, session),
        [
            StoredSubscription(key, options, subscriptions.is_exclusive(session, key))
            for key, options in session.subscriptions.items()
        ],
        awaiting_rel=list(session.awaiting_rel),
    )


def keep_from_now_on(
    storage: StoragePort, subscriptions: Subscriptions, channel: ManagedChannel, session: Session
) -> None:
    """Keep the session of a client that has just come, or no longer, as its expiry interval wants it."""
    if not session.expiry_interval_s:
        if session.log is not None:
            session.log.ended()
            session.log = None
    elif session.log is not None:
        session.log.stays(stay_of(channel, session))
    else:
        session.log = storage.keep(session_of(channel, session, subscriptions))
        say_deliveries(session)


def say_deliveries(session: Session) -> None:
    """Say what is in the window of a session, and what waits, in order."""
    log = session.log
    if log is None:
        return
    for packet_id, delivery in session.inflight.items():
        log.holds(delivery, packet_id)
    for delivery in session.mqueue:
        if delivery.qos:
            log.holds(delivery, 0)


def say_by_and_by(session: Session, at_a_time: int) -> Iterator[int]:
    """Say the same of a session that is said anew, in slices; yield how many were said after each."""
    log = session.log
    if log is None:
        return
    for packet_id, delivery in session.inflight.items():
        log.holds(delivery, packet_id)
    waiting = [delivery for delivery in session.mqueue if delivery.qos]
    log.postpone(waiting)
    said = 1 + len(session.inflight)
    for start in range(0, len(waiting), at_a_time):
        some = waiting[start : start + at_a_time]
        for delivery in some:
            log.holds_still(delivery)
        yield said + len(some)
        said = 0
        if session.log is not log:
            return
    yield said
