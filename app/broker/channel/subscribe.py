"""SUBSCRIBE and UNSUBSCRIBE, by a client or by the API in its name."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from functools import lru_cache
from typing import NamedTuple

from app.broker.channel.channel import Channel
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.broker.mountpoint import mount
from app.broker.replay import Replay
from app.broker.router import SubOptions
from app.broker.session import Session
from app.broker.strict_text import is_discouraged
from app.broker.subscriptions import share_key
from app.broker.turns import next_turn
from app.mqtt.errors import ProtocolViolation
from app.mqtt.packets import MQTT_5, Suback, Subscribe, SubscribeFilter, Unsuback, Unsubscribe
from app.mqtt.properties import NO_PROPERTIES
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import InvalidTopic, is_wildcard, split_share, validate_topic_filter

SEND_RETAINED_IF_NEW = 1
NEVER_SEND_RETAINED = 2
EXCLUSIVE_PREFIX = "$exclusive/"
FILTERS_A_TURN = 100
"""Filters of one packet that are checked or entered before others have their turn: some milliseconds."""


class FilterParts(NamedTuple):
    """A filter as a client spells it, taken apart."""

    is_exclusive: bool
    share: str | None
    inner: str


def split_filter(topic_filter: str) -> FilterParts:
    """Split EMQX's prefixes off a filter: `$exclusive/`, `$share/<group>/` or `$queue/`, one at most.

    Raises:
        InvalidTopic: a prefix behind a prefix, or a share without group or filter.
    """
    if not topic_filter.startswith(EXCLUSIVE_PREFIX):
        return FilterParts(False, *split_share(topic_filter))
    inner = topic_filter.removeprefix(EXCLUSIVE_PREFIX)
    if inner.startswith(EXCLUSIVE_PREFIX) or split_share(inner)[0] is not None:
        raise InvalidTopic("a prefix behind $exclusive")
    return FilterParts(True, None, inner)


@lru_cache(maxsize=4_096)
def options_for(
    qos: int,
    flags: tuple[bool, bool],
    retain_handling: int,
    identifier: int | None,
    share: str | None,
) -> SubOptions:
    """Return subscription options, the same object for all who want the same: most want what others do.

    Args:
        qos: granted.
        flags: No Local and Retain As Published.
        retain_handling: as subscribed.
        identifier: subscription identifier, if any.
        share: name of the group, if any.
    """
    no_local, retain_as_published = flags
    return SubOptions(qos, no_local, retain_as_published, retain_handling, identifier, share)


def handle_subscribe(channel: Channel, packet: Subscribe) -> Awaitable[None] | None:
    """Subscribe to each filter that may be subscribed to; answer for each in order."""
    channel.metrics.client_subscribe += 1
    filters = wanted_filters(channel.core, channel.client, packet.filters)
    if len(filters) > FILTERS_A_TURN:
        return subscribe_in_slices(channel, packet, filters)
    verdicts = [check_filter(channel.core, wanted) for wanted in filters]
    for index, verdict in enumerate(verdicts):
        if verdict is ReasonCode.SUCCESS:
            allowed = ask_acl(channel, filters[index])
            if not isinstance(allowed, bool):
                return wait_for_acl(channel, packet, filters, verdicts, index, allowed)
            verdicts[index] = acl_reason(allowed)
    finish_subscribe(channel, packet, filters, verdicts)
    return None


async def wait_for_acl(
    channel: Channel,
    packet: Subscribe,
    filters: Sequence[SubscribeFilter],
    verdicts: list[ReasonCode],
    first: int,
    allowed: Awaitable[bool],
) -> None:
    """Go on when the ACL has decided on one filter after the other, if the client is still there.

    Args:
        channel: of the client.
        packet: its SUBSCRIBE.
        filters: what it asks for, in order.
        verdicts: what the other checks say; those of the ACL are entered here.
        first: index of the filter that the ACL was asked about already.
        allowed: the answer to that.
    """
    verdicts[first] = acl_reason(await allowed)
    for index in range(first + 1, len(filters)):
        if verdicts[index] is ReasonCode.SUCCESS:
            answer = ask_acl(channel, filters[index])
            verdicts[index] = acl_reason(answer if isinstance(answer, bool) else await answer)
    if channel.is_open:
        finish_subscribe(channel, packet, filters, verdicts)


async def subscribe_in_slices(
    channel: Channel, packet: Subscribe, filters: Sequence[SubscribeFilter]
) -> None:
    """Do the same for a packet with very many filters, letting others have their turn."""
    verdicts: list[ReasonCode] = []
    for start in range(0, len(filters), FILTERS_A_TURN):
        for wanted in filters[start : start + FILTERS_A_TURN]:
            verdict = check_filter(channel.core, wanted)
            if verdict is ReasonCode.SUCCESS:
                answer = ask_acl(channel, wanted)
                verdict = acl_reason(answer if isinstance(answer, bool) else await answer)
            verdicts.append(verdict)
        await next_turn()
    if channel.is_open and is_disconnected_for(channel, verdicts):
        return
    outcome = Outcome(channel)
    for start in range(0, len(filters), FILTERS_A_TURN):
        if start:
            await next_turn()
        if not channel.is_open:
            return
        end = start + FILTERS_A_TURN
        outcome.enter(packet, filters[start:end], verdicts[start:end])
    outcome.answer(packet)


def wanted_filters(
    core: BrokerCore, client: ClientInfo, filters: Sequence[SubscribeFilter]
) -> Sequence[SubscribeFilter]:
    """Return what hooks make of the filters that a client is to be subscribed to."""
    hook = core.hooks.point("client.subscribe")
    return tuple(hook.fold(client, value=tuple(filters))) if hook.callbacks else filters


def unwanted_filters(core: BrokerCore, client: ClientInfo, filters: Sequence[str]) -> Sequence[str]:
    """Return what hooks make of the filters that a client is to be unsubscribed from."""
    hook = core.hooks.point("client.unsubscribe")
    return tuple(hook.fold(client, value=tuple(filters))) if hook.callbacks else filters


def ask_acl(channel: Channel, wanted: SubscribeFilter) -> bool | Awaitable[bool]:
    """Ask whether a client may subscribe; sharing a subscription gives no right to its topics."""
    inner = split_filter(wanted.topic_filter).inner
    return channel.core.access.may(channel.client, "subscribe", inner)


def denial(core: BrokerCore) -> ReasonCode:
    """Say what the ACL refused as clearly as the operator wants it said."""
    if core.config.acl_deny_reveals:
        return ReasonCode.NOT_AUTHORIZED
    return ReasonCode.UNSPECIFIED_ERROR


def acl_reason(allowed: bool) -> ReasonCode:
    """Say an ACL verdict in MQTT's words."""
    return ReasonCode.SUCCESS if allowed else ReasonCode.NOT_AUTHORIZED


