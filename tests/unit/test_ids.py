"""Message ids and client ids."""

from __future__ import annotations

import re
import threading

from app.ids import MsgidGenerator, msgid, random_clientid


def test_a_message_id_is_32_hex_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", msgid())


def test_a_message_id_begins_with_the_time_in_microseconds() -> None:
    make = MsgidGenerator(now_ns=lambda: 1_700_000_000_123_456_789)
    assert int(make()[:16], 16) == 1_700_000_000_123_456


def test_message_ids_are_unique_and_sorted_within_one_microsecond() -> None:
    make = MsgidGenerator(now_ns=lambda: 1_700_000_000_000_000_000)
    ids = [make() for _ in range(70_000)]
    assert ids == sorted(set(ids))


def test_message_ids_stay_sorted_when_the_clock_is_set_back() -> None:
    times = iter([2_000_000, 1_000_000, 3_000_000])
    make = MsgidGenerator(now_ns=lambda: next(times))
    ids = [make(), make(), make()]
    assert ids == sorted(set(ids))


def test_two_processes_do_not_make_the_same_ids() -> None:
    first, second = (MsgidGenerator(now_ns=lambda: 0) for _ in range(2))
    assert first() != second()


def test_a_forked_process_goes_on_with_a_part_of_its_own() -> None:
    make = MsgidGenerator(now_ns=lambda: 0)
    before = make()[16:28]
    make.renew_process()
    assert make()[16:28] != before


def test_threads_never_share_an_id() -> None:
    make = MsgidGenerator()
    made: list[list[str]] = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda ids=ids: ids.extend(make() for _ in range(2_000)))
        for ids in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for ids in made for one in ids}) == 8_000


def test_a_random_clientid_is_22_characters_that_every_broker_must_take() -> None:
    ids = {random_clientid() for _ in range(1_000)}
    assert len(ids) == 1_000
    assert all(re.fullmatch(r"[0-9A-Za-z]{22}", one) for one in ids)
