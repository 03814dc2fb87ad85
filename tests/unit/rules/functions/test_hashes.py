"""Hashes of texts and binaries."""

from __future__ import annotations

from typing import Any


def test_hashes_are_lower_case_digits(evaluate: Any) -> None:
    assert evaluate("md5('abc')") == "900150983cd24fb0d6963f7d28e17f72"
    assert evaluate("sha('abc')") == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert evaluate("sha256('abc')") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert evaluate("md5(x)", x=b"\xff") == "00594fd4f42ba43fc1ca0427a0576295"
