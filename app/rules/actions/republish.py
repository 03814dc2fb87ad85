"""The action `republish`: the result of a rule becomes a message of its own.

It is published in place, so a rule may cause another one; a message that comes back to the action that it is from is
stopped there, and so is a chain of more rules than anybody means.

Source: EMQX 4.4 `emqx_rule_actions:on_action_republish`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.broker.message import Message
from app.mqtt.topic import InvalidTopic, is_wildcard, validate_topic_name
from app.rules.actions.base import ActionSpec, ActionType, Now, Surroundings
from app.rules.actions.queue import Values
from app.rules.errors import ActionFailed, BadArguments
from app.rules.params import Param, Words
from app.rules.templates import PayloadTemplate, Template
from app.rules.terms.scope import Columns

MAX_CHAIN = 16
"""Rules that may cause each other in one go."""
_ORIGINAL = -1
_TRUE = ("true", "1")
_QOS_WORDS = {"0": 0, "1": 1, "2": 2, "-1": _ORIGINAL}

_under_way: list[str] = []
"""The actions whose messages are being routed now, the outermost first. One loop, one chain at a time."""


def _check(params: Mapping[str, Any]) -> None:
    topic = params["target_topic"]
    if is_wildcard(topic):
        raise BadArguments(f'{{wildcard_topic_not_allowed_for_publish,<<"{topic}">>}}')
    qos = params["target_qos"]
    if isinstance(qos, str) and "${" not in qos and qos not in _QOS_WORDS:
        raise BadArguments('{invalid_data_type,<<"target_qos">>,{0,1,2,-1}}')
    if not isinstance(qos, str) and (type(qos) is not int or qos not in _QOS_WORDS.values()):
        raise BadArguments('{invalid_data_type,<<"target_qos">>,{0,1,2,-1}}')


def _make(spec: ActionSpec, surroundings: Surroundings) -> Now:
    core = surroundings.core
    topic = Template(spec.params["target_topic"])
    payload = PayloadTemplate(spec.params["payload_tmpl"])
    qos = _qos_reader(spec.params["target_qos"])
    retain = _retain_reader(spec.params["target_retain"])

    def publish(output: Values, event: Columns) -> None:
        _refuse_loop(spec.id, event)
        name = topic.fill_text(output)
        try:
            validate_topic_name(name)
        except InvalidTopic as error:
            raise ActionFailed(f"the target topic {name!r}: {error}") from None
        message = Message(
            name,
            payload.fill(output),
            qos(output, event),
            retain(output),
            _timestamp_ms(event, core.clock.wall_ms()),
            clientid=spec.id,
        )
        _under_way.append(spec.id)
        try:
            core.publish(message)
        finally:
            _under_way.pop()

    return Now(publish, publishes=True)


def _refuse_loop(action_id: str, event: Columns) -> None:
    # Of a delivery, the client id is the receiver's.
    if action_id in (*_under_way, event["from_clientid"], event["clientid"]):
        raise ActionFailed("recursive republish: the message is the action's own")
    if len(_under_way) >= MAX_CHAIN:
        raise ActionFailed(f"{MAX_CHAIN} rules have caused each other")


def _timestamp_ms(event: Columns, now_ms: int) -> int:
    """Return when a message says that it was published, for events that are about one."""
    at = event["publish_received_at"]
    return at if isinstance(at, int) else now_ms


def _qos_reader(wanted: int | str) -> Callable[[Values, Columns], int]:
    template = Template(str(wanted))

    def read(output: Values, event: Columns) -> int:
        text = template.fill_text(output)
        found = _QOS_WORDS.get(text)
        if found is None:
            raise ActionFailed(f"the target QoS {text!r} is none")
        if found == _ORIGINAL:
            original = event["qos"]
            return original if original in (0, 1, 2) else 0
        return found

    return read


def _retain_reader(wanted: bool | str) -> Callable[[Values], bool]:
    template = Template(str(wanted).lower() if isinstance(wanted, bool) else wanted)

    def read(output: Values) -> bool:
        return template.fill_text(output) in _TRUE

    return read


REPUBLISH = ActionType(
    "republish",
    "data_forward",
    Words("Republish", "消息重新发布"),
    Words("Publishes the result as a new MQTT message.", "将结果重新发布为一条 MQTT 消息"),
    _make,
    (
        Param(
            "target_topic", "string", Words("Target Topic", "目的主题"),
            Words("The topic to publish to; it may have ${variables}.", "重新发布到的主题，支持 ${变量}"),
            required=True, default="repub/to/${clientid}",
        ),
        Param(
            "target_qos", ("number", "string"), Words("Target QoS", "目的 QoS"),
            Words(
                "0, 1, 2, ${qos}, or -1 for the QoS of the original message.",
                "0、1、2、${qos}，或 -1 表示使用原消息的 QoS",
            ),
            required=True, default=0,
        ),
        Param(
            "target_retain", ("boolean", "string"), Words("Target Retain", "目标保留消息标识"),
            Words("true, false or ${flags.retain}.", "true、false 或 ${flags.retain}"),
            default=False,
        ),
        Param(
            "payload_tmpl", "string", Words("Payload Template", "消息内容模板"),
            Words(
                "The payload; it may have ${variables}. Empty is the whole result as JSON.",
                "消息内容，支持 ${变量}；为空则为整个结果的 JSON",
            ),
            default="${payload}", input="textarea",
        ),
    ),
    check=_check,
)  # fmt: skip
