"""What the broker may know of the settings: listeners, zones, limits.

The broker is given `BrokerConfig` and never sees the rest of the tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType

from app.config.kinds import (
    Policy,
    Rate,
    above_zero,
    any_text,
    between,
    choice,
    closed_set,
    decimal,
    duration,
    flag,
    node_name,
    or_infinity,
    policy,
    rate,
    size,
    topic_numbers,
    whole,
)
from app.config.listeners import ListenerConfig, default_listeners
from app.config.messages import ClientStoryConfig, DelayedConfig
from app.config.monitoring import AlarmConfig, MonitorConfig
from app.config.table import Setting, make, setting


class AllowAnonymous(Enum):
    """Whether clients without credentials may come in."""

    TRUE = "true"
    FALSE = "false"
    LOOPBACK = "loopback"


_allow_anonymous = closed_set(
    "a decision",
    {
        "loopback": AllowAnonymous.LOOPBACK,
        "true": AllowAnonymous.TRUE,
        "false": AllowAnonymous.FALSE,
        "on": AllowAnonymous.TRUE,
        "off": AllowAnonymous.FALSE,
    },
)
_priorities = topic_numbers(1, 255)
_strategy = choice(
    "random", "round_robin", "sticky", "local", "hash", "hash_clientid", "hash_topic"
)


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """Limits and capabilities that hold for every listener."""

    max_packet_size: int = setting(
        "mqtt.max_packet_size",
        between(size, "64", "256MB"),
        "1MB",
        "Largest packet that is accepted.",
    )
    max_clientid_len: int = setting(
        "mqtt.max_clientid_len",
        whole(23, 65_535),
        "65535",
        "Longest client id, in bytes.",
        hot=True,
    )
    max_topic_levels: int = setting(
        "mqtt.max_topic_levels",
        whole(0, 65_535),
        "128",
        "Most levels that a topic may have; 0 sets no limit.",
        hot=True,
    )
    max_qos_allowed: int = setting(
        "mqtt.max_qos_allowed",
        whole(0, 2),
        "2",
        "Highest QoS that clients may publish with.",
        hot=True,
    )
    max_topic_alias: int = setting(
        "mqtt.max_topic_alias",
        whole(0, 65_535),
        "65535",
        "Most topic aliases that an MQTT 5 client may set up; 0 allows none.",
        hot=True,
    )
    max_topic_alias_outgoing: int = setting(
        "mqtt.max_topic_alias_outgoing",
        whole(0, 65_535),
        "16",
        "Most topic aliases that the broker itself sets up for a client that offers to take them; 0 uses none.",
        hot=True,
    )
    retain_available: bool = setting(
        "mqtt.retain_available", flag, "true", "Whether messages may be retained.", hot=True
    )
    wildcard_subscription: bool = setting(
        "mqtt.wildcard_subscription",
        flag,
        "true",
        "Whether filters may hold `+` and `#`.",
        hot=True,
    )
    shared_subscription: bool = setting(
        "mqtt.shared_subscription",
        flag,
        "true",
        "Whether `$share/` filters are accepted.",
        hot=True,
    )
    merge_overlapping: bool = setting(
        "mqtt.merge_overlapping",
        flag,
        "false",
        "Whether a client whose filters match a message several times gets it once, with all subscription "
        "identifiers; EMQX sends it once for each.",
    )
    exclusive_subscription: bool = setting(
        "mqtt.exclusive_subscription",
        flag,
        "false",
        "Whether `$exclusive/` filters are accepted, which one client at a time may hold.",
        hot=True,
    )
    ignore_loop_deliver: bool = setting(
        "mqtt.ignore_loop_deliver",
        flag,
        "false",
        "Whether MQTT 3 clients are spared their own messages, as No Local spares MQTT 5 clients.",
        hot=True,
    )
    strict_mode: bool = setting(
        "mqtt.strict_mode",
        flag,
        "false",
        "Whether client ids, user names, topics and filters with control characters or non-characters are refused.",
        hot=True,
    )
    check_payload_format: bool = setting(
        "mqtt.check_payload_format",
        flag,
        "false",
        "Whether MQTT 5 messages that say they are UTF-8 text are refused where they are not.",
        hot=True,
    )
    response_information: str = setting(
        "mqtt.response_information",
        any_text,
        "",
        "What MQTT 5 clients that ask how to name their response topics are told; empty tells nothing.",
        hot=True,
    )


@dataclass(frozen=True, slots=True)
class RetainerConfig:
    """What is kept of retained messages."""

    max_retained_messages: int = setting(
        "retainer.max_retained_messages",
        whole(),
        "0",
        "Most retained messages; 0 sets no limit.",
        hot=True,
    )
    max_payload_size: int = setting(
        "retainer.max_payload_size",
        size,
        "1MB",
        "Largest payload that is retained; a larger one is delivered but not kept.",
        hot=True,
    )
    expiry_interval_s: float = setting(
        "retainer.expiry_interval",
        duration,
        "0",
        "How long a retained message without an expiry of its own is kept; 0 keeps it for good.",
        hot=True,
    )


@dataclass(frozen=True, slots=True)
class ZoneConfig:
    """Policy of the clients that come in through the listeners of one zone."""

    name: str
    idle_timeout_s: float = setting(
        "zone.$name.idle_timeout",
        above_zero(duration),
        "15s",
        "How long a connection may stay without its CONNECT.",
        hot=True,
    )
    enable_ban: bool = setting(
        "zone.$name.enable_ban", flag, "on", "Whether banned clients are refused.", hot=True
    )
    enable_flapping_detect: bool = setting(
        "zone.$name.enable_flapping_detect",
        flag,
        "off",
        "Whether clients that disconnect too often are banned, by flapping_detect_policy.",
        hot=True,
    )
    enable_auth_failure_limit: bool = setting(
        "zone.$name.enable_auth_failure_limit",
        flag,
        "off",
        "Whether addresses from which too many logins fail are refused for a while, by auth_failure_policy.",
        hot=True,
    )
    enable_acl: bool = setting(
        "zone.$name.enable_acl",
        flag,
        "on",
        "Whether publishing and subscribing is checked against access rules.",
        hot=True,
        variants={"internal": "off"},
    )
    keepalive_backoff: float = setting(
        "zone.$name.keepalive_backoff",
        above_zero(decimal),
        "0.75",
        "A client is closed after twice this times its keepalive without a packet.",
        hot=True,
    )
    server_keepalive_s: int = setting(
        "zone.$name.server_keepalive",
        whole(0, 65_535),
        "0",
        "Keepalive in seconds that MQTT 5 clients are told to use in place of their own; 0 leaves it to them.",
        hot=True,
    )
    max_subscriptions: int = setting(
        "zone.$name.max_subscriptions",
        whole(),
        "0",
        "Most subscriptions of one client; 0 sets no limit.",
        hot=True,
    )
    upgrade_qos: bool = setting(
        "zone.$name.upgrade_qos",
        flag,
        "off",
        "Whether messages are delivered at the subscription's QoS where that is higher.",
        hot=True,
    )
    max_inflight: int = setting(
        "zone.$name.max_inflight",
        whole(1, 65_535),
        "32",
        "Most messages sent to a client and not yet acknowledged.",
        hot=True,
        variants={"internal": "128"},
    )
    retry_interval_s: float = setting(
        "zone.$name.retry_interval",
        duration,
        "30s",
        "When unacknowledged messages are sent again; 0 waits for the next connection.",
        hot=True,
    )
    max_awaiting_rel: int = setting(
        "zone.$name.max_awaiting_rel",
        whole(),
        "100",
        "Most QoS 2 messages received and not yet released; 0 sets no limit.",
        hot=True,
        variants={"internal": "1000"},
    )
    await_rel_timeout_s: float = setting(
        "zone.$name.await_rel_timeout",
        above_zero(duration),
        "300s",
        "How long a QoS 2 message waits for its PUBREL.",
        hot=True,
    )
    session_expiry_interval_s: float = setting(
        "zone.$name.session_expiry_interval",
        or_infinity(duration),
        "2h",
        "How long a kept MQTT 3 session outlives its connection; MQTT 5 clients choose for themselves.",
        hot=True,
    )
    max_mqueue_len: int = setting(
        "zone.$name.max_mqueue_len",
        whole(),
        "1000",
        "Most messages queued for one client; 0 sets no limit.",
        hot=True,
        variants={"internal": "10000"},
    )
    mqueue_store_qos0: bool = setting(
        "zone.$name.mqueue_store_qos0",
        flag,
        "true",
        "Whether QoS 0 messages are queued for clients that are away.",
        hot=True,
    )
    mqueue_priorities: tuple[tuple[str, int], ...] = setting(
        "zone.$name.mqueue_priorities",
        _priorities,
        "none",
        "Topics whose queued messages go first, the highest priority in front; each priority has its own "
        "`max_mqueue_len`.",
        hot=True,
    )
    mqueue_default_priority: str = setting(
        "zone.$name.mqueue_default_priority",
        choice("highest", "lowest"),
        "highest",
        "Priority of the topics that `mqueue_priorities` does not name, where it names any.",
        hot=True,
    )
    mqueue_overflow: str = setting(
        "zone.$name.mqueue_overflow",
        choice("backpressure", "drop_oldest", "drop_new"),
        "backpressure",
        "What happens when a queue is full: `backpressure` has publishers of QoS 1 and 2 wait for subscribers that are "
        "connected and drops the oldest message of those that are away; or the oldest or the new message goes.",
        hot=True,
    )
    mqueue_backpressure_timeout_s: float = setting(
        "zone.$name.mqueue_backpressure_timeout",
        duration,
        "10s",
        "How long a publisher waits at most for a subscriber's queue; then the oldest messages go until the subscriber "
        "makes room again.",
        hot=True,
    )
    use_username_as_clientid: bool = setting(
        "zone.$name.use_username_as_clientid",
        flag,
        "false",
        "Whether the user name replaces the client id.",
        hot=True,
    )
    mountpoint: str = setting(
        "zone.$name.mountpoint",
        any_text,
        "",
        "Prefix of all topics of the zone's clients; `%c` is the client id, `%u` the user name.",
        hot=True,
    )
    conn_messages_in: Rate | None = setting(
        "zone.$name.rate_limit.conn_messages_in",
        rate(whole(1)),
        "",
        "Most messages of one client in a period, such as `100,10s`; a client that sends more is not read from for a "
        "while. Empty sets no limit.",
        hot=True,
    )
    conn_bytes_in: Rate | None = setting(
        "zone.$name.rate_limit.conn_bytes_in",
        rate(size),
        "",
        "Most bytes of one client in a period, such as `100KB,10s`; empty sets no limit.",
        hot=True,
    )
    max_output_buffer: int = setting(
        "zone.$name.max_output_buffer",
        above_zero(size),
        "4MB",
        "Unsent bytes of a slow client past which its QoS 0 messages are dropped and counted.",
        hot=True,
    )


SHARED_GROUP_STRATEGY = Setting(
    "broker.$group.shared_subscription_strategy",
    _strategy,
    "",
    "The strategy of one shared group; the others have `broker.shared_subscription_strategy`.",
)
"""No field: there may be any number of groups."""

DEFAULT_ZONES = ("external", "internal")


def _default_zones() -> Mapping[str, ZoneConfig]:
    return MappingProxyType({name: make(ZoneConfig, {"name": name}) for name in DEFAULT_ZONES})


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """All that the broker may know of the settings."""

    data_dir: Path = field(default=Path(), compare=False)
    """The instance folder; no setting, since the settings are in it."""
    node_name: str = setting(
        "node.name", node_name, "godwit@127.0.0.1", "Name of this node, as the API shows it."
    )
    allow_anonymous: AllowAnonymous = setting(
        "allow_anonymous",
        _allow_anonymous,
        "loopback",
        "Whether clients without credentials may come in; loopback means from this machine only.",
        hot=True,
    )
    acl_nomatch: str = setting(
        "acl_nomatch",
        choice("allow", "deny"),
        "allow",
        "Whether clients may publish and subscribe where no access rule says anything.",
    )
    enable_acl_cache: bool = setting(
        "enable_acl_cache",
        flag,
        "on",
        "Whether what the access rules said about a client is remembered for a while.",
    )
    acl_cache_max_size: int = setting(
        "acl_cache_max_size", whole(1), "32", "Most verdicts that are remembered of one client."
    )
    acl_cache_ttl_s: float = setting(
        "acl_cache_ttl", above_zero(duration), "1m", "How long a verdict is remembered."
    )
    acl_deny_action: str = setting(
        "acl_deny_action",
        choice("ignore", "disconnect"),
        "ignore",
        "What becomes of a client that publishes or subscribes where it may not.",
        hot=True,
    )
    acl_deny_reveals: bool = setting(
        "acl_deny_reveals",
        flag,
        "true",
        "Whether an MQTT 5 client is told that it is not authorized (0x87); else it hears of an unspecified error "
        "(0x80), and cannot find out what is there for others.",
        hot=True,
    )
    flapping_detect_policy: Policy = setting(
        "flapping_detect_policy",
        policy,
        "30, 1m, 5m",
        "How many disconnects of a client id within which time are too many, and for how long it is banned then.",
        hot=True,
    )
    auth_failure_policy: Policy = setting(
        "auth_failure_policy",
        policy,
        "30, 1m, 5m",
        "How many failed logins from an address within which time are too many, and for how long nobody else is let "
        "in from there. This machine's own addresses are not counted.",
        hot=True,
    )
    hook_timeout_s: float = setting(
        "broker.hook_timeout",
        above_zero(duration),
        "10s",
        "How long authentication and access rules may take to answer; who is not answered for in time is refused.",
    )
    admission_slice_s: float = setting(
        "broker.admission_slice",
        above_zero(duration),
        "1ms",
        "For how long clients are let in, subscribed and seen off in one turn of the loop, before others have theirs.",
    )
    max_pending_logins: int = setting(
        "broker.max_pending_logins",
        whole(),
        "64",
        "Most logins that are waited for at a time; other newcomers wait before theirs begins, no longer than their "
        "zone's idle_timeout. 0 sets no limit.",
    )
    sys_interval_s: float = setting(
        "broker.sys_interval",
        above_zero(duration),
        "1m",
        "How often statistics are published under `$SYS`.",
    )
    sys_heartbeat_s: float = setting(
        "broker.sys_heartbeat",
        above_zero(duration),
        "30s",
        "How often uptime and time are published under `$SYS`.",
    )
    shared_subscription_strategy: str = setting(
        "broker.shared_subscription_strategy",
        _strategy,
        "random",
        "Which member of a shared group gets a message.",
    )
    shared_dispatch_ack_enabled: bool = setting(
        "broker.shared_dispatch_ack_enabled",
        flag,
        "false",
        "Whether messages of QoS 1 and 2 go only to members of a shared group that can be sent them at "
        "once, while there is one.",
    )
    shared_groups: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Strategies of single groups, by name (`SHARED_GROUP_STRATEGY`)."""
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    retainer: RetainerConfig = field(default_factory=RetainerConfig)
    delayed: DelayedConfig = field(default_factory=DelayedConfig)
    client_story: ClientStoryConfig = field(default_factory=ClientStoryConfig)
    alarm: AlarmConfig = field(default_factory=AlarmConfig)
    monitors: MonitorConfig = field(default_factory=MonitorConfig)
    zones: Mapping[str, ZoneConfig] = field(default_factory=_default_zones)
    listeners: tuple[ListenerConfig, ...] = field(default_factory=default_listeners)
