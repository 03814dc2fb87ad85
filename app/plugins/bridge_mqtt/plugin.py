"""The plugin itself.

Source: EMQX 4.4 `emqx_bridge_mqtt`.
"""

from __future__ import annotations

from app.plugins.rule_engine import Provider


class BridgeMqttPlugin(Provider):
    """Other MQTT brokers."""

    name = "emqx_bridge_mqtt"
    type = "bridge"
    description = "EMQX Bridge to MQTT Broker"
