"""Rules: SQL over messages and events, and what happens to its results. The database is the truth, the engine works.

A change is tried on the loop first and committed then. Statements are read outside the loop.

Source: EMQX 4.4 `emqx_rule_engine_api`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import Clock
from app.errors import ResultCode, ServiceError
from app.models import Database, Rule
from app.rules.actions.base import ActionType
from app.rules.complaints import Complaint
from app.rules.engine import RuleEngine
from app.rules.errors import BadArguments
from app.rules.metrics import ActionMetrics, RuleMetrics
from app.rules.rule import RuleSpec
from app.rules.sql import Query, RuleError
from app.rules.trial import NotMatched, trial
from app.schemas.rule import RuleSchema, RuleTestSchema, RuleUpdateSchema
from app.services import audit
from app.services.dead_letters import DeadLettersService
from app.services.followed_change import followed_change
from app.services.observation import Door
from app.services.recorder import RecorderService
from app.services.resources import ResourcesService, bad_arguments
from app.services.rule_actions import ActionReader
from app.services.rule_records import (
    RuleQuery,
    RuleRecord,
    audited,
    compiled,
    record_of,
    spec_of,
    written,
)

__all__ = ["RuleQuery", "RuleRecord", "RulesService"]


def _newest_first(one: RuleRecord) -> tuple[int, str]:
    return -one.created_at, one.id


class RulesService:
    """Makes, shows, changes, tries and removes rules. Request threads share it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        door: Door,
        engine: RuleEngine,
        resources: ResourcesService,
        node: str,
    ) -> None:
        """Take what it works with.

        Args:
            database: Where rules are.
            clock: Tells when one was made.
            door: The way to the engine.
            engine: What works with them.
            resources: What their actions need.
            node: The name of this node.
        """
        self.node = node
        self._database = database
        self._clock = clock
        self._door = door
        self._engine = engine
        self._resources = resources
        self._actions = ActionReader(engine.registry, resources)
        self._schema, self._update_schema = RuleSchema(), RuleUpdateSchema()
        self._test_schema = RuleTestSchema()
        self._records: dict[str, RuleRecord] = {}
        assert engine.outbox is not None
        self._outbox = engine.outbox
        self.dead_letters = DeadLettersService(engine, engine.outbox, database, door)
        self.recorder = RecorderService(engine, door, self._query_of)
        resources.users_of = self._users_of

    # -- reading ---------------------------------------------------------------------------------

    def actions(self) -> Sequence[ActionType]:
        """Return the kinds of actions that there are."""
        return self._engine.registry.actions()

    def action(self, name: str) -> ActionType:
        """Return a kind of action.

        Raises:
            ServiceError: NOT_FOUND.
        """
        found = self._engine.registry.action(name)
        if found is None:
            raise ServiceError(ResultCode.NOT_FOUND)
        return found

    def list(self, query: RuleQuery) -> Sequence[RuleRecord]:
        """Return the rules that fit, the newest first."""
        found = sorted(self._records.values(), key=_newest_first)
        return [one for one in found if query.takes(one)]

    def get(self, rule_id: str) -> RuleRecord:
        """Return a rule.

        Raises:
            ServiceError: NOT_FOUND.
        """
        found = self._records.get(rule_id)
        if found is None:
            raise ServiceError(ResultCode.NOT_FOUND)
        return found

    def figures(self, rule_id: str) -> tuple[RuleMetrics, Mapping[str, ActionMetrics]]:
        """Return what a rule has counted, and its actions by id."""
        return self._engine.figures(rule_id)

    def complaints(self, rule_id: str) -> Sequence[tuple[str, Complaint]]:
        """Return the latest failures of a rule and its actions, the newest first, each with the id of whose it is."""
        return self._engine.complaints(rule_id)

    # -- changing --------------------------------------------------------------------------------

    def create(self, params: Mapping[str, object]) -> RuleRecord:
        """Make a rule.

        Args:
            params: `rawsql` and `actions`, and if wanted `id`, `enabled`, `description` and `on_action_failed`.

        Raises:
            ServiceError: It cannot be.
        """
        if params.get("id") == "":
            raise bad_arguments("{empty_string_not_allowed,id}")
        values = self._schema.read(params)
        with self._resources.change:
            wanted = RuleRecord(
                values.get("id") or f"rule:{secrets.token_hex(4)}",
                values["rawsql"],
                compiled(values["rawsql"]),
                self._actions.read(values["actions"]),
                values.get("enabled", True),
                values.get("description", ""),
                values.get("on_action_failed", "continue"),
                self._clock.wall_ms(),
            )
            if wanted.id in self._records:
                raise ServiceError(ResultCode.BAD_REQUEST, "Already Exists")
            with self._changing(wanted) as session:
                session.add(written(Rule(id=wanted.id), wanted))
                audit.record(session, "rule.create", wanted.id, after=audited(wanted))
        return wanted

    def update(self, rule_id: str, params: Mapping[str, object]) -> RuleRecord:
        """Change a rule; what is not named stays.

        Args:
            rule_id: Which one.
            params: Any of `rawsql`, `actions`, `enabled`, `description` and `on_action_failed`.

        Raises:
            ServiceError: There is none, or what is wanted cannot be.
        """
        values: dict[str, Any] = self._update_schema.read(params)
        with self._resources.change:
            before = self._known(rule_id)
            if "rawsql" in values:
                values["query"] = compiled(values["rawsql"])
            if "actions" in values:
                values["actions"] = self._actions.read(values["actions"])
            wanted = replace(before, **values)
            if wanted.enabled and not before.enabled:
                self._actions.require_resources(wanted.actions)
            with self._changing(wanted) as session:
                row = session.get(Rule, rule_id)
                if row is None:
                    raise _unknown(rule_id)
                written(row, wanted)
                audit.record(
                    session,
                    "rule.update",
                    rule_id,
                    before=audited(before),
                    after=audited(wanted),
                )
        return wanted

    def delete(self, rule_id: str) -> None:
        """Remove a rule; one that is not there is no error."""
        with self._resources.change:
            before = self._records.get(rule_id)
            if before is None:
                return
            with self._database.session() as session:
                row = session.get(Rule, rule_id)
                if row is not None:
                    session.delete(row)
                audit.record(session, "rule.delete", rule_id, before=audited(before))
            del self._records[rule_id]
            self._door.call(self._engine.remove_rule, rule_id)

    def reset_metrics(self, rule_id: str) -> None:
        """Have a rule count from zero again.

        Raises:
            ServiceError: There is none.
        """
        self._known(rule_id)
        self._door.call(self._engine.reset_metrics, rule_id)

    def test(self, params: Mapping[str, object]) -> bytes:
        """Run a statement over columns that are given, sample ones in the place of those that are not.

        Args:
            params: `rawsql`, and `ctx` with columns by name.

        Returns:
            The result as JSON; a list of results for FOREACH.

        Raises:
            ServiceError: It is no statement, it fails, or it does not match.
        """
        values = self._test_schema.read(params)
        query = compiled(values["rawsql"])
        try:
            return trial(query, values.get("ctx") or {}, self.node, self._clock.wall_ms())
        except NotMatched:
            raise ServiceError(ResultCode.NOT_FOUND, "SQL Not Match") from None
        except RuleError as error:
            raise bad_arguments(f"{{select_and_transform_error,{error}}}") from None

    # -- for the engine ----------------------------------------------------------------------------

    def stored(self) -> Sequence[RuleSpec]:
        """Read all rules anew, for an engine that starts."""
        with self._resources.change:
            with self._database.reading() as session:
                read = [record_of(row) for row in session.scalars(select(Rule))]
            # In the order of their list, so that each page finds them sorted but for the newest.
            self._records = {one.id: one for one in sorted(read, key=_newest_first)}
            return [spec for one in read if (spec := spec_of(one)) is not None]

    def apply_stored(self, keys: Iterable[tuple[str, ...]]) -> None:
        """Take on rules that others wrote into the database.

        Args:
            keys: Their ids.

        Raises:
            ServiceError: The node did not answer in time.
        """
        if not self._engine.is_running:
            return
        with self._resources.change:
            for (rule_id,) in keys:
                with self._database.reading() as session:
                    row = session.get(Rule, rule_id)
                    record = record_of(row) if row is not None else None
                if record is not None:
                    self._records[rule_id] = record
                    self._apply(record)

    def stop(self) -> None:
        """End the engine and let go of what rules talk to, before the loop ends."""
        if self._engine.is_running:
            self._door.call(self._engine.stop)
        self._outbox.close()

    # -- the insides -----------------------------------------------------------------------------

    def _known(self, rule_id: str) -> RuleRecord:
        found = self._records.get(rule_id)
        if found is None:
            raise _unknown(rule_id)
        return found

    def _changing(self, wanted: RuleRecord) -> AbstractContextManager[Session]:
        return followed_change(
            self._database,
            self._records,
            wanted,
            self._apply,
            lambda one: self._door.call(self._engine.remove_rule, one),
        )

    def _apply(self, record: RuleRecord) -> None:
        spec = spec_of(record)
        try:
            if spec is None:
                self._door.call(self._engine.remove_rule, record.id)
            else:
                self._door.call(self._engine.put_rule, spec)
        except BadArguments as error:
            raise bad_arguments(error) from None

    def _query_of(self, rule_id: str, rawsql: str | None) -> Query:
        record = self.get(rule_id)
        if rawsql is not None:
            return compiled(rawsql)
        if record.query is None:
            raise bad_arguments("{rule_does_not_run}")
        return record.query

    def _users_of(self, resource_id: str) -> Sequence[str]:
        return [
            one.id
            for one in self._records.values()
            if one.is_running and resource_id in one.resources()
        ]


def _unknown(rule_id: str) -> ServiceError:
    return ServiceError(ResultCode.BAD_REQUEST, f"Rule {rule_id} Not Found")
