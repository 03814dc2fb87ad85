"""The settings tree, whose parts the composition root hands to the rooms that they concern."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from app.config.broker import (
    SHARED_GROUP_STRATEGY,
    BrokerConfig,
    MqttConfig,
    RetainerConfig,
    ZoneConfig,
)
from app.config.extensions import EXTENSION_ROWS
from app.config.kinds import (
    Address,
    Rate,
    above_zero,
    address_list,
    any_text,
    between,
    choice,
    database_url,
    duration,
    flag,
    rate,
    share,
    size,
    whole,
    word,
)
from app.config.listeners import LISTENER_ADDRESSES, ListenerConfig, TlsConfig, UnixConfig
from app.config.messages import ClientStoryConfig, DelayedConfig
from app.config.monitoring import AlarmConfig, MonitorConfig
from app.config.storage import StorageSettings
from app.config.table import Setting, rows_of, setting

_log_level = choice("debug", "info", "warning", "error", "critical")


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How request threads and the broker's loop share the interpreter."""

    switch_interval_s: float = setting(
        "node.switch_interval",
        between(duration, "0.01ms", "100ms"),
        "0.5ms",
        "How long a thread may keep the interpreter while another waits for it.",
    )
    read_slice_rows: int = setting(
        "node.read_slice", whole(1, 100_000), "100", "Rows of a list that the loop makes in one go."
    )
    read_budget: float = setting(
        "node.read_budget",
        share,
        "5%",
        "Share of the loop's time that lists for the API may take while MQTT keeps it busy.",
    )
    secret_key: str = setting(
        "node.secret_key",
        any_text,
        "",
        "Key that stored secrets are encrypted with; empty is the file `secret.key` in the instance folder.",
        secret=True,
    )
    request_budget: float = setting(
        "node.request_budget",
        share,
        "15%",
        "Share of the time that requests may compute while the broker is busy; 100% is no limit.",
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
        "SQLite, PostgreSQL or MariaDB; empty is the file `godwit.db` in the instance folder.",
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
    strict_status: bool = setting(
        "management.strict_status",
        flag,
        "false",
        "Whether what the API refuses has an HTTP status that says so; EMQX answers nearly everything with 200.",
    )
    request_threads: int = setting(
        "management.request_threads", whole(1, 64), "4", "Requests that are answered at a time."
    )
    metrics_need_login: bool = setting(
        "management.metrics_need_login",
        flag,
        "false",
        "Whether `/metrics` and `/api/v4/emqx_prometheus` want a login; in EMQX they do not.",
    )
    max_login_failures: Rate | None = setting(
        "management.max_login_failures",
        rate(whole(1)),
        "20,1m",
        "Failed logins that an address has in a period before it is turned away; empty is no limit.",
        hot=True,
    )
    audit_retention_s: float = setting(
        "management.audit_retention",
        above_zero(duration),
        "90d",
        "How long the audit log remembers who changed what.",
        hot=True,
    )
    v3_names: str = setting(
        "management.v3_names",
        choice("slashes", "dots", "both"),
        "slashes",
        "How version 3 of the API names counters and gauges: `bytes/received` as the documents of EMQ X 3.0 do, "
        "`bytes.received` as 3.2 does, or both, which confuses programs that make one name of the two.",
    )
    history: bool = setting(
        "management.history",
        flag,
        "true",
        "Whether the database keeps how the node fared over the last hour, day and month.",
    )
    history_interval_s: float = setting(
        "management.history_interval",
        between(duration, "10s", "1m"),
        "10s",
        "How often the history is written.",
    )
    max_body_size: int = setting(
        "management.max_body_size", above_zero(size), "8MB", "Largest body of a request."
    )
    data_max_size: int = setting(
        "management.data.max_size",
        above_zero(size),
        "64MB",
        "Largest export file that is imported; what comes with a request has `management.max_body_size` too.",
    )
    data_max_depth: int = setting(
        "management.data.max_depth",
        whole(8, 200),
        "64",
        "Most brackets within brackets in an export file.",
    )
    data_max_values: int = setting(
        "management.data.max_values",
        whole(1_000),
        "2000000",
        "Most members and elements in an export file, so that a small one cannot fill the memory.",
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
    default_user_login: str = setting(
        "dashboard.default_user.login",
        word,
        "admin",
        "Name of the dashboard user that the first start creates.",
    )
    default_user_password: str = setting(
        "dashboard.default_user.password",
        word,
        "public",
        "His password; while it is the default one, he may log in from this machine only.",
        secret=True,
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The log."""

    level: str = setting("log.level", _log_level, "info", "Least weight of what is logged.")
    formatter: str = setting(
        "log.formatter",
        choice("text", "json"),
        "text",
        "What a line of the log looks like: words for people, or a JSON object for programs.",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole tree; only the composition root sees all of it."""

    instance_dir: Path
    broker: BrokerConfig = field(default_factory=BrokerConfig)
    node: NodeSettings = field(default_factory=NodeSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    management: ManagementSettings = field(default_factory=ManagementSettings)
    dashboard: DashboardSettings = field(default_factory=DashboardSettings)
    log: LogSettings = field(default_factory=LogSettings)
    extensions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Texts of the parameters of plugins and modules, by key (`EXTENSION_ROWS`)."""

    @property
    def database_url(self) -> str:
        """Return the SQLAlchemy URL that is in effect."""
        return self.database.url or f"sqlite:///{self.instance_dir.absolute() / 'godwit.db'}"

    @property
    def storage_url(self) -> str:
        """Return the SQLAlchemy URL of the broker's journal that is in effect."""
        return self.storage.url or f"sqlite:///{self.instance_dir.absolute() / 'broker.db'}"


def all_rows() -> Iterator[Setting]:
    """Yield every row of the table, in the order of the tree."""
    yield from (row for _name, row in rows_of(BrokerConfig))
    yield SHARED_GROUP_STRATEGY
    yield from (row for _name, row in rows_of(MqttConfig))
    yield from (row for _name, row in rows_of(RetainerConfig))
    yield from (row for _name, row in rows_of(DelayedConfig))
    yield from (row for _name, row in rows_of(ClientStoryConfig))
    yield from EXTENSION_ROWS
    yield from (row for _name, row in rows_of(AlarmConfig))
    yield from (row for _name, row in rows_of(MonitorConfig))
    yield from (row for _name, row in rows_of(ZoneConfig))
    yield LISTENER_ADDRESSES
    for listener_rows in (ListenerConfig, TlsConfig, UnixConfig):
        yield from (row for _name, row in rows_of(listener_rows))
    for section in (
        NodeSettings,
        DatabaseSettings,
        StorageSettings,
        ManagementSettings,
        DashboardSettings,
        LogSettings,
    ):
        yield from (row for _name, row in rows_of(section))
