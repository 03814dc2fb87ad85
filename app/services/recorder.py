"""The recorders of rules: the latest messages and events of each, and statements tried on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.errors import ResultCode, ServiceError
from app.rules.engine import RuleEngine
from app.rules.errors import BadArguments
from app.rules.recorder import shown, try_out
from app.rules.sql import Columns, Query
from app.services.observation import Door
from app.services.resources import bad_arguments


class RecorderService:
    """Switches recorders, shows what they have, and tries statements on it. Request threads share it."""

    def __init__(
        self, engine: RuleEngine, door: Door, query_of: Callable[[str, str | None], Query]
    ) -> None:
        """Take what it works with.

        Args:
            engine: Has the rules that record.
            door: The way to it.
            query_of: Returns a statement compiled: that of a rule, or another one in its place.
        """
        self._engine = engine
        self._door = door
        self._query_of = query_of

    def is_on(self, rule_id: str) -> bool:
        """Tell whether a rule records."""
        return self._engine.is_recording(rule_id)

    def switch(self, rule_id: str, *, is_on: bool) -> None:
        """Have a rule record, or forget what it has recorded.

        Raises:
            ServiceError: There is no such rule, or it cannot record.
        """
        self._query_of(rule_id, None)
        try:
            self._door.call(lambda: self._engine.record(rule_id, is_on=is_on))
        except BadArguments as error:
            raise bad_arguments(error) from None

    def show(self, rule_id: str) -> bytes:
        """Return what a rule has recorded as a JSON list, the oldest first.

        Raises:
            ServiceError: There is no such rule, or it does not record.
        """
        self._query_of(rule_id, None)
        return shown(self._rows(rule_id))

    def try_out(self, rule_id: str, rawsql: str | None) -> bytes:
        """Run a statement, or the rule's own, over what the rule has recorded.

        Returns:
            A JSON list with an object for each event: `result`, `no_result` or `error`.

        Raises:
            ServiceError: There is no such rule, it does not record, or it is no statement.
        """
        return try_out(self._query_of(rule_id, rawsql), self._rows(rule_id), rule_id)

    def _rows(self, rule_id: str) -> Sequence[Columns]:
        rows = self._door.call(self._engine.recorded, rule_id)
        if rows is None:
            raise ServiceError(ResultCode.BAD_REQUEST, "The rule does not record")
        return rows
