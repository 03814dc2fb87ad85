"""One mark over queues that are written each at its own pace."""

from __future__ import annotations

import pytest

from app.plugins.bridge_mqtt.promises import Promises

A, B = object(), object()


def test_safe_is_what_is_older_than_the_oldest_of_any_queue() -> None:
    promises = Promises()
    assert [promises.give(A), promises.give(B), promises.give(A)] == [1, 2, 3]
    promises.settle(A, 3)
    assert promises.safe == 1
    promises.settle(B)
    assert promises.safe == 2
    promises.settle(A)
    assert promises.safe == promises.mark == 3


def test_who_waits_is_told_once_and_only_when_there_is_news() -> None:
    promises, told = Promises(), []
    promises.give(A)
    promises.give(B)
    promises.when_safe(lambda: told.append(promises.safe))
    promises.settle(B)
    assert told == []
    promises.settle(A)
    promises.give(A)
    promises.settle(A)
    assert told == [2]


def test_one_that_fails_keeps_the_others_from_nothing(caplog: pytest.LogCaptureFixture) -> None:
    promises, told = Promises(), []

    def fail() -> None:
        raise ValueError

    promises.when_safe(fail)
    promises.when_safe(lambda: told.append(promises.safe))
    promises.give(A)
    promises.settle(A)
    assert told == [1]
    assert "ValueError" in caplog.text
