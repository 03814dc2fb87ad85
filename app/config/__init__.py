"""Settings: one table of keys, and the frozen tree that the rest of the house is given.

`kinds` reads EMQX's text forms; `broker` and `tree` are the table itself, dataclasses whose fields
are its rows, declared through `table`; `load` merges defaults, `godwit.toml` and the environment;
`page` prints the table. A leaf: imports nothing else from the application.
"""

from app.config.broker import (
    AllowAnonymous,
    BrokerConfig,
    MqttConfig,
    RetainerConfig,
    ZoneConfig,
)
from app.config.kinds import Address, Policy, Rate
from app.config.listeners import ListenerConfig, TlsConfig, UnixConfig
from app.config.load import SettingsError, instance_folder, load_settings
from app.config.messages import ClientStoryConfig, DelayedConfig, RewriteConfig, RewriteRule
from app.config.monitoring import AlarmConfig, MonitorConfig
from app.config.storage import StorageSettings
from app.config.tree import (
    DashboardSettings,
    DatabaseSettings,
    LogSettings,
    ManagementSettings,
    NodeSettings,
    Settings,
)

__all__ = [
    "Address",
    "AlarmConfig",
    "AllowAnonymous",
    "BrokerConfig",
    "ClientStoryConfig",
    "DashboardSettings",
    "DatabaseSettings",
    "DelayedConfig",
    "ListenerConfig",
    "LogSettings",
    "ManagementSettings",
    "MonitorConfig",
    "MqttConfig",
    "NodeSettings",
    "Policy",
    "Rate",
    "RetainerConfig",
    "RewriteConfig",
    "RewriteRule",
    "Settings",
    "SettingsError",
    "StorageSettings",
    "TlsConfig",
    "UnixConfig",
    "ZoneConfig",
    "instance_folder",
    "load_settings",
]
