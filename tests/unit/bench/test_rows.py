"""The rows that are measured, and what they ask of the load generator."""

from __future__ import annotations

from collections import Counter

from bench.rows import (
    HASHES,
    MOSQUITTO,
    MOSQUITTO_PERSISTENT,
    MOSQUITTO_QUEUE,
    ROWS,
    SLOW_HASHES,
    VARIANTS,
    Load,
)


def test_every_row_has_a_name_of_its_own() -> None:
    assert max(Counter(row.name for row in ROWS).values()) == 1


def test_a_rate_makes_an_open_loop_and_a_window_a_closed_one() -> None:
    assert Load(1, 1, rate=20, window=3).options()[-2:] == ["-r", "20"]
    assert Load(1, 1, window=3).options()[-2:] == ["-w", "3"]


def test_wildcard_filters_are_shared_out_to_the_subscribers() -> None:
    load = next(row for row in ROWS if row.name == "wildcards").load
    assert load.filters * load.subscribers == 100_000
    assert load.options()[-2:] == ["-F", "10000"]


def test_variants_of_our_server_are_known_and_compared_with_the_first() -> None:
    rows = [row for row in ROWS if row.variants]
    theirs = {MOSQUITTO, MOSQUITTO_PERSISTENT, MOSQUITTO_QUEUE}
    assert {name for row in rows for name in row.variants} == {*VARIANTS, *theirs}
    assert all(not row.api for row in rows)
    hashes = next(row for row in rows if row.name == "auth-hashes").variants
    assert [VARIANTS[name].password_hash for name in hashes] == ["", *HASHES]
    slow = next(row for row in rows if row.name == "auth-slow-hashes").variants
    assert [VARIANTS[name].redis_hash for name in slow] == ["", *SLOW_HASHES]
