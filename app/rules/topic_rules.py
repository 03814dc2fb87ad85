"""The rules that a topic's messages concern, as the express lane tells them of these: in place, run by run.

Each message has its turn with each rule, as in the engine's hook; what makes the difference is what is not made: no
message, and no column but those that a statement asks for.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from app.broker.client_info import ClientInfo
from app.rules.event_columns import HeardColumns, HeardFrom, Surroundings
from app.rules.rule import RunningRule

logger = logging.getLogger(__name__)

DROPPED: Final = "$events/delivery_dropped"
"""The one event that a message may bring about on the lane before the next one has its turn."""
ON_LANE_MAX: Final = 8
"""Rules about one topic. What more of them cost is paid on the ordinary way, where it is spread over several turns of
the loop."""


class TopicRules:
    """The rules of one topic; made anew whenever rules change."""

    __slots__ = ("_around", "_rules", "publishes")

    def __init__(self, around: Surroundings, rules: Sequence[RunningRule]) -> None:
        """Take the rules, in their order."""
        self._around = around
        self._rules = rules
        self.publishes = any(rule.publishes or DROPPED in rule.spec.query.topics for rule in rules)
        """Whether one of them may publish while it hears, or hears of what the message's way brings about as well."""

    def hear(
        self, client: ClientInfo, topic: str, qos: int, at_ms: int, payloads: Sequence[bytes]
    ) -> None:
        """Apply the rules to messages, as `app.broker.hooks.Hearer` has it."""
        rules = self._rules
        if len(rules) == 1 and rules[0].sifts:
            common = partial(HeardFrom, self._around, client, topic, qos, at_ms)
            try:
                if rules[0].apply_all(payloads, common):
                    return
            except Exception:
                logger.exception("The rule %s failed over messages on %s", rules[0].spec.id, topic)
                return
        heard_from = HeardFrom(self._around, client, topic, qos, at_ms)
        for payload in payloads:
            columns = HeardColumns(heard_from, payload)
            for rule in rules:
                try:
                    rule.apply(columns)
                except Exception:
                    # Our bug in one rule is neither the publisher's fault nor the other rules'.
                    logger.exception("The rule %s failed over a message on %s", rule.spec.id, topic)
