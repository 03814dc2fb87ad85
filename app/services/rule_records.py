"""Rules as services know them: what is kept of one, how it is read from the database and written to it, what finds it.

Source: EMQX 4.4 `emqx_rule_engine_api`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from app.errors import ServiceError
from app.models import Rule
from app.mqtt.topic import InvalidTopic, matches, validate_topic_filter
from app.rules.actions.base import ActionSpec
from app.rules.rule import RuleSpec
from app.rules.sql import Query, SqlSyntaxError, compile_sql
from app.services.resources import bad_arguments
from app.services.rule_actions import action_of, stored_form

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RuleRecord:
    """One rule as it may leave this room."""

    id: str
    rawsql: str
    query: Query | None
    """None where the statement, imported or older than our language, cannot be read; such a rule does not run."""
    actions: tuple[ActionSpec, ...]
    enabled: bool
    description: str
    on_action_failed: str
    created_at: int

    @property
    def topics(self) -> Sequence[str]:
        """Return what stands behind FROM."""
        return self.query.topics if self.query is not None else ()

    @property
    def is_running(self) -> bool:
        """Tell whether the rule is in force."""
        return self.enabled and self.query is not None

    def resources(self) -> set[str]:
        """Return the ids of the resources that it needs."""
        return {one for action in self.actions for one in action.resources()}


@dataclass(frozen=True, slots=True)
class RuleQuery:
    """Filters on rules; None means not asked."""

    enabled: bool | None = None
    topic: str | None = None
    like_id: str | None = None
    like_topic: str | None = None
    match_topic: str | None = None
    like_description: str | None = None

    def takes(self, rule: RuleRecord) -> bool:
        """Tell whether a rule fits."""
        return (
            (self.enabled is None or rule.is_running == self.enabled)
            and (self.topic is None or self.topic in rule.topics)
            and (self.like_id is None or self.like_id in rule.id)
            and (self.like_topic is None or any(self.like_topic in one for one in rule.topics))
            and (
                self.match_topic is None
                or any(matches(one, self.match_topic) for one in rule.topics)
            )
            and (self.like_description is None or self.like_description in rule.description)
        )


def compiled(rawsql: str) -> Query:
    """Return what a statement says.

    Raises:
        ServiceError: It is none.
    """
    try:
        query = compile_sql(rawsql)
        for topic in query.topics:
            validate_topic_filter(topic)
    except SqlSyntaxError as error:
        raise bad_arguments(f"{{parse_error,{error}}}") from None
    except InvalidTopic as error:
        raise bad_arguments(f"{{parse_error,{error}}}") from None
    return query


def spec_of(record: RuleRecord) -> RuleSpec | None:
    """Return what the engine works with; None where the statement cannot be read."""
    if record.query is None:
        return None
    return RuleSpec(
        record.id, record.query, record.actions, record.enabled, record.on_action_failed
    )


def written(row: Rule, record: RuleRecord) -> Rule:
    """Return a row with what a record says in it."""
    row.rawsql = record.rawsql
    row.actions = [stored_form(one) for one in record.actions]
    row.enabled = record.enabled
    row.description = record.description
    row.on_action_failed = record.on_action_failed
    row.created_at = record.created_at
    return row


def record_of(row: Rule) -> RuleRecord:
    """Return what a row says; a statement that cannot be read is logged."""
    query: Query | None = None
    try:
        query = compiled(row.rawsql)
    except ServiceError as error:
        log.warning("The rule %s does not run: %s", row.id, error)
    actions = row.actions if isinstance(row.actions, list) else []
    return RuleRecord(
        row.id,
        row.rawsql,
        query,
        tuple(action_of(one) for one in actions if isinstance(one, dict)),
        row.enabled,
        row.description,
        row.on_action_failed,
        row.created_at,
    )


def audited(record: RuleRecord) -> dict[str, object]:
    """Return what the audit keeps of a rule."""
    return {
        "rawsql": record.rawsql,
        "actions": [stored_form(one) for one in record.actions],
        "enabled": record.enabled,
        "description": record.description,
    }
