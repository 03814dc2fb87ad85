"""The settings table: frozen dataclasses whose fields are its rows.

Each field is declared through `setting(...)`, which carries key, kind, default text, meaning and whether the value may
change while a node runs. Loading, validation and docs/configuration.md all read these rows; nobody spells a key twice.
Keys are EMQX 4's dotted names. `$name` in a key stands for a name that the operator chooses.

The broker is given `BrokerConfig` and never sees the rest.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from app.config.kinds import (
    Address,
    Kind,
    above_zero,
    address_list,
    any_text,
    choice,
    closed_set,
    database_url,
    decimal,
    duration,
    flag,
    mqtt_path,
    node_name,
    or_infinity,
    share,
    size,
    whole,
    word,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    key: str
    kind: Kind[Any]
    default: str
    doc: str
    hot: bool = False
    secret: bool = False
    variants: Mapping[str, str] = field(default_factory=dict)
    """Defaults of particular names or protocols, where they differ from `default`."""

    def key_for(self, names: Mapping[str, str]) -> str:
        """Return the key with `$name` and `$protocol` filled in."""
        key = self.key
        for placeholder, value in names.items():
            key = key.replace(f"${placeholder}", value)
        return key

    def default_for(self, names: Mapping[str, str]) -> str:
        """Return the default text for these names."""
        chosen = (*names.values(), ".".join(names.values()))
        return next(
            (self.variants[name] for name in reversed(chosen) if name in self.variants),
            self.default,
        )


def setting(
    key: str, kind: Kind[T], default: str, doc: str, *, hot: bool = False, **more: Any
) -> T:
    """Declare one field of a settings dataclass as a row of the table."""
    row = Setting(key, kind, default, doc, hot, **more)
    declared: T = field(default=kind(default), metadata={"setting": row}, repr=not row.secret)
    return declared


def rows_of(cls: type[Any]) -> Iterator[tuple[str, Setting]]:
    """Yield (field name, row) for the fields of a dataclass that are rows of the table."""
    for declared in dataclasses.fields(cls):
        if "setting" in declared.metadata:
            yield declared.name, declared.metadata["setting"]


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
_strategy = choice(
    "random", "round_robin", "sticky", "local", "hash", "hash_clientid", "hash_topic"
)
_log_level = choice("debug", "info", "warning", "error", "critical")
_packet_size = Kind(
    "a packet size", "a size from 64 bytes to 256MB", lambda given: _between(size(given), 64, 2**28)
)
_switch_interval = Kind(
    "a switch interval",
    "a duration from 0.01ms to 100ms",
    lambda given: _between(duration(given), 0.000_01, 0.1),
)


def _between(value: T, minimum: T, maximum: T) -> T:
    if not minimum <= value <= maximum:  # type: ignore[operator]  # numbers of either kind
        raise ValueError
    return value


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """Limits and capabilities that hold for every listener."""

    max_packet_size: int = setting(
        "mqtt.max_packet_size", _packet_size, "1MB", "Largest packet that is accepted.", hot=True
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
    ignore_loop_deliver: bool = setting(
        "mqtt.ignore_loop_deliver",
        flag,
        "false",
        "Whether a client's own messages are kept from it, as MQTT 5's No Local does, for MQTT 3 clients too.",
        hot=True,
    )
    strict_mode: bool = setting(
        "mqtt.strict_mode",
        flag,
        "false",
        "Whether packets that break the letter of the specification harmlessly are refused as well.",
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
        "How long a retained message is kept when it brings no expiry of its own; 0 keeps it for good.",
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
        "A client is closed after keepalive × this × 2 without a packet.",
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
        "How long an MQTT 3 session that asked to be kept outlives its connection, and the most that MQTT 5 clients get.",
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
        "Prefix put before every topic of the zone's clients; `%c` is the client id, `%u` the user name.",
        hot=True,
    )
    max_output_buffer: int = setting(
        "zone.$name.max_output_buffer",
        above_zero(size),
        "4MB",
        "Unsent bytes of a slow client past which its QoS 0 messages are dropped and counted.",
        hot=True,
    )


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """One address on which MQTT clients are served."""

    protocol: str
    """tcp or ws."""
    name: str
    host: str
    port: int
    zone: str = setting(
        "listener.$protocol.$name.zone",
        word,
        "external",
        "Zone whose policy holds for the listener's clients.",
        variants={"internal": "internal"},
    )
    max_connections: int = setting(
        "listener.$protocol.$name.max_connections",
        whole(1),
        "1024000",
        "Most connections at a time; the next one is closed at once.",
        variants={"ws": "102400"},
    )
    acceptors: int = setting(
        "listener.$protocol.$name.acceptors",
        whole(1),
        "8",
        "Shown by the API as EMQX shows it; one loop accepts for all listeners.",
        variants={"ws": "4"},
    )
    backlog: int = setting(
        "listener.$protocol.$name.backlog",
        whole(1, 65_535),
        "1024",
        "Connections that the kernel holds until they are accepted.",
    )
    mqtt_path: str = setting(
        "listener.$protocol.$name.mqtt_path",
        mqtt_path,
        "/mqtt",
        "Path on which a ws listener speaks MQTT.",
    )

    @property
    def address(self) -> Address:
        """Return where it listens."""
        return Address(self.host, self.port)

    @property
    def identifier(self) -> str:
        """Return EMQX's name of the listener, `mqtt:tcp:external`."""
        return f"mqtt:{self.protocol}:{self.name}"


