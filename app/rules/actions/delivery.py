"""How an action delivers: the parameters that every action with a queue takes besides its own, and what they mean.

Kinds of actions put `DELIVERY_PARAMS` (and `BATCH_SIZE` where they take batches) behind their own parameters. None
has a default: what is left out follows the settings of the node.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from app.config.kinds import duration
from app.rules.actions.base import Batches, Later
from app.rules.actions.queue import Item, Lanes, QueueLimits, Values, one_by_one
from app.rules.errors import ActionFailed
from app.rules.params import Param, Words
from app.rules.templates import Template

T = TypeVar("T")
CACHE = "disk_cache"
BATCH_SIZE = Param(
    "batch_size", "number", Words("Batch Size", "批量大小"),
    Words("The most results in one request to the target.", "一次请求中的最大结果数"),
    format="count",
)  # fmt: skip
DELIVERY_PARAMS = (
    Param(
        CACHE, "boolean", Words("Disk Cache", "磁盘缓存"),
        Words(
            "Whether results wait on disk and survive a restart; messages are acknowledged when they are there.",
            "结果是否缓存到磁盘，重启后不丢失；落盘后才应答消息",
        ),
    ),
    Param(
        "order_by", "string", Words("Order By", "顺序键"),
        Words(
            "Results with the same text here, such as ${clientid}, are delivered in order.",
            "此模板（如 ${clientid}）取值相同的结果按顺序投递",
        ),
    ),
    Param(
        "max_retries", "number", Words("Max Retries", "最大重试次数"),
        Words("How often a result is tried again before it is given up.", "放弃之前的重试次数"),
    ),
    Param(
        "max_retry_time", "string", Words("Max Retry Time", "最长重试时间"),
        Words("How long a result is tried again before it is given up.", "放弃之前的重试时间"),
        format="duration",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one action delivers."""

    lanes: Lanes
    limits: QueueLimits
    key: Callable[[Values], str] | None
    """Tells whose order is to be kept; None keeps none."""
    is_on_disk: bool = False


def delivery(
    work: Later | Batches, params: Mapping[str, Any], memory: QueueLimits, disk: QueueLimits
) -> Delivery:
    """Return how an action delivers.

    Args:
        work: What it does.
        params: Its parameters, checked.
        memory: What holds where they say nothing.
        disk: The same for what waits on disk.
    """
    is_on_disk = bool(params.get(CACHE))
    limits = disk if is_on_disk else memory
    if "max_retries" in params:
        limits = replace(limits, max_retries=max(0, int(params["max_retries"])))
    if "max_retry_time" in params:
        limits = replace(limits, max_retry_s=duration(str(params["max_retry_time"])))
    order_by = str(params.get("order_by") or "")
    key = Template(order_by).fill_text if order_by else None
    return Delivery(_lanes(work, params), limits, key, is_on_disk)


def _lanes(work: Later | Batches, params: Mapping[str, Any]) -> Lanes:
    if isinstance(work, Later):
        return one_by_one(work.deliver, work.width)
    size = min(work.size, int(params.get("batch_size", work.size)))
    return Lanes(work.deliver, size, work.width, work.is_atomic)


async def send_filled(
    items: Sequence[Item],
    filled: Callable[[Item], T],
    send: Callable[[Sequence[T]], Awaitable[Sequence[ActionFailed | None]]],
) -> Sequence[ActionFailed | None]:
    """Send what can be made of items to a target that answers for each; one that makes no sense keeps no other back.

    Args:
        items: In their order.
        filled: Makes of an item what is sent; raises `ActionFailed` where that cannot be.
        send: Sends, and says of each what became of it.
    """
    failures: list[ActionFailed | None] = []
    ready = []
    for item in items:
        try:
            ready.append(filled(item))
            failures.append(None)
        except ActionFailed as error:
            failures.append(error)
    sent = iter(await send(ready))
    return [next(sent) if failure is None else failure for failure in failures]