def check_filter(core: BrokerCore, wanted: SubscribeFilter) -> ReasonCode:
    """Say whether a filter can be subscribed to, whoever asks."""
    mqtt = core.config.mqtt
    try:
        is_exclusive, share, inner = split_filter(wanted.topic_filter)
        validate_topic_filter(inner)
    except InvalidTopic:
        return ReasonCode.TOPIC_FILTER_INVALID
    if is_exclusive and not mqtt.exclusive_subscription:
        return ReasonCode.TOPIC_FILTER_INVALID
    if share is not None:
        if wanted.no_local:  # [MQTT-3.8.3-4]
            raise ProtocolViolation("No Local on a shared subscription", ReasonCode.PROTOCOL_ERROR)
        if not mqtt.shared_subscription:
            core.metrics.limit_shared += 1
            return ReasonCode.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED
    if is_wildcard(inner) and not mqtt.wildcard_subscription:
        core.metrics.limit_wildcard += 1
        return ReasonCode.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED
    if mqtt.max_topic_levels and inner.count("/") >= mqtt.max_topic_levels:
        core.metrics.limit_topic_levels += 1
        return ReasonCode.TOPIC_FILTER_INVALID
    if mqtt.strict_mode and is_discouraged(wanted.topic_filter):
        return ReasonCode.TOPIC_FILTER_INVALID
    return ReasonCode.SUCCESS


