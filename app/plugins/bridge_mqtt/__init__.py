"""`emqx_bridge_mqtt`: other MQTT brokers, for bridges from the settings and for rules."""

from app.plugins.bridge_mqtt.plugin import BridgeMqttPlugin

__all__ = ["BridgeMqttPlugin"]
