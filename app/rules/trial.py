"""Running a statement over columns that somebody gives, to see what it makes of them; no rule and no action is needed.

Source: EMQX 4.4 `emqx_rule_sqltester`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.mqtt.topic import matches
from app.rules.events import MESSAGE_PUBLISH, event_of
from app.rules.sql import Columns, Context, Query
from app.rules.terms.values import bytes_of, to_json

METADATA = {"rule_id": "test_rule"}


class NotMatched(Exception):
    """The statement is not about these columns, or selects nothing of them."""


def trial(query: Query, given: Mapping[str, Any], node: str, now_ms: int) -> bytes:
    """Run a statement over columns.

    Args:
        query: The statement.
        given: Columns by name; an example's values stand for those that are left out.
        node: What the column `node` says.
        now_ms: What the columns of times say.

    Returns:
        The result as JSON; a list of results for FOREACH.

    Raises:
        NotMatched: There is none.
        RuleError: A clause failed.
    """
    event = next(filter(None, map(event_of, query.topics)), MESSAGE_PUBLISH)
    columns = Columns({**event.example_columns(node, now_ms), **given})
    if event is MESSAGE_PUBLISH:
        topic = columns["topic"]
        if not isinstance(topic, str) or not any(matches(topic, one) for one in query.topics):
            raise NotMatched
    results = query.run(columns, context=Context(metadata=METADATA))
    if query.is_foreach:
        return bytes_of(to_json(results))
    if not results:
        raise NotMatched
    return bytes_of(to_json(results[0]))
