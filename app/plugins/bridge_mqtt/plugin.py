"""The plugin itself: bridges made of its parameters, started, stopped and changed.

Source: EMQX 4.4 `emqx_bridge_mqtt`, `emqx_bridge_mqtt_cli`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.config.bridges import BRIDGE_ROWS, PREFIX
from app.errors import ResultCode, ServiceError
from app.plugins.base import Context, ExtensionError
from app.plugins.bridge_mqtt.bridge import RECEIVED, SENT, Bridge
from app.plugins.bridge_mqtt.promises import Promises
from app.plugins.bridge_mqtt.settings import (
    BridgeSettings,
    bridges_of,
    check_forward,
    check_subscription,
)
from app.plugins.rule_engine import Provider
from app.rules.engine import RuleEngine
from app.rules.resources.mqtt_client import ClientOptions

Params = Mapping[str, object]


class BridgeMqttPlugin(Provider):
    """Bridges to other MQTT brokers; it brings rules the kinds that need one."""

    name = "emqx_bridge_mqtt"
    type = "bridge"
    description = "EMQX Bridge to MQTT Broker"
    parameters = BRIDGE_ROWS

    def __init__(self, engine: RuleEngine) -> None:
        """Bring the kinds to an engine."""
        super().__init__(engine)
        self._bridges: dict[str, Bridge] = {}
        self._promises = Promises()
        self.calls = {
            "list_bridges": self._list,
            "get_bridge": self._show,
            "start_bridge": self._start,
            "stop_bridge": self._stop,
            "add_bridge_forward": self._add_forward,
            "del_bridge_forward": self._del_forward,
            "add_bridge_subscription": self._add_subscription,
            "del_bridge_subscription": self._del_subscription,
        }

    def prepare(self, config: Mapping[str, Any]) -> dict[str, BridgeSettings]:
        """Get what its resources need, and the folders of queues."""
        super().prepare(config)
        settings = bridges_of(config)
        for one in settings.values():
            if one.queue_dir is not None:
                _made(one.queue_dir, one.name)
        return settings

    def load(self, context: Context) -> None:
        """Have its kinds known, and begin with the bridges."""
        wanted = _wanted(context)
        super().load(context)
        self._begin(context, wanted)

    def reload(self, context: Context) -> None:
        """Begin anew with bridges that are not what they were, and with those whose certificates may not be."""
        wanted = _wanted(context)
        for name, bridge in list(self._bridges.items()):
            settings = context.prepared.get(name)
            if settings == bridge.settings and not settings.given["ssl"]:
                del wanted[name]
            else:
                self._bridges.pop(name).close()
        self._begin(context, wanted)

    def unload(self) -> None:
        """End all bridges."""
        bridges, self._bridges = self._bridges, {}
        for bridge in bridges.values():
            bridge.close()
        super().unload()

    def _begin(self, context: Context, wanted: Mapping[str, ClientOptions]) -> None:
        for counter in (SENT, RECEIVED):
            context.core.metrics.of_plugins.setdefault(counter, 0)
        for name, options in wanted.items():
            bridge = Bridge(context.prepared[name], options, context.core, self._promises)
            self._bridges[name] = bridge
            if bridge.settings.given["start_type"] == "auto":
                bridge.start()

    # -- calls -------------------------------------------------------------------------------------

    def _found(self, params: Params) -> Bridge:
        bridge = self._bridges.get(str(params["name"]))
        if bridge is None:
            raise ServiceError(ResultCode.NOT_FOUND, "not_found")
        return bridge

    def _list(self, _params: Params) -> object:
        return [bridge.row() for bridge in self._bridges.values()]

    def _show(self, params: Params) -> object:
        return self._found(params).row()

    def _start(self, params: Params) -> object:
        return {"changed": self._found(params).start()}

    def _stop(self, params: Params) -> object:
        return {"changed": self._found(params).stop()}

    def _add_forward(self, params: Params) -> object:
        bridge, topic = self._found(params), _topic(params)
        _checked(check_forward, topic)
        bridge.add_forward(topic)
        return bridge.row()

    def _del_forward(self, params: Params) -> object:
        bridge = self._found(params)
        if not bridge.del_forward(_topic(params)):
            raise ServiceError(ResultCode.NOT_FOUND, "not_found")
        return bridge.row()

    def _add_subscription(self, params: Params) -> object:
        bridge, topic = self._found(params), _topic(params)
        _checked(check_subscription, topic)
        qos = params.get("qos", 0)
        if not (isinstance(qos, int | str) and str(qos) in {"0", "1", "2"}):
            raise ServiceError(ResultCode.BAD_QOS)
        bridge.add_subscription(topic, int(qos))
        return bridge.row()

    def _del_subscription(self, params: Params) -> object:
        bridge = self._found(params)
        if not bridge.del_subscription(_topic(params)):
            raise ServiceError(ResultCode.NOT_FOUND, "not_found")
        return bridge.row()


def _topic(params: Params) -> str:
    topic = params.get("topic")
    if not isinstance(topic, str) or not topic:
        raise ServiceError(ResultCode.MISSING_PARAMETER, "topic")
    return topic


def _checked(check: Callable[[str, str], None], topic: str) -> None:
    try:
        check(topic, "topic")
    except ExtensionError as error:
        raise ServiceError(ResultCode.BAD_TOPIC, str(error)) from None


def _wanted(context: Context) -> dict[str, ClientOptions]:
    """Return what the client of each bridge connects with.

    Raises:
        ExtensionError: One cannot.
    """
    config = context.core.config
    return {
        name: one.client(config.node_name, config.mqtt.max_packet_size)
        for name, one in context.prepared.items()
    }


def _made(folder: Path, name: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or error
        raise ExtensionError(f"{PREFIX}{name}.queue.replayq_dir: {folder}: {why}.") from None