def finish_subscribe(
    channel: Channel,
    packet: Subscribe,
    filters: Sequence[SubscribeFilter],
    verdicts: Sequence[ReasonCode],
) -> None:
    """Make the subscriptions, send SUBACK, then what is retained."""
    if is_disconnected_for(channel, verdicts):
        return
    outcome = Outcome(channel)
    outcome.enter(packet, filters, verdicts)
    outcome.answer(packet)


def is_disconnected_for(channel: Channel, verdicts: Sequence[ReasonCode]) -> bool:
    """End the connection of a client that the ACL refused something, if that is wanted."""
    if (
        ReasonCode.NOT_AUTHORIZED not in verdicts
        or channel.core.config.acl_deny_action != "disconnect"
    ):
        return False
    channel.metrics.subscribe_auth_error += 1
    channel.disconnect(ReasonCode.NOT_AUTHORIZED, "not_authorized")
    return True


class Outcome:
    """What a SUBSCRIBE came to so far."""

    __slots__ = ("_channel", "_codes", "_mark", "_replays")

    def __init__(self, channel: Channel) -> None:
        """Start with nothing."""
        self._channel = channel
        self._codes: list[int] = []
        self._replays: list[Replay] = []
        self._mark = channel.core.storage.mark

    def enter(
        self,
        packet: Subscribe,
        filters: Sequence[SubscribeFilter],
        verdicts: Sequence[ReasonCode],
    ) -> None:
        """Make the subscriptions that may be, and note what is to be answered."""
        channel = self._channel
        session = channel.session
        assert session is not None
        identifiers = packet.properties.get("subscription_identifier")
        identifier = identifiers[0] if identifiers else None
        channel.client.said = packet.properties
        for wanted, verdict in zip(filters, verdicts, strict=True):
            outcome = verdict
            if verdict is ReasonCode.SUCCESS:
                outcome, replay = add_subscription(
                    channel.core, channel.client, session, wanted, identifier
                )
                if replay is not None:
                    self._replays.append(replay)
            elif verdict is ReasonCode.NOT_AUTHORIZED:
                channel.metrics.subscribe_auth_error += 1
                outcome = denial(channel.core)
            if outcome >= ReasonCode.UNSPECIFIED_ERROR:
                channel.metrics.subscribe_error += 1
                self._codes.append(outcome)
            else:
                self._codes.append(min(wanted.qos, channel.core.config.mqtt.max_qos_allowed))
        channel.client.said = NO_PROPERTIES

    def answer(self, packet: Subscribe) -> None:
        """Send SUBACK when it is safe, then what is retained."""
        channel = self._channel
        if channel.core.storage.mark != self._mark:
            channel.wait_until_safe()
        channel.send(Suback(packet.packet_id, tuple(self._codes)))
        for replay in self._replays:
            channel.core.replays.begin(replay)


