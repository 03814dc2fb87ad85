"""The actions for trying things out: `inspect` and `do_nothing`."""

from __future__ import annotations

import logging

from app.rules.actions.base import ActionSpec, ActionType, Now, Surroundings
from app.rules.actions.queue import Values
from app.rules.params import Words
from app.rules.templates import as_json
from app.rules.terms.scope import Columns

logger = logging.getLogger(__name__)

SHOWN_MAX_LENGTH = 10_000


def _inspect(spec: ActionSpec, _surroundings: Surroundings) -> Now:
    def show(output: Values, event: Columns) -> None:
        logger.info(
            "[inspect] %s: selected %s, event %s, params %s",
            spec.id,
            _shown(output),
            _shown(event.everything()),
            _shown(spec.params),
        )

    return Now(show)


def _shown(values: Values) -> str:
    return as_json(values)[:SHOWN_MAX_LENGTH].decode("utf-8", "replace")


def _do_nothing(_spec: ActionSpec, _surroundings: Surroundings) -> Now:
    return Now(lambda _output, _event: None, needs_event=False)


INSPECT = ActionType(
    "inspect",
    "debug",
    Words("Inspect (debug)", "检查 (调试)"),
    Words(
        "Writes the result, the event and the parameters to the log; for trying rules out.",
        "将结果、事件与动作参数写入日志 (用以调试)",
    ),
    _inspect,
)
DO_NOTHING = ActionType(
    "do_nothing",
    "debug",
    Words("Do Nothing (debug)", "空动作 (调试)"),
    Words(
        "Does nothing and never fails; for trying rules out.",
        "此动作什么都不做，并且不会失败 (用以调试)",
    ),
    _do_nothing,
)
