"""What the tests of functions share: an expression evaluated as a statement would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.rules.sql import Context, compile_sql

Evaluate = Callable[..., Any]

NOW_NS = 1_700_000_000_123_456_789


@pytest.fixture
def evaluate() -> Evaluate:
    """Return what evaluates an expression; columns are given by name."""
    context = Context(now_ns=lambda: NOW_NS)

    def run(expression: str, **columns: Any) -> Any:
        (result,) = compile_sql(f'SELECT {expression} AS r FROM "t"').run(columns, context=context)
        return result["r"]

    return run
