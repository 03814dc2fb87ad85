"""Results on disk: what is read is what was written."""

from __future__ import annotations

import pytest

from app.rules.actions.queue import Item
from app.rules.outbox.letters import NotReadable, NotWritable, read, written
from app.rules.terms.scope import Columns
from app.rules.terms.values import UNDEFINED, Bits

VALUES = {
    "text": "grüße",
    "bytes": b"\xff\x00",
    "whole": 2**70,
    "float": 1.5,
    "nothing": None,
    "missing": UNDEFINED,
    "bits": Bits(5, 3),
    "nested": {"list": [1, b"\xfe", {"missing": UNDEFINED}], "true": True},
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_as_it_was(name: str) -> None:
    item = read(written(Item({name: VALUES[name]}, Columns({"topic": "t"}))))
    assert item.output == {name: VALUES[name]}
    assert type(item.output[name]) is type(VALUES[name])
    assert item.event == {"topic": "t"}
    assert isinstance(item.event, Columns)


def test_columns_that_the_result_has_are_written_once() -> None:
    payload = "x" * 1_000
    event = Columns({"payload": payload, "qos": 1})
    letter = written(Item({"payload": payload, "qos": 2}, event))
    assert len(letter) < 1_200
    item = read(letter)
    assert (item.output, item.event) == ({"payload": payload, "qos": 2}, event)


def test_a_text_that_is_no_utf8_is_kept() -> None:
    assert read(written(Item({"x": "\ud800"}, Columns()))).output == {"x": "\ud800"}


@pytest.mark.parametrize("letter", [b"", b"[]", b"{}", b'{"output":1}', b"\xff"])
def test_what_is_no_result_is_refused(letter: bytes) -> None:
    with pytest.raises(NotReadable):
        read(letter)


def test_what_is_nested_too_deeply_is_not_written() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(NotWritable, match="too deeply"):
        written(Item({"deep": deep}, Columns()))


def test_what_is_nested_too_deeply_is_not_read() -> None:
    with pytest.raises(NotReadable):
        read(b'{"output":' + b'{"a":' * 100_000)
