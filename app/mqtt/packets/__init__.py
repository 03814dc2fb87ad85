"""All packets of MQTT 3.1, 3.1.1 and 5.0, a class each, and the words for types and versions."""

from typing import TypeAlias

from app.mqtt.packet_type import MQTT_3_1, MQTT_3_1_1, MQTT_5, PacketType
from app.mqtt.packets.acks import Puback, Pubcomp, Pubrec, Pubrel
from app.mqtt.packets.auth import Auth
from app.mqtt.packets.connack import Connack
from app.mqtt.packets.connect import Connect, Will
from app.mqtt.packets.disconnect import Disconnect
from app.mqtt.packets.ping import PINGREQ, PINGRESP, Pingreq, Pingresp
from app.mqtt.packets.publish import Publish, encode_publish_form
from app.mqtt.packets.subscribe import Suback, Subscribe, SubscribeFilter
from app.mqtt.packets.unsubscribe import Unsuback, Unsubscribe

Packet: TypeAlias = (
    Connect
    | Connack
    | Publish
    | Puback
    | Pubrec
    | Pubrel
    | Pubcomp
    | Subscribe
    | Suback
    | Unsubscribe
    | Unsuback
    | Pingreq
    | Pingresp
    | Disconnect
    | Auth
)

__all__ = [
    "MQTT_3_1",
    "MQTT_3_1_1",
    "MQTT_5",
    "PINGREQ",
    "PINGRESP",
    "Auth",
    "Connack",
    "Connect",
    "Disconnect",
    "Packet",
    "PacketType",
    "Pingreq",
    "Pingresp",
    "Puback",
    "Pubcomp",
    "Publish",
    "Pubrec",
    "Pubrel",
    "Suback",
    "Subscribe",
    "SubscribeFilter",
    "Unsuback",
    "Unsubscribe",
    "Will",
    "encode_publish_form",
]
