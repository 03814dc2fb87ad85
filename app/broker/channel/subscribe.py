"""SUBSCRIBE and UNSUBSCRIBE, by a client or by the API in its name."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING

from app.broker.core import BrokerCore
from app.broker.router import SubOptions
from app.broker.session import Session
from app.mqtt.errors import ProtocolViolation
from app.mqtt.packets import MQTT_5, Suback, Subscribe, SubscribeFilter, Unsuback, Unsubscribe
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.topic import InvalidTopic, is_wildcard, split_share, validate_topic_filter

if TYPE_CHECKING:
    from app.broker.channel.channel import Channel

SEND_RETAINED_IF_NEW = 1
NEVER_SEND_RETAINED = 2


def handle_subscribe(channel: Channel, packet: Subscribe) -> Awaitable[None] | None:
    """Subscribe to each filter that may be subscribed to; answer for each in order."""
    channel.metrics.client_subscribe += 1
    filters = packet.filters
    hook = channel.core.hooks.point("client.subscribe")
    if hook.callbacks:
        filters = tuple(hook.fold(channel.client, value=filters))
    verdicts = [check_filter(channel, wanted) for wanted in filters]
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


def ask_acl(channel: Channel, wanted: SubscribeFilter) -> bool | Awaitable[bool]:
    """Ask whether a client may subscribe; sharing a subscription gives no right to its topics."""
    _, inner = split_share(wanted.topic_filter)
    return channel.core.access.may(channel.client, "subscribe", inner)


def acl_reason(allowed: bool) -> ReasonCode:
    """Say an ACL verdict in MQTT's words."""
    return ReasonCode.SUCCESS if allowed else ReasonCode.NOT_AUTHORIZED


def check_filter(channel: Channel, wanted: SubscribeFilter) -> ReasonCode:
    """Say whether a filter can be subscribed to, whoever asks."""
    mqtt = channel.core.config.mqtt
    try:
        share, inner = split_share(wanted.topic_filter)
        validate_topic_filter(inner)
    except InvalidTopic:
        return ReasonCode.TOPIC_FILTER_INVALID
    if share is not None:
        if wanted.no_local:  # [MQTT-3.8.3-4]
            raise ProtocolViolation("No Local on a shared subscription", ReasonCode.PROTOCOL_ERROR)
        if not mqtt.shared_subscription:
            return ReasonCode.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED
    if is_wildcard(inner) and not mqtt.wildcard_subscription:
        return ReasonCode.WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED
    if mqtt.max_topic_levels and inner.count("/") >= mqtt.max_topic_levels:
        return ReasonCode.TOPIC_FILTER_INVALID
    return ReasonCode.SUCCESS


def finish_subscribe(
    channel: Channel,
    packet: Subscribe,
    filters: Sequence[SubscribeFilter],
    verdicts: Sequence[ReasonCode],
) -> None:
    """Make the subscriptions, send SUBACK, then what is retained."""
    codes: list[int] = []
    made: list[tuple[str, SubOptions]] = []
    identifiers = packet.properties.get("subscription_identifier")
    identifier = identifiers[0] if identifiers else None
    for wanted, verdict in zip(filters, verdicts, strict=True):
        outcome = verdict
        if verdict is ReasonCode.SUCCESS:
            outcome = add_subscription(channel, wanted, identifier, made)
        elif verdict is ReasonCode.NOT_AUTHORIZED:
            channel.metrics.subscribe_auth_error += 1
        if outcome >= ReasonCode.UNSPECIFIED_ERROR:
            channel.metrics.subscribe_error += 1
            codes.append(outcome)
        else:
            codes.append(min(wanted.qos, channel.core.config.mqtt.max_qos_allowed))
    channel.send(Suback(packet.packet_id, tuple(codes)))
    for inner, options in made:
        send_retained(channel, inner, options)


