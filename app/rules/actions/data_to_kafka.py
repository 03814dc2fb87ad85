"""The action `data_to_kafka`: the result of a rule becomes a record of a Kafka topic.

Source: docs of EMQX Enterprise 4.4, "Bridge data to Kafka".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.rules.actions.base import (
    ActionSpec,
    ActionType,
    Batches,
    Surroundings,
    resource_param,
)
from app.rules.actions.delivery import BATCH_SIZE, DELIVERY_PARAMS, send_filled
from app.rules.actions.queue import Item, Outcome
from app.rules.errors import BadArguments
from app.rules.params import Param, Words
from app.rules.resources.bridge_kafka import ACKS, BridgeKafka, Record
from app.rules.templates import PayloadTemplate, Template

BATCH_MAX = 1_000
_TOPIC = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_NO_KEY = ("", "none")
_BY_KEY = ("key_dispatch", "first_key_dispatch")


def _check(params: Mapping[str, Any]) -> None:
    if _TOPIC.fullmatch(params["topic"]) is None or params["topic"] in (".", ".."):
        raise BadArguments('{invalid_data_type,<<"topic">>,{topic}}')


def _make(spec: ActionSpec, surroundings: Surroundings) -> Batches:
    params = spec.params
    topic: str = params["topic"]
    key = Template(params["key"]) if params["key"] not in _NO_KEY else None
    value = PayloadTemplate(params["payload_tmpl"])
    has_key_for_partition = params["strategy"] in _BY_KEY
    resource = surroundings.resource_of(spec, BridgeKafka)

    def filled(item: Item) -> Record:
        found = key.fill(item.output) if key is not None else None
        return Record(topic, value.fill(item.output), found, has_key_for_partition)

    async def deliver(items: Sequence[Item]) -> Outcome:
        kafka = resource()
        return await send_filled(
            items, filled, lambda records: kafka.send(records, params["required_acks"])
        )

    return Batches(deliver, BATCH_MAX, is_atomic=False)


DATA_TO_KAFKA = ActionType(
    "data_to_kafka",
    "data_forward",
    Words("Data bridge to Kafka", "桥接数据到 Kafka"),
    Words("Writes the result to a Kafka topic.", "将数据写入 Kafka"),
    _make,
    (
        resource_param("Resource ID", "资源 ID"),
        Param(
            "topic", "string", Words("Kafka Topic", "Kafka Topic"),
            Words("The topic there.", "Kafka Topic"), required=True, default="mqtt",
        ),
        Param(
            "key", "string", Words("Key", "Key"),
            Words(
                "The key of the record; it may have ${variables}. none is no key.",
                "消息的 Key，支持 ${变量}；none 为无 Key",
            ),
            default="none",
        ),
        Param(
            "strategy", "string", Words("Partition Strategy", "分区策略"),
            Words(
                "Which partition a record goes to: any, or the one of its key, which keeps the order of a key.",
                "分区策略：随机，或按 Key 选择（同一 Key 保持顺序）",
            ),
            default="random", enum=("random", *_BY_KEY),
        ),
        Param(
            "required_acks", "string", Words("Required Acks", "应答要求"),
            Words(
                "Who has to have a record before it counts as delivered: all replicas in sync, the leader, or nobody.",
                "消息写入成功的条件：所有同步副本、仅 Leader，或无需确认",
            ),
            default="all_isr", enum=tuple(ACKS),
        ),
        Param(
            "payload_tmpl", "string", Words("Payload Template", "消息内容模板"),
            Words(
                "The value of the record; it may have ${variables}. Empty is the whole result as JSON.",
                "消息内容，支持 ${变量}；为空则为整个结果的 JSON",
            ),
            default="", input="textarea",
        ),
        BATCH_SIZE,
        *DELIVERY_PARAMS,
    ),
    types=("bridge_kafka",),
    check=_check,
)  # fmt: skip
