"""The action `data_to_mqtt_broker`: the message that a rule is about goes on to another broker.

Source: EMQX 4.4 `emqx_bridge_mqtt_actions:on_action_data_to_mqtt_broker`.
"""

from __future__ import annotations

from app.mqtt.packets import Publish
from app.mqtt.topic import InvalidTopic, validate_topic_name
from app.rules.actions.base import (
    ActionSpec,
    ActionType,
    Later,
    Surroundings,
    resource_param,
)
from app.rules.actions.delivery import DELIVERY_PARAMS
from app.rules.actions.queue import Values
from app.rules.errors import ActionFailed
from app.rules.params import Param, Words
from app.rules.publish_properties import left_of, properties_of, suited_to
from app.rules.resources.bridge_mqtt import BridgeMqtt
from app.rules.resources.mqtt_client import INFLIGHT
from app.rules.templates import PayloadTemplate, Template
from app.rules.terms.scope import Columns

MESSAGES_AT_ONCE = 4 * INFLIGHT
"""Of one action; each connection of the pool holds them to as many as the other broker takes."""


def _make(spec: ActionSpec, surroundings: Surroundings) -> Later:
    topic = Template(spec.params["forward_topic"])
    payload = PayloadTemplate(spec.params["payload_tmpl"])
    resource = surroundings.resource_of(spec, BridgeMqtt)

    async def deliver(output: Values, event: Columns) -> None:
        bridge = resource()
        name = str(event["topic"]) if topic.is_empty else topic.fill_text(output)
        name = bridge.mountpoint + name
        try:
            validate_topic_name(name)
        except InvalidTopic as error:
            raise ActionFailed(f"the topic {name!r}: {error}") from None
        qos = event["qos"]
        flags = event["flags"]
        retain = bool(flags.get("retain")) if isinstance(flags, dict) else False
        waited_ms = surroundings.core.clock.wall_ms() - int(event["timestamp"])
        properties = left_of(properties_of(event["pub_props"]), waited_ms)
        if properties is None:
            raise ActionFailed("the message has expired while it waited")
        body = payload.fill(output)
        packet = Publish(
            name,
            body,
            qos if qos in (0, 1, 2) else 0,
            retain,
            properties=suited_to(properties, body),
        )
        await bridge.publish(packet, str(event["clientid"]))

    return Later(deliver, MESSAGES_AT_ONCE)


DATA_TO_MQTT_BROKER = ActionType(
    "data_to_mqtt_broker",
    "data_forward",
    Words("Data bridge to MQTT Broker", "桥接数据到 MQTT Broker"),
    Words("Sends the message on to another MQTT broker.", "桥接数据到 MQTT Broker"),
    _make,
    (
        resource_param("Resource ID", "资源 ID"),
        Param(
            "forward_topic", "string", Words("Forward Topic", "转发消息主题"),
            Words(
                "The topic there, behind the mountpoint; it may have ${variables}. Empty is the original one.",
                "转发消息时使用的主题，支持 ${变量}；为空则使用原主题",
            ),
            default="",
        ),
        Param(
            "payload_tmpl", "string", Words("Payload Template", "消息内容模板"),
            Words(
                "The payload; it may have ${variables}. Empty is the whole result as JSON.",
                "消息内容，支持 ${变量}；为空则为整个结果的 JSON",
            ),
            default="", input="textarea",
        ),
        *DELIVERY_PARAMS,
    ),
    types=("bridge_mqtt",),
    app="emqx_bridge_mqtt",
    on="message.publish",
)  # fmt: skip
