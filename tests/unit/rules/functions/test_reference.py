"""The list of EMQX's functions, walked: each is there, and answers as is written beside it in `reference.txt`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.rules.functions.table import FUNCTIONS
from app.rules.sql import RuleError
from app.rules.terms.values import UNDEFINED

COLUMNS: dict[str, Any] = {
    "id": "0005F8F84FFFAF9FF44200000D810002",
    "clientid": "c_emqx",
    "username": "u_emqx",
    "peerhost": "192.168.0.10",
    "topic": "t/a/1",
    "qos": 1,
    "flags": {"retain": True, "dup": False},
    "payload": {"a": {"b": 1}},
}
LINES = [
    line
    for line in Path(__file__).with_name("reference.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def test_every_function_is_on_the_list() -> None:
    called = {name for line in LINES for name in re.findall(r"([a-z0-9_]+)\(", line)}
    assert called - {"schema_decode", "no_such_function"} == FUNCTIONS.keys()


@pytest.mark.parametrize("line", LINES)
def test_it_answers_as_emqx_does(evaluate: Any, line: str) -> None:
    expression, _, answer = line.partition(" => ")
    if not answer:
        expression, _, complaint = line.rpartition(" ! ")
        with pytest.raises(RuleError, match=complaint):
            evaluate(expression, **COLUMNS)
        return
    expected = json.loads("null" if answer == "undefined" else answer)
    assert as_seen(evaluate(expression, **COLUMNS)) == as_seen(expected)


def as_seen(value: Any) -> Any:
    """Return a value that is unlike another one of another type: 1 is not 1.0; JSON's null stands for undefined."""
    if value is UNDEFINED or value is None:
        return ("undefined",)
    if isinstance(value, list):
        return [as_seen(one) for one in value]
    if isinstance(value, dict):
        return {key: as_seen(one) for key, one in value.items()}
    if isinstance(value, bytes):
        return ("str", value.decode())
    return (type(value).__name__, value)
