"""The action `data_to_file`: the result of a rule becomes a line of a file. It is ours."""

from __future__ import annotations

from collections.abc import Sequence

from app.rules.actions.base import (
    ActionSpec,
    ActionType,
    Batches,
    Surroundings,
    resource_param,
)
from app.rules.actions.delivery import BATCH_SIZE, DELIVERY_PARAMS
from app.rules.actions.queue import Item, Values
from app.rules.params import Param, Words
from app.rules.resources.local_files import FileTarget
from app.rules.templates import PayloadTemplate

MOST_AT_ONCE = 1_000
"""Results that are written, and brought to the disk, together."""


def _make(spec: ActionSpec, surroundings: Surroundings) -> Batches:
    template = PayloadTemplate(spec.params["payload_tmpl"])
    resource = surroundings.resource_of(spec, FileTarget)

    def line(output: Values) -> bytes:
        # A line break in a payload does not begin another line.
        return template.fill(output).replace(b"\r", b"\\r").replace(b"\n", b"\\n")

    async def deliver(items: Sequence[Item]) -> None:
        target = resource()
        await target.append([line(item.output) for item in items])

    return Batches(deliver, MOST_AT_ONCE)


DATA_TO_FILE = ActionType(
    "data_to_file",
    "data_persist",
    Words("Data to File", "保存数据到文件"),
    Words("Appends the result to a file, as a line.", "将结果按行追加到文件"),
    _make,
    (
        resource_param("Resource ID", "资源 ID"),
        Param(
            "payload_tmpl", "string", Words("Line Template", "行模板"),
            Words(
                "The line; it may have ${variables}. Empty is the whole result as JSON.",
                "行内容，支持 ${变量}；为空则为整个结果的 JSON",
            ),
            default="", input="textarea",
        ),
        BATCH_SIZE,
        *DELIVERY_PARAMS,
    ),
    types=("backend_file",),
)  # fmt: skip
