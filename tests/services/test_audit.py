"""The audit log, on every database."""

from __future__ import annotations

import pytest

from app.actor import SYSTEM
from app.clock import FakeClock, SystemClock
from app.config import ManagementSettings
from app.models import Database
from app.services import audit
from app.services.audit import Actor, AuditQuery, AuditRecord, AuditService
from app.services.masking import MASK

ALICE = Actor("app", "alice", "192.0.2.1", "r1")
BOB = Actor("user", "bob", "192.0.2.2", "r2")
DAY_S = 86_400.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall_ms=SystemClock.wall_ms())


@pytest.fixture
def log(database: Database, clock: FakeClock) -> AuditService:
    return AuditService(database, clock, ManagementSettings(audit_retention_s=DAY_S))


def entries(log: AuditService, **wanted: object) -> list[AuditRecord]:
    return log.list(AuditQuery(**wanted), 1, 100)[0]  # type: ignore[arg-type]


def test_an_entry_says_who_did_what_from_where_and_what_it_was(
    log: AuditService, database: Database
) -> None:
    with audit.acting(ALICE), database.session() as session:
        audit.record(session, "app.update", "reader", before={"status": True}, after={"n": None})
    (entry,) = entries(log)
    assert (entry.actor, entry.action, entry.target) == (ALICE, "app.update", "reader")
    assert (entry.before, entry.after) == ({"status": True}, {"n": None})
    assert abs(entry.at_ms - SystemClock.wall_ms()) < 60_000


def test_a_change_that_is_rolled_back_leaves_no_entry(
    log: AuditService, database: Database
) -> None:
    with database.session() as session:
        audit.record(session, "app.update", "reader")
        session.rollback()
    assert entries(log) == []


def test_what_nobody_claims_was_done_by_the_system(log: AuditService) -> None:
    log.note("plugin.load", "emqx_retainer", after={"active": True})
    (entry,) = entries(log)
    assert (entry.actor, entry.before) == (SYSTEM, None)


def test_an_actor_ends_with_its_block(log: AuditService) -> None:
    with audit.acting(ALICE) as outer:
        with audit.acting(BOB) as inner:
            log.note("a.b", "1")
        assert audit.current_actor() == ALICE
    assert (outer.recorded, inner.recorded) == (0, 1)
    assert audit.current_actor() == SYSTEM


def test_secrets_are_masked_however_deep(log: AuditService) -> None:
    change = {"rules": [{"password": "x", "userSecret": "y", "name": "z"}], "secret": None}
    log.note("resource.create", "r", after=change)
    (entry,) = entries(log)
    assert entry.after == {
        "rules": [{"password": MASK, "userSecret": MASK, "name": "z"}],
        "secret": None,
    }


def test_keys_and_passwords_in_addresses_are_masked_as_they_are_for_readers(
    log: AuditService,
) -> None:
    change = {"keyfile": {"file": "-----BEGIN"}, "url": "http://user:pass@there/x"}
    log.note("resource.update", "r", before=change)
    (entry,) = entries(log)
    assert entry.before == {"keyfile": MASK, "url": f"http://user:{MASK}@there/x"}


def test_what_no_database_stores_is_written_as_an_escape(log: AuditService) -> None:
    log.note("client.kick", "a\0\udc80" + "b" * 1_000, after={"x": "\0"})
    (entry,) = entries(log)
    assert entry.target.startswith("a\\u0000\\udc80b")
    assert (len(entry.target), entry.after) == (512, {"x": "\\u0000"})


def test_the_newest_come_first_in_pages(log: AuditService) -> None:
    for number in range(5):
        log.note("a.b", str(number))
    rows, total = log.list(AuditQuery(), 2, 2)
    assert ([row.target for row in rows], total) == (["2", "1"], 5)
    assert log.list(AuditQuery(), 4, 2) == ([], 5)
    assert log.list(AuditQuery(), 10**9, 0) == ([], 5)


@pytest.mark.parametrize(
    "wanted",
    [
        {"actor_kind": "user"},
        {"actor": "bob"},
        {"address": "192.0.2.2"},
        {"request_id": "r2"},
        {"action": "x.y"},
        {"target": "two"},
        {"target": "two", "gte_at_ms": 0, "lte_at_ms": 2**62},
    ],
)
def test_filters_narrow_the_list(log: AuditService, wanted: dict[str, object]) -> None:
    with audit.acting(ALICE):
        log.note("a.b", "one")
    with audit.acting(BOB):
        log.note("x.y", "two")
    assert [entry.target for entry in entries(log, **wanted)] == ["two"]


def test_entries_outside_a_time_are_left_out(log: AuditService) -> None:
    log.note("a.b", "one")
    assert entries(log, lte_at_ms=1) == entries(log, gte_at_ms=2**62) == []


def test_old_entries_are_swept(log: AuditService, clock: FakeClock) -> None:
    log.note("a.b", "one")
    clock.advance(DAY_S - 60)
    assert log.sweep_expired() == 0
    clock.advance(120)
    assert log.sweep_expired() == 1
    assert entries(log) == []


def test_parts_of_names_find_their_entries(log: AuditService) -> None:
    with audit.acting(ALICE):
        log.note("app.update", "reader")
    with audit.acting(BOB):
        log.note("client.kick", "sensor-7")
    assert [one.target for one in entries(log, like_actor="bo")] == ["sensor-7"]
    assert [one.target for one in entries(log, like_action="app.")] == ["reader"]
    assert [one.target for one in entries(log, like_target="sor-")] == ["sensor-7"]
    assert entries(log, like_target="reader", like_actor="bob") == []
