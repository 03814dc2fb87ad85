"""The action `data_to_redis`: the result of a rule becomes a command of Redis.

Words are split before values are put in: whatever a client calls itself stays within the word that it stands in.

Source: EMQX Enterprise 4.4, `emqx_backend_redis_actions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.rules.actions.base import (
    ActionSpec,
    ActionType,
    Batches,
    Surroundings,
    resource_param,
)
from app.rules.actions.delivery import BATCH_SIZE, DELIVERY_PARAMS
from app.rules.actions.queue import Item, Outcome
from app.rules.errors import BadArguments
from app.rules.params import Param, Words
from app.rules.resources.redis import RedisTarget
from app.rules.templates import Template

MOST_AT_ONCE = 1_000
"""Commands in one request."""
_LOGIN = ("AUTH", "CLIENT", "HELLO", "QUIT", "READONLY", "READWRITE", "RESET", "SELECT")
_SERVER = ("DEBUG", "MONITOR", "PSYNC", "REPLCONF", "SHUTDOWN", "SYNC", "WAIT", "WAITAOF")
_TRANSACTION = ("ASKING", "DISCARD", "EXEC", "MULTI", "UNWATCH", "WATCH")
_SUBSCRIPTION = tuple(f"{kind}{word}" for word in ("SUBSCRIBE", "UNSUBSCRIBE") for kind in ("", "P", "S"))  # fmt: skip
_WAITING = (
    "BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN",
    "XREAD", "XREADGROUP",
)  # fmt: skip
OF_A_CONNECTION = frozenset({*_LOGIN, *_SERVER, *_TRANSACTION, *_SUBSCRIPTION, *_WAITING})  # fmt: skip
"""Commands that wait, or that change what the connection is for all who share it."""


def command(text: str) -> list[Template]:
    """Take a command apart.

    Raises:
        BadArguments: It does not begin with the name of a command that may be sent.
    """
    words = text.split()
    if not words or "${" in words[0]:
        raise BadArguments('{bad_cmd,<<"a command begins with its name">>}')
    if words[0].upper() in OF_A_CONNECTION:
        raise BadArguments(f'{{bad_cmd,<<"{words[0].upper()} is not for a shared connection">>}}')
    return [Template(word) for word in words]


def _check(params: Mapping[str, Any]) -> None:
    command(params["cmd"])


def _make(spec: ActionSpec, surroundings: Surroundings) -> Batches:
    words = command(spec.params["cmd"])
    resource = surroundings.resource_of(spec, RedisTarget)

    async def deliver(items: Sequence[Item]) -> Outcome:
        target = resource()
        return await target.send([[word.fill(item.output) for word in words] for item in items])

    return Batches(deliver, MOST_AT_ONCE, is_atomic=False)


DATA_TO_REDIS = ActionType(
    "data_to_redis",
    "data_persist",
    Words("Data to Redis", "保存数据到 Redis"),
    Words("Sends a command to Redis.", "向 Redis 发送命令"),
    _make,
    (
        resource_param("Resource ID", "资源 ID"),
        Param(
            "cmd", "string", Words("Redis Command", "Redis 命令"),
            Words(
                "A command such as HSET mqtt:${clientid} payload ${payload}. A value never becomes more than one word.",
                "Redis 命令，例如 HSET mqtt:${clientid} payload ${payload}，每个变量只会成为一个参数",
            ),
            required=True, input="textarea",
        ),
        BATCH_SIZE,
        *DELIVERY_PARAMS,
    ),
    types=("backend_redis_single", "backend_redis_sentinel", "backend_redis_cluster"),
    check=_check,
)  # fmt: skip
