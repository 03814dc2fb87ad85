"""Compression there and back."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest

from app.rules.sql import RuleError
from app.rules.terms.values import MAX_TEXT


@pytest.mark.parametrize(
    ("pack", "unpack"),
    [("gzip", "gunzip"), ("zip", "unzip"), ("zip_compress", "zip_uncompress")],
)
@pytest.mark.parametrize("data", ["", "hello", b"\xff\x00"])
def test_what_is_packed_unpacks(evaluate: Any, pack: str, unpack: str, data: Any) -> None:
    assert evaluate(f"{unpack}({pack}(x))", x=data) == data


def test_the_wrappings_are_those_of_gzip_and_zlib(evaluate: Any) -> None:
    assert gzip.decompress(evaluate("gzip('hello')")) == b"hello"
    assert zlib.decompress(evaluate("zip_compress('hello')")) == b"hello"
    assert evaluate("gunzip(x)", x=gzip.compress(b"hello")) == "hello"


@pytest.mark.parametrize("name", ["gunzip", "unzip", "zip_uncompress"])
def test_what_is_not_packed_or_cut_short_fails(evaluate: Any, name: str) -> None:
    with pytest.raises(RuleError, match="data_error"):
        evaluate(f"{name}('hello')")
    with pytest.raises(RuleError, match="data_error"):
        evaluate(f"{name}('')")


def test_what_unpacks_to_too_much_is_not_unpacked(evaluate: Any) -> None:
    bomb = zlib.compress(bytes(MAX_TEXT + 1))

    with pytest.raises(RuleError, match="too much"):
        evaluate("zip_uncompress(x)", x=bomb)
