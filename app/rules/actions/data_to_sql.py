"""The actions `data_to_pgsql`, `data_to_mysql` and `data_to_sqlite`: the result of a rule becomes rows of a database.

Source: EMQX Enterprise 4.4, `emqx_backend_pgsql_actions`, `emqx_backend_mysql_actions`; SQLite is ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.rules.actions.base import (
    ActionSpec,
    ActionType,
    Batches,
    Surroundings,
    resource_param,
)
from app.rules.actions.delivery import BATCH_SIZE, DELIVERY_PARAMS
from app.rules.actions.queue import Item
from app.rules.actions.sql_template import Dialect, SqlTemplate
from app.rules.params import Param, Words
from app.rules.resources.sql import SqlTarget

MOST_AT_ONCE = 1_000
"""Results in one transaction."""
DEFAULT_BATCH = replace(BATCH_SIZE, default=100)
ENABLE_BATCH = Param(
    "enable_batch", "boolean", Words("Enable Batch", "开启批量写入"),
    Words(
        "Whether results that come while a request is under way go together with the next one.",
        "请求期间到达的结果是否合并到下一次请求",
    ),
    default=True,
)  # fmt: skip


def batch_size(params: Mapping[str, Any], most: int) -> int:
    """Return how many results go together; `batch_size` may make it fewer."""
    return most if params["enable_batch"] else 1


def _kind(name: str, resource: str, database: str, dialect: Dialect) -> ActionType:
    def parsed(params: Mapping[str, Any]) -> SqlTemplate:
        return SqlTemplate.parse(params["sql"], dialect, nulls=params["sql_insert_null"])

    def check(params: Mapping[str, Any]) -> None:
        parsed(params)

    def make(spec: ActionSpec, surroundings: Surroundings) -> Batches:
        template = parsed(spec.params)
        # A type is asked for, and nothing of it is made.
        resource = surroundings.resource_of(spec, SqlTarget)  # type: ignore[type-abstract]

        async def deliver(items: Sequence[Item]) -> None:
            target = resource()
            rows = [template.values(item.output) for item in items]
            await target.write(template.statement, rows)

        return Batches(deliver, batch_size(spec.params, MOST_AT_ONCE))

    return ActionType(
        name,
        "data_persist",
        Words(f"Data to {database}", f"保存数据到 {database}"),
        Words(f"Saves the result in {database}.", f"保存数据到 {database} 数据库"),
        make,
        (
            resource_param("Resource ID", "资源 ID"),
            Param(
                "sql", "string", Words("SQL Template", "SQL 模板"),
                Words(
                    "A statement such as insert into t(id, body) values (${id}, ${payload}). Values are bound to it.",
                    "SQL 语句，例如 insert into t(id, body) values (${id}, ${payload})，变量以绑定参数的方式传入",
                ),
                required=True, input="textarea",
            ),
            Param(
                "sql_insert_null", "boolean", Words("Insert NULL", "插入 NULL"),
                Words(
                    "Whether a variable that is not there is NULL, and not the text undefined.",
                    "未定义的变量是否写入 NULL，否则写入字符串 undefined",
                ),
                default=True,
            ),
            ENABLE_BATCH,
            DEFAULT_BATCH,
            *DELIVERY_PARAMS,
        ),
        types=(resource,),
        check=check,
    )  # fmt: skip


DATA_TO_PGSQL = _kind("data_to_pgsql", "backend_pgsql", "PostgreSQL", Dialect.PGSQL)
DATA_TO_MYSQL = _kind("data_to_mysql", "backend_mysql", "MySQL", Dialect.MYSQL)
DATA_TO_SQLITE = _kind("data_to_sqlite", "backend_sqlite", "SQLite", Dialect.SQLITE)