LISTENER_PROTOCOLS = ("tcp", "ws")
LISTENER_ADDRESSES = Setting(
    "listener.$protocol.$name",
    address_list,
    "off",
    "Where the listener listens; `$protocol` is tcp or ws.",
    variants={"tcp.external": "0.0.0.0:1883", "ws.external": "0.0.0.0:8083"},
)
"""The one row that is no field: an address list may stand for several listeners."""

DEFAULT_ZONES = ("external", "internal")


def _default_zones() -> Mapping[str, ZoneConfig]:
    return MappingProxyType({name: make(ZoneConfig, {"name": name}) for name in DEFAULT_ZONES})


def _default_listeners() -> tuple[ListenerConfig, ...]:
    return tuple(
        make(ListenerConfig, {"protocol": protocol, "name": name}, host=at.host, port=at.port)
        for protocol, name in (key.split(".") for key in LISTENER_ADDRESSES.variants)
        for at in address_list(LISTENER_ADDRESSES.variants[f"{protocol}.{name}"])
    )


def make(cls: type[T], names: Mapping[str, str], **values: Any) -> T:
    """Return a dataclass of the tree with the defaults that belong to these names."""
    defaults = {name: row.kind(row.default_for(names)) for name, row in rows_of(cls)}
    return cls(**{**names, **defaults, **values})


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """All that the broker may know of the settings."""

    node_name: str = setting(
        "node.name", node_name, "godwit@127.0.0.1", "Name of this node, as the API shows it."
    )
    allow_anonymous: AllowAnonymous = setting(
        "allow_anonymous",
        _allow_anonymous,
        "loopback",
        "Whether clients without credentials may come in: true, false, or loopback for those on this machine.",
        hot=True,
    )
    sys_interval_s: float = setting(
        "broker.sys_interval",
        above_zero(duration),
        "1m",
        "How often statistics are published under `$SYS`.",
        hot=True,
    )
    sys_heartbeat_s: float = setting(
        "broker.sys_heartbeat",
        above_zero(duration),
        "30s",
        "How often uptime and time are published under `$SYS`.",
        hot=True,
    )
    shared_subscription_strategy: str = setting(
        "broker.shared_subscription_strategy",
        _strategy,
        "random",
        "Which member of a shared group gets a message.",
        hot=True,
    )
    mqtt: MqttConfig = field(default_factory=MqttConfig)
    retainer: RetainerConfig = field(default_factory=RetainerConfig)
    zones: Mapping[str, ZoneConfig] = field(default_factory=_default_zones)
    listeners: tuple[ListenerConfig, ...] = field(default_factory=_default_listeners)


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How the request threads and the broker's loop share one interpreter (docs/design/interpreter-lock.md)."""

    switch_interval_s: float = setting(
        "node.switch_interval",
        _switch_interval,
        "0.5ms",
        "How long a thread may keep the interpreter while another waits for it.",
    )
    read_slice_rows: int = setting(
        "node.read_slice", whole(1, 100_000), "100", "Rows of a list that the loop makes in one go."
    )
    read_budget: float = setting(
        "node.read_budget",
        share,
        "30%",
        "Share of the loop's time that lists for the API may take.",
    )
    call_timeout_s: float = setting(
        "node.call_timeout",
        above_zero(duration),
        "5s",
        "How long an API request waits for the broker.",
    )
    stop_timeout_s: float = setting(
        "node.stop_timeout",
        above_zero(duration),
        "10s",
        "How long a stopping node waits for its connections to close.",
    )


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the database is."""

    url: str = setting(
        "database.url",
        database_url,
        "",
        "SQLite, PostgreSQL or MariaDB/MySQL; empty is the file `godwit.db` in the instance folder.",
        secret=True,
    )
    pool_size: int = setting(
        "database.pool_size", whole(1, 1_000), "5", "Connections kept open to a database server."
    )


@dataclass(frozen=True, slots=True)
class ManagementSettings:
    """The management API."""

    listeners: tuple[Address, ...] = setting(
        "management.listener.http",
        address_list,
        "0.0.0.0:8081,0.0.0.0:8080",
        "Where the management API listens: EMQX 4's port and EMQX 2's.",
    )
    max_row_limit: int = setting(
        "management.max_row_limit", whole(1), "10000", "Most rows of one page.", hot=True
    )
    request_threads: int = setting(
        "management.request_threads", whole(1, 64), "4", "Requests that are answered at a time."
    )
    max_body_size: int = setting(
        "management.max_body_size", above_zero(size), "8MB", "Largest body of a request."
    )
    default_application_id: str = setting(
        "management.default_application.id",
        word,
        "admin",
        "Id of the application that the first start creates.",
    )
    default_application_secret: str = setting(
        "management.default_application.secret",
        word,
        "public",
        "Its secret; while it is the default one, the application works from this machine only.",
        secret=True,
    )


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """The dashboard."""

    listeners: tuple[Address, ...] = setting(
        "dashboard.listener.http", address_list, "0.0.0.0:18083", "Where the dashboard listens."
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The log."""

    level: str = setting("log.level", _log_level, "info", "Least weight of what is logged.")


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole tree; only the composition root sees all of it."""

    instance_dir: Path
    broker: BrokerConfig = field(default_factory=BrokerConfig)
    node: NodeSettings = field(default_factory=NodeSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    management: ManagementSettings = field(default_factory=ManagementSettings)
    dashboard: DashboardSettings = field(default_factory=DashboardSettings)
    log: LogSettings = field(default_factory=LogSettings)

    @property
    def database_url(self) -> str:
        """Return the SQLAlchemy URL that is in effect."""
        return self.database.url or f"sqlite:///{self.instance_dir.absolute() / 'godwit.db'}"


def all_rows() -> Iterator[Setting]:
    """Yield every row of the table, in the order of the tree."""
    yield from (row for _name, row in rows_of(BrokerConfig))
    yield from (row for _name, row in rows_of(MqttConfig))
    yield from (row for _name, row in rows_of(RetainerConfig))
    yield from (row for _name, row in rows_of(ZoneConfig))
    yield LISTENER_ADDRESSES
    yield from (row for _name, row in rows_of(ListenerConfig))
    for section in (
        NodeSettings,
        DatabaseSettings,
        ManagementSettings,
        DashboardSettings,
        LogSettings,
    ):
        yield from (row for _name, row in rows_of(section))
