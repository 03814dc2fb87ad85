"""What the parameters make of bridges: one record each, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.config.bridges import BY_NAME, PREFIX, SUBSCRIPTION_QOS
from app.config.messages import rule_order
from app.mqtt.topic import InvalidTopic, split_share, validate_topic_filter, validate_topic_name
from app.plugins.base import ExtensionError
from app.rules.addresses import address_of
from app.rules.errors import BadArguments
from app.rules.resources.bridge_mqtt import DEFAULT_PORT, KEEPALIVE_MAX_S, NODE, VERSIONS
from app.rules.resources.mqtt_client import ClientOptions
from app.rules.resources.tls import server_name, tls_context


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """One bridge."""

    name: str
    given: Mapping[str, Any]
    """The values that it was made of, by what stands behind its name."""
    forwards: tuple[str, ...]
    subscriptions: Mapping[str, int]
    """QoS by filter."""

    @property
    def queue_dir(self) -> Path | None:
        """Return the folder of its queue; None where that is in memory."""
        text = self.given["queue.replayq_dir"]
        return Path(text) if text else None

    def mountpoint(self, way: str, node: str) -> str:
        """Return what is put before topics; `way` is `forward` or `receive`."""
        return str(self.given[f"{way}_mountpoint"]).replace(NODE, node)

    def client(self, node: str, max_packet_bytes: int) -> ClientOptions:
        """Return what its client connects with; reads the files of TLS.

        Raises:
            ExtensionError: The address is none, or a file cannot be used.
        """
        given = self.given
        try:
            host, port = address_of(given["address"], DEFAULT_PORT, "address")
            tls = tls_context(given) if given["ssl"] else None
        except BadArguments as error:
            raise ExtensionError(f"{PREFIX}{self.name}: {error}") from None
        return ClientOptions(
            host=host,
            port=port,
            clientid=given["clientid"].replace(NODE, node) or f"bridge_{self.name}:{node}",
            proto_ver=VERSIONS[given["proto_ver"]],
            username=given["username"] or None,
            password=given["password"] or None,
            keepalive_s=min(KEEPALIVE_MAX_S, max(1, round(given["keepalive"]))),
            reconnect_interval_s=given["reconnect_interval"],
            retry_interval_s=given["retry_interval"],
            is_bridge=given["bridge_mode"],
            clean_start=given["clean_start"],
            max_inflight=given["max_inflight_size"],
            max_packet_bytes=max_packet_bytes,
            tls=tls,
            server_name=server_name(given),
        )


def bridges_of(config: Mapping[str, Any]) -> dict[str, BridgeSettings]:
    """Return the bridges that the parameters describe, by name.

    Raises:
        ExtensionError: One has no address, or a filter or mountpoint that is none.
    """
    given: dict[str, dict[str, Any]] = {}
    for key, value in config.items():
        name, _, rest = key.removeprefix(PREFIX).partition(".")
        given.setdefault(name, {})[rest] = value
    return {name: _bridge(name, given[name]) for name in sorted(given)}


def _bridge(name: str, given: Mapping[str, Any]) -> BridgeSettings:
    values = {key: row.kind(row.default) for key, row in BY_NAME.items()} | dict(given)
    if not values["address"]:
        raise ExtensionError(f"Set {PREFIX}{name}.address to HOST:PORT of the other broker.")
    for way in ("forward", "receive"):
        mountpoint = values[f"{way}_mountpoint"]
        if mountpoint:
            _checked(name, f"{way}_mountpoint", mountpoint, validate_topic_name)
    folder = values["queue.replayq_dir"]
    if folder and not Path(folder).is_absolute():
        raise ExtensionError(f"{PREFIX}{name}.queue.replayq_dir: write the whole path of a folder.")
    forwards = tuple(dict.fromkeys(filter(None, map(str.strip, values["forwards"].split(",")))))
    for one in forwards:
        check_forward(one, f"{PREFIX}{name}.forwards")
    return BridgeSettings(name, values, forwards, _subscriptions(name, given))


def _subscriptions(name: str, given: Mapping[str, Any]) -> dict[str, int]:
    numbers = {key.split(".")[1] for key in given if key.startswith("subscription.")}
    found = {}
    for number in sorted(numbers, key=rule_order):
        key = f"subscription.{number}"
        topic_filter = given.get(f"{key}.topic")
        if not topic_filter:
            raise ExtensionError(f"Set {PREFIX}{name}.{key}.topic to a filter, or remove {key}.")
        check_subscription(topic_filter, f"{PREFIX}{name}.{key}.topic")
        default = SUBSCRIPTION_QOS.kind(SUBSCRIPTION_QOS.default)
        found[topic_filter] = given.get(f"{key}.qos", default)
    return found


def check_forward(topic_filter: str, where: str) -> None:
    """Look whether we can subscribe here.

    Raises:
        ExtensionError: We cannot; the text begins with `where`.
    """
    try:
        validate_topic_filter(topic_filter)
        if split_share(topic_filter)[0] is not None:
            raise InvalidTopic("a bridge is not part of a group")
    except InvalidTopic as error:
        raise ExtensionError(f"{where}: {topic_filter!r} is no topic filter: {error}.") from None


def check_subscription(topic_filter: str, where: str) -> None:
    """Look whether we can subscribe there.

    Raises:
        ExtensionError: We cannot; the text begins with `where`.
    """
    try:
        validate_topic_filter(split_share(topic_filter)[1])
    except InvalidTopic as error:
        raise ExtensionError(f"{where}: {topic_filter!r} is no topic filter: {error}.") from None


def _checked(name: str, key: str, text: str, check: Any) -> None:
    try:
        check(text.replace(NODE, "node"))
    except InvalidTopic as error:
        raise ExtensionError(f"{PREFIX}{name}.{key}: {error}.") from None