def add_subscription(
    core: BrokerCore,
    client: ClientInfo,
    session: Session,
    wanted: SubscribeFilter,
    identifier: int | None,
) -> tuple[ReasonCode, Replay | None]:
    """Enter one checked subscription into session and routes.

    Args:
        core: the broker's parts.
        client: who subscribes.
        session: its session.
        wanted: filter and options.
        identifier: subscription identifier, if any.

    Returns:
        What to answer, and what is to be replayed of the retained messages, if anything.
    """
    is_exclusive, share, inner = split_filter(wanted.topic_filter)
    try:
        inner = mount(client.mountpoint, inner)
    except InvalidTopic:
        return ReasonCode.TOPIC_FILTER_INVALID, None
    limit = client.zone.max_subscriptions
    is_known = share_key(share, inner) in session.subscriptions
    if limit and not is_known and len(session.subscriptions) >= limit:
        core.metrics.limit_subscriptions += 1
        return ReasonCode.QUOTA_EXCEEDED, None
    if is_exclusive and not core.subscriptions.claim(session, inner):
        return ReasonCode.QUOTA_EXCEEDED, None  # as EMQX 4.4
    mqtt = core.config.mqtt
    no_local = wanted.no_local or (client.proto_ver != MQTT_5 and mqtt.ignore_loop_deliver)
    # MQTT 3 brokers forward without RETAIN, except to bridges, which must see it to pass it on
    as_published = wanted.retain_as_published or client.is_bridge
    options = options_for(
        min(wanted.qos, mqtt.max_qos_allowed),
        (no_local, as_published),
        wanted.retain_handling,
        identifier,
        share,
    )
    is_new = core.subscriptions.add(session, inner, options)
    core.hooks.point("session.subscribed").run(client, share_key(share, inner), options)
    if share is not None:  # [MQTT-4.8.2] retained messages are not sent for shared subscriptions
        return ReasonCode.SUCCESS, None
    if options.retain_handling == NEVER_SEND_RETAINED:
        return ReasonCode.SUCCESS, None
    if options.retain_handling == SEND_RETAINED_IF_NEW and not is_new:
        return ReasonCode.SUCCESS, None
    return ReasonCode.SUCCESS, Replay(session, inner, options)


def handle_unsubscribe(channel: Channel, packet: Unsubscribe) -> Awaitable[None] | None:
    """Unsubscribe from each filter; answer for each in order [MQTT-3.10.4-4]."""
    channel.metrics.client_unsubscribe += 1
    filters = unwanted_filters(channel.core, channel.client, packet.topic_filters)
    mark = channel.core.storage.mark
    if len(filters) > FILTERS_A_TURN:
        return unsubscribe_in_slices(channel, packet, filters, mark)
    finish_unsubscribe(channel, packet, remove_subscriptions(channel, packet, filters), mark)
    return None


async def unsubscribe_in_slices(
    channel: Channel, packet: Unsubscribe, filters: Sequence[str], mark: int
) -> None:
    """Do the same for a packet with very many filters, letting others have their turn."""
    codes: list[ReasonCode] = []
    for start in range(0, len(filters), FILTERS_A_TURN):
        codes += remove_subscriptions(channel, packet, filters[start : start + FILTERS_A_TURN])
        await next_turn()
        if not channel.is_open:
            return
    finish_unsubscribe(channel, packet, codes, mark)


def remove_subscriptions(
    channel: Channel, packet: Unsubscribe, filters: Sequence[str]
) -> list[ReasonCode]:
    """Take filters out of a client's session and of the routes; return what to answer for each."""
    session = channel.session
    assert session is not None
    channel.client.said = packet.properties
    codes = [
        remove_subscription(channel.core, channel.client, session, topic_filter)
        for topic_filter in filters
    ]
    channel.client.said = NO_PROPERTIES
    return codes


def finish_unsubscribe(
    channel: Channel, packet: Unsubscribe, codes: Sequence[ReasonCode], mark: int
) -> None:
    """Send UNSUBACK, when what was said to the storage since a mark is safe."""
    if channel.core.storage.mark != mark:
        channel.wait_until_safe()
    channel.send(Unsuback(packet.packet_id, tuple(codes)))


def remove_subscription(
    core: BrokerCore, client: ClientInfo, session: Session, topic_filter: str
) -> ReasonCode:
    """Take a filter, as the client spells it, out of session and routes."""
    try:
        _, share, inner = split_filter(topic_filter)
        validate_topic_filter(inner)
        inner = mount(client.mountpoint, inner)
    except InvalidTopic:
        core.metrics.unsubscribe_error += 1
        return ReasonCode.TOPIC_FILTER_INVALID
    key = share_key(share, inner)
    if not core.subscriptions.remove(session, key):
        return ReasonCode.NO_SUBSCRIPTION_EXISTED
    core.hooks.point("session.unsubscribed").run(client, key)
    return ReasonCode.SUCCESS
