"""Which actions and resource types there are, and which plugin brings each: one row a kind.

A plugin that is unloaded takes its kinds with it; what was made of them stands still until it is loaded again.
"""

from __future__ import annotations

from app.rules.actions.base import ActionType
from app.rules.actions.data_to_file import DATA_TO_FILE
from app.rules.actions.data_to_influxdb import DATA_TO_INFLUXDB
from app.rules.actions.data_to_kafka import DATA_TO_KAFKA
from app.rules.actions.data_to_mqtt_broker import DATA_TO_MQTT_BROKER
from app.rules.actions.data_to_nats import DATA_TO_NATS
from app.rules.actions.data_to_rabbit import DATA_TO_RABBIT
from app.rules.actions.data_to_redis import DATA_TO_REDIS
from app.rules.actions.data_to_sql import DATA_TO_MYSQL, DATA_TO_PGSQL, DATA_TO_SQLITE
from app.rules.actions.data_to_webserver import DATA_TO_WEBSERVER
from app.rules.actions.debug import DO_NOTHING, INSPECT
from app.rules.actions.republish import REPUBLISH
from app.rules.resources.base import ResourceType
from app.rules.resources.bridge_kafka import BRIDGE_KAFKA
from app.rules.resources.bridge_mqtt import BRIDGE_MQTT
from app.rules.resources.bridge_nats import BRIDGE_NATS
from app.rules.resources.bridge_rabbit import BRIDGE_RABBIT
from app.rules.resources.influxdb import BACKEND_INFLUXDB_HTTP, BACKEND_INFLUXDB_HTTP_V2
from app.rules.resources.local_files import BACKEND_FILE, BACKEND_SQLITE
from app.rules.resources.redis import (
    BACKEND_REDIS_CLUSTER,
    BACKEND_REDIS_SENTINEL,
    BACKEND_REDIS_SINGLE,
)
from app.rules.resources.sql import BACKEND_MYSQL, BACKEND_PGSQL
from app.rules.resources.web_hook import WEB_HOOK

ENGINE = "emqx_rule_engine"
ACTION_TYPES = (
    DATA_TO_FILE,
    DATA_TO_INFLUXDB,
    DATA_TO_KAFKA,
    DATA_TO_MQTT_BROKER,
    DATA_TO_MYSQL,
    DATA_TO_NATS,
    DATA_TO_PGSQL,
    DATA_TO_RABBIT,
    DATA_TO_REDIS,
    DATA_TO_SQLITE,
    DATA_TO_WEBSERVER,
    DO_NOTHING,
    INSPECT,
    REPUBLISH,
)
RESOURCE_TYPES = (
    BACKEND_FILE,
    BACKEND_INFLUXDB_HTTP,
    BACKEND_INFLUXDB_HTTP_V2,
    BACKEND_MYSQL,
    BACKEND_PGSQL,
    BACKEND_REDIS_CLUSTER,
    BACKEND_REDIS_SENTINEL,
    BACKEND_REDIS_SINGLE,
    BACKEND_SQLITE,
    BRIDGE_KAFKA,
    BRIDGE_MQTT,
    BRIDGE_NATS,
    BRIDGE_RABBIT,
    WEB_HOOK,
)


class Registry:
    """The kinds of actions and resources of one node; replaced whole, so that any thread may ask."""

    def __init__(self) -> None:
        """Know those of the engine itself."""
        self._providers = frozenset({ENGINE})

    def provide(self, plugin: str) -> None:
        """Have the kinds that a plugin brings."""
        self._providers |= {plugin}

    def withdraw(self, plugin: str) -> None:
        """Have them no more."""
        self._providers -= {plugin}

    def actions(self) -> list[ActionType]:
        """Return the kinds of actions, by their English titles as EMQX sorts them."""
        found = [one for one in ACTION_TYPES if one.app in self._providers]
        return sorted(found, key=lambda one: one.title.en)

    def action(self, name: str) -> ActionType | None:
        """Return a kind of action, or None where there is none of that name."""
        return next((one for one in self.actions() if one.name == name), None)

    def resource_types(self) -> list[ResourceType]:
        """Return the kinds of resources, by their English titles."""
        found = [one for one in RESOURCE_TYPES if one.provider in self._providers]
        return sorted(found, key=lambda one: one.title.en)

    def resource_type(self, name: str) -> ResourceType | None:
        """Return a kind of resource, or None where there is none of that name."""
        return next((one for one in self.resource_types() if one.name == name), None)
