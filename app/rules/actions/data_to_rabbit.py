"""The action `data_to_rabbit`: the result of a rule becomes a message of RabbitMQ (AMQP 0-9-1).

Source: docs of EMQX Enterprise 4.4, "Bridge data to RabbitMQ".
"""

from __future__ import annotations

from collections.abc import Sequence

from app.rules.actions.base import (
    ActionSpec,
    ActionType,
    Batches,
    Surroundings,
    resource_param,
)
from app.rules.actions.delivery import BATCH_SIZE, DELIVERY_PARAMS, send_filled
from app.rules.actions.queue import Item, Outcome
from app.rules.errors import ActionFailed
from app.rules.params import Param, Words
from app.rules.resources.bridge_rabbit import AmqpMessage, BridgeRabbit, Exchange
from app.rules.templates import PayloadTemplate, Template

BATCH_MAX = 512
NAME_MAX_BYTES = 255
"""Of a routing key or an exchange, as AMQP has it."""


def _make(spec: ActionSpec, surroundings: Surroundings) -> Batches:
    params = spec.params
    routing_key = Template(params["routing_key"])
    payload = PayloadTemplate(params["payload_tmpl"])
    exchange = Exchange(params["exchange"], params["exchange_type"], params["durable"])
    resource = surroundings.resource_of(spec, BridgeRabbit)

    def filled(item: Item) -> AmqpMessage:
        key = routing_key.fill_text(item.output)
        if len(key.encode("utf-8", "replace")) > NAME_MAX_BYTES:
            raise ActionFailed("the routing key is longer than 255 bytes")
        return AmqpMessage(key, payload.fill(item.output), params["persistent"])

    async def deliver(items: Sequence[Item]) -> Outcome:
        rabbit = resource()
        return await send_filled(items, filled, lambda messages: rabbit.publish(exchange, messages))

    return Batches(deliver, BATCH_MAX, is_atomic=False)


DATA_TO_RABBIT = ActionType(
    "data_to_rabbit",
    "data_forward",
    Words("Data bridge to RabbitMQ", "桥接数据到 RabbitMQ"),
    Words("Sends the result to RabbitMQ.", "将数据转发到 RabbitMQ"),
    _make,
    (
        resource_param("Resource ID", "资源 ID"),
        Param(
            "exchange", "string", Words("RabbitMQ Exchange", "RabbitMQ Exchange"),
            Words(
                "The exchange; it is declared if it is not there. Empty is the default exchange.",
                "Exchange 名称，不存在时自动声明；为空则为默认 Exchange",
            ),
            default="messages",
        ),
        Param(
            "exchange_type", "string", Words("Exchange Type", "Exchange 类型"),
            Words("How the exchange routes.", "Exchange 类型"),
            default="topic", enum=("direct", "fanout", "topic", "headers"),
        ),
        Param(
            "routing_key", "string", Words("Routing Key", "Routing Key"),
            Words("The routing key; it may have ${variables}.", "Routing Key，支持 ${变量}"),
            default="",
        ),
        Param(
            "durable", "boolean", Words("Durable", "持久化 Exchange"),
            Words("Whether the exchange outlives a restart of the broker.", "Exchange 是否持久化"),
            default=False,
        ),
        Param(
            "persistent", "boolean", Words("Persistent Messages", "持久化消息"),
            Words(
                "Whether messages in durable queues outlive a restart of the broker.",
                "持久化队列中的消息在 Broker 重启后是否保留",
            ),
            default=True,
        ),
        Param(
            "payload_tmpl", "string", Words("Payload Template", "消息内容模板"),
            Words(
                "The payload; it may have ${variables}. Empty is the whole result as JSON.",
                "消息内容，支持 ${变量}；为空则为整个结果的 JSON",
            ),
            default="", input="textarea",
        ),
        BATCH_SIZE,
        *DELIVERY_PARAMS,
    ),
    types=("bridge_rabbit",),
)  # fmt: skip