def add_subscription(
    channel: Channel,
    wanted: SubscribeFilter,
    identifier: int | None,
    made: list[tuple[str, SubOptions]],
) -> ReasonCode:
    """Enter one subscription into session and routes.

    Args:
        channel: of the client.
        wanted: filter and options, checked.
        identifier: subscription identifier, if any.
        made: gets the inner filter and options where retained messages are due.
    """
    core = channel.core
    session = channel.session
    assert session is not None
    share, inner = split_share(wanted.topic_filter)
    inner = channel.client.mountpoint + inner
    key = share_key(share, inner)
    is_new = key not in session.subscriptions
    limit = channel.client.zone.max_subscriptions
    if is_new and limit and len(session.subscriptions) >= limit:
        return ReasonCode.QUOTA_EXCEEDED
    no_local = wanted.no_local
    if channel.version != MQTT_5 and core.config.mqtt.ignore_loop_deliver:
        no_local = True
    options = SubOptions(
        qos=min(wanted.qos, core.config.mqtt.max_qos_allowed),
        no_local=no_local,
        # MQTT 3 brokers forward without RETAIN, except to bridges, which must see it to pass it on
        retain_as_published=wanted.retain_as_published or channel.client.is_bridge,
        retain_handling=wanted.retain_handling,
        identifier=identifier,
        share=share,
    )
    session.subscriptions[key] = options
    if is_new:
        core.suboptions_count += 1
    if share is None:
        core.router.add(inner, session, options)
        if wanted.retain_handling != NEVER_SEND_RETAINED and (
            is_new or wanted.retain_handling != SEND_RETAINED_IF_NEW
        ):
            made.append((inner, options))
    else:  # [MQTT-4.8.2] retained messages are not sent for shared subscriptions
        core.shared.add(share, inner, session, options)
    core.hooks.point("session.subscribed").run(channel.client, key, options)
    return ReasonCode.SUCCESS


def share_key(share: str | None, inner: str) -> str:
    """Return the filter as the lists show it; a queue is a group called `$queue`."""
    return inner if share is None else f"$share/{share}/{inner}"


def send_retained(channel: Channel, topic_filter: str, options: SubOptions) -> None:
    """Replay what is retained for a new subscription."""
    session = channel.session
    if session is None or not len(channel.core.retained):
        return
    for message in channel.core.retained.match(topic_filter):
        if options.no_local and message.clientid == session.clientid:
            continue
        session.deliver_retained(message, options)


def handle_unsubscribe(channel: Channel, packet: Unsubscribe) -> None:
    """Unsubscribe from each filter; answer for each in order [MQTT-3.10.4-4]."""
    channel.metrics.client_unsubscribe += 1
    filters = packet.topic_filters
    hook = channel.core.hooks.point("client.unsubscribe")
    if hook.callbacks:
        filters = tuple(hook.fold(channel.client, value=filters))
    codes = tuple(remove_subscription(channel, topic_filter) for topic_filter in filters)
    channel.send(Unsuback(packet.packet_id, codes))


def remove_subscription(channel: Channel, topic_filter: str) -> ReasonCode:
    """Take a filter, as the client spells it, out of session and routes."""
    session = channel.session
    assert session is not None
    try:
        share, inner = split_share(topic_filter)
        validate_topic_filter(inner)
    except InvalidTopic:
        channel.metrics.unsubscribe_error += 1
        return ReasonCode.TOPIC_FILTER_INVALID
    key = share_key(share, channel.client.mountpoint + inner)
    if not drop_subscription(channel.core, session, key):
        return ReasonCode.NO_SUBSCRIPTION_EXISTED
    channel.core.hooks.point("session.unsubscribed").run(channel.client, key)
    return ReasonCode.SUCCESS


def drop_subscription(core: BrokerCore, session: Session, key: str) -> bool:
    """Take one filter out of session and routes; False where it was not there."""
    options = session.subscriptions.pop(key, None)
    if options is None:
        return False
    core.suboptions_count -= 1
    if options.share is None:
        core.router.remove(key, session)
    else:
        inner = key.removeprefix(f"$share/{options.share}/")
        core.shared.remove(options.share, inner, session)
    return True
