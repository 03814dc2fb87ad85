"""`emqx_mod_subscription`: every client that connects is subscribed to some topics without asking.

Source: EMQX 4.4 `emqx_mod_subscription`: levels `%c` and `%u` stand for client id and user name; a topic with `%u` is
left out for who has none; access rules are not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.broker.channel import subscribe
from app.broker.client_info import ClientInfo
from app.broker.core import BrokerCore
from app.config.extensions import (
    SUBSCRIPTION_OPTIONS,
    SUBSCRIPTION_PREFIX,
    SUBSCRIPTION_TOPIC,
)
from app.config.messages import rule_order
from app.mqtt.packets import SubscribeFilter
from app.mqtt.reason_codes import ReasonCode
from app.plugins.acl_topics import feed
from app.plugins.base import Context, ExtensionError, Module


class Subscription(Module):
    """Subscriptions that clients have from the start."""

    name = "emqx_mod_subscription"
    description = "EMQX Subscription Module"
    loaded_by_settings = True
    parameters = (SUBSCRIPTION_TOPIC, *SUBSCRIPTION_OPTIONS.values())

    def load(self, context: Context) -> None:
        """Watch clients come."""
        wanted = wanted_filters(context.config)
        if wanted:
            context.hook("client.connected", _Subscriber(context.core, wanted).connected)


def wanted_filters(config: Mapping[str, Any]) -> tuple[SubscribeFilter, ...]:
    """Return the subscriptions that the parameters describe, in the order of their names.

    Raises:
        ExtensionError: One has options and no topic.
    """
    names = {key.removeprefix(SUBSCRIPTION_PREFIX).rpartition(".")[0] for key in config}
    filters = []
    for name in sorted(names, key=rule_order):
        options = {
            option: config.get(f"{SUBSCRIPTION_PREFIX}{name}.{option}", 0)
            for option in SUBSCRIPTION_OPTIONS
        }
        topic = config.get(f"{SUBSCRIPTION_PREFIX}{name}.topic", "")
        if not topic:
            raise ExtensionError(
                f"Set {SUBSCRIPTION_PREFIX}{name}.topic to a filter, or remove {name}."
            )
        filters.append(
            SubscribeFilter(
                topic,
                options["qos"],
                bool(options["nl"]),
                bool(options["rap"]),
                options["rh"],
            )
        )
    return tuple(filters)


class _Subscriber:
    def __init__(self, core: BrokerCore, wanted: tuple[SubscribeFilter, ...]) -> None:
        self._core = core
        self._wanted = wanted

    def connected(self, client: ClientInfo) -> None:
        channel = self._core.cm.get(client.clientid)
        if channel is None or channel.session is None:
            return
        for one in self._wanted:
            topic_filter = feed(one.topic_filter, client)
            if topic_filter is None:
                continue
            wanted = SubscribeFilter(
                topic_filter, one.qos, one.no_local, one.retain_as_published, one.retain_handling
            )
            if subscribe.check_filter(self._core, wanted) is ReasonCode.SUCCESS:
                _, replay = subscribe.add_subscription(
                    self._core, client, channel.session, wanted, None
                )
                if replay is not None:
                    self._core.replays.begin(replay)
