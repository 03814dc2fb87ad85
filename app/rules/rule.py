"""One rule: as it is stored, and at work on the messages and events that the engine gives it.

Source: EMQX 4.4 `emqx_rule_runtime`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.rules.actions.base import ActionSpec
from app.rules.actions.running import RunningAction, in_line
from app.rules.complaints import Complaints
from app.rules.event_columns import HeardColumns, HeardFrom
from app.rules.metrics import RuleMetrics
from app.rules.recorder import Recording
from app.rules.sql import Columns, Context, Query, RuleError, failure

logger = logging.getLogger(__name__)

STOP = "stop"
MAX_RESULTS = 10_000
"""Of one message: their actions are taken in one go, and everybody else waits for so long."""


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """One rule, as it is stored, with its statement compiled."""

    id: str
    query: Query
    actions: tuple[ActionSpec, ...]
    enabled: bool = True
    on_action_failed: str = "continue"


class RunningRule:
    """One rule that the engine knows, enabled or not."""

    def __init__(
        self,
        spec: RuleSpec,
        actions: Sequence[RunningAction],
        kv_store: dict[Any, Any],
        proc_dict: MutableMapping[str, MutableMapping[Any, Any]],
    ) -> None:
        """Start counting.

        Args:
            spec: As it is stored.
            actions: At work.
            kv_store: What statements keep for the node.
            proc_dict: What they keep for connections, by client id.
        """
        self.spec = spec
        self.actions = tuple(actions)
        self.metrics = RuleMetrics()
        self.recording: Recording | None = None
        """Keeps what the rule is applied to, while somebody wants it; also where the rule is not enabled."""
        self._first = in_line(self.actions, stop_at_failure=spec.on_action_failed == STOP)
        self._wants_results_only = len(self._first) == 1 and self._first[0].looks_at_results_only
        self.publishes = any(one.publishes for top in self.actions for one in top.walk())
        """Whether an action may publish before `apply` returns."""
        self.complaints = Complaints(logger, f"The rule {spec.id}")
        self._sift = spec.query.sift
        self.sifts = self._sift is not None
        """Whether it may be applied to many messages at once."""
        self._run = spec.query.bound(Context({"rule_id": spec.id}, kv_store, proc_dict))

    def apply(self, columns: Columns) -> None:
        """Apply the rule to a message or an event."""
        if self.recording is not None:
            self.recording.take(columns)
            if not self.spec.enabled:
                return
        metrics = self.metrics
        metrics.matched += 1
        try:
            outputs = self._run(columns)
            if len(outputs) > MAX_RESULTS:
                raise RuleError(f"system_limit: more than {MAX_RESULTS} results")
        except Exception as error:  # noqa: BLE001 - whatever it is, the rule failed
            metrics.exception += 1
            metrics.failed += 1
            self.complaints.note(error if isinstance(error, RuleError) else failure(error))
            return
        if not outputs:
            metrics.no_result += 1
            metrics.failed += 1
            return
        metrics.passed += 1
        for output in outputs:
            for action in self._first:
                action.take(output, columns)

    def apply_all(self, payloads: Sequence[bytes], common: Callable[[], HeardFrom]) -> bool:
        """Apply the rule to messages that differ in their payloads only, in their order, if it can do so at once.

        Args:
            payloads: One for each message.
            common: Returns what they have in common, for whoever wants more than their payloads.

        Returns:
            False where nothing was done: each of them has to be looked at by itself.
        """
        results = None
        if self._sift is not None and self.recording is None:
            results = self._sift(payloads)
        if results is None:
            return False
        metrics = self.metrics
        metrics.matched += len(payloads)
        without = results.count(None)
        if without:
            metrics.no_result += without
            metrics.failed += without
        metrics.passed += len(payloads) - without
        if self._wants_results_only:
            self._first[0].take_all(results)
        elif self._first and without < len(payloads):
            heard_from = common()
            for result, payload in zip(results, payloads, strict=True):
                if result is not None:
                    columns = HeardColumns(heard_from, payload)
                    for action in self._first:
                        action.take(result, columns)
        return True

    @property
    def is_listening(self) -> bool:
        """Tell whether it is to hear of messages and events."""
        return self.spec.enabled or self.recording is not None

    def reset_metrics(self) -> None:
        """Count from zero again."""
        self.metrics = RuleMetrics()
        for action in self.actions:
            for one in action.walk():
                one.metrics.reset()
