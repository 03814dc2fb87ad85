"""The action `data_to_nats`: the result of a rule becomes a message of NATS, or of a stream of JetStream.

It is an addition to EMQX's actions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from app.config.kinds import duration
from app.rules.actions.base import (
    ActionSpec,
    ActionType,
    Batches,
    Surroundings,
    resource_param,
)
from app.rules.actions.delivery import BATCH_SIZE, DELIVERY_PARAMS, send_filled
from app.rules.actions.queue import Item, Outcome, Values
from app.rules.errors import ActionFailed, BadArguments
from app.rules.params import Param, Words
from app.rules.resources.bridge_nats import BridgeNats
from app.rules.resources.nats_client import NatsMessage
from app.rules.templates import PayloadTemplate, Template

BATCH_MAX = 512
SUBJECT_MAX_LENGTH = 4_096
_WORD = r"[^\s\x00-\x1f\x7f.*>][^\s\x00-\x1f\x7f.]*|[*>][^\s\x00-\x1f\x7f.]+"
_SUBJECT = re.compile(rf"(?:{_WORD})(?:\.(?:{_WORD}))*")
_HEADER_NAME = re.compile(r"[!-9;-~]+")


class MessageTemplate:
    """A message with variables."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        """Take the parameters apart."""
        self._subject = Template(params["subject"])
        self._payload = PayloadTemplate(params["payload_tmpl"])
        self._headers = [(name, Template(str(value))) for name, value in params["headers"].items()]

    def fill(self, output: Values) -> NatsMessage:
        """Return the message.

        Raises:
            ActionFailed: The subject is none that can be published to, or a header would not be one line.
        """
        subject = self._subject.fill_text(output)
        if len(subject) > SUBJECT_MAX_LENGTH or _SUBJECT.fullmatch(subject) is None:
            raise ActionFailed(f"{subject[:100]!r} is no subject to publish to")
        headers = b"".join(
            f"{name}: ".encode() + _line(name, value.fill(output)) for name, value in self._headers
        )
        return NatsMessage(subject, self._payload.fill(output), headers)


def _line(name: str, value: bytes) -> bytes:
    if b"\r" in value or b"\n" in value:
        raise ActionFailed(f"the header {name} has a line break in it")
    return value + b"\r\n"


def _check(params: Mapping[str, Any]) -> None:
    if Template(params["subject"]).is_empty:
        raise BadArguments('{empty_string_not_allowed,<<"subject">>}')
    for name, value in params["headers"].items():
        if not isinstance(value, str | int | float) or _HEADER_NAME.fullmatch(name) is None:
            raise BadArguments('{invalid_data_type,<<"headers">>,{object of texts}}')


def _make(spec: ActionSpec, surroundings: Surroundings) -> Batches:
    template = MessageTemplate(spec.params)
    resource = surroundings.resource_of(spec, BridgeNats)
    has_streams = spec.params["jetstream"]
    timeout_s = duration(str(spec.params["ack_timeout"]))

    async def deliver(items: Sequence[Item]) -> Outcome:
        nats = resource()
        send = partial(nats.store, timeout_s=timeout_s) if has_streams else nats.publish
        return await send_filled(items, lambda item: template.fill(item.output), send)

    # What a server takes, it takes in order; of a stream, one message may be refused and the next taken.
    return Batches(deliver, BATCH_MAX, is_atomic=not has_streams)


DATA_TO_NATS = ActionType(
    "data_to_nats",
    "data_forward",
    Words("Data bridge to NATS", "桥接数据到 NATS"),
    Words("Sends the result to NATS.", "将数据转发到 NATS"),
    _make,
    (
        resource_param("Resource ID", "资源 ID"),
        Param(
            "subject", "string", Words("Subject", "主题"),
            Words("The subject there; it may have ${variables}.", "NATS 主题，支持 ${变量}"),
            required=True, default="mqtt.${clientid}",
        ),
        Param(
            "headers", "object", Words("Headers", "消息头"),
            Words(
                "Headers of the message; their values may have ${variables}. A stream takes messages with the same "
                "Nats-Msg-Id only once.",
                "消息头，取值支持 ${变量}；流对相同 Nats-Msg-Id 的消息只接收一次",
            ),
            default={},
        ),
        Param(
            "payload_tmpl", "string", Words("Payload Template", "消息内容模板"),
            Words(
                "The payload; it may have ${variables}. Empty is the whole result as JSON.",
                "消息内容，支持 ${变量}；为空则为整个结果的 JSON",
            ),
            default="", input="textarea",
        ),
        Param(
            "jetstream", "boolean", Words("JetStream", "JetStream"),
            Words(
                "Whether a stream has to acknowledge each message. Where none does, nobody knows whether it was heard.",
                "是否需要 JetStream 流逐条应答；不启用时不确认是否有接收者",
            ),
            default=False,
        ),
        Param(
            "ack_timeout", "string", Words("Ack Timeout", "应答超时时间"),
            Words("How long a stream may take to acknowledge.", "等待流应答的时间"),
            default="5s", format="duration",
        ),
        BATCH_SIZE,
        *DELIVERY_PARAMS,
    ),
    types=("bridge_nats",),
    check=_check,
)  # fmt: skip
