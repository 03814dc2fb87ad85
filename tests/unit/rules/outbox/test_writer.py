"""The thread that writes goes on whatever a piece of work does."""

from __future__ import annotations

import sqlite3
from queue import SimpleQueue
from typing import Any

from app.rules.outbox.writer import Writer

PATIENCE_S = 10.0


def test_work_that_fails_in_an_unforeseen_way_is_told_so_and_holds_up_nobody() -> None:
    connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
    connection.execute("CREATE TABLE t (n INTEGER)")
    writer = Writer(connection, lambda _connection: None)
    told: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def fail(_connection: sqlite3.Connection) -> None:
        raise LookupError("a bug")

    def put(to: sqlite3.Connection) -> int:
        return to.execute("INSERT INTO t VALUES (1)").rowcount

    writer.ask(put, lambda result: told.put(("before", result)))
    writer.ask(fail, lambda result: told.put(("bug", result)))
    writer.ask(put, lambda result: told.put(("after", result)))
    writer.start()
    answers = dict(told.get(timeout=PATIENCE_S) for _ in range(3))
    writer.close()
    assert answers["before"] == answers["after"] == 1
    assert isinstance(answers["bug"], LookupError)
