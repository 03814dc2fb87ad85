"""Registered topics, traces and telemetry's switch, on every database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from app.clock import FakeClock
from app.models import AuditEntry, Database
from app.services.refusals import WordedError
from app.services.telemetry import TelemetryService
from app.services.topic_metrics import TopicMetricsService
from app.services.traces import TracesService
from tests.harness.fake_door import FakeDoor
from tests.harness.fake_nodes import NODE, FakeNodes
from tests.harness.playbook import Playbook

LONG = "level/" * 100 + "ü😀"


def audited(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def test_topics_are_kept_byte_by_byte(database: Database) -> None:
    door, clock = FakeDoor(), FakeClock()
    service = TopicMetricsService(database, door, clock)
    service.engine.start(door.playbook.core, service.stored(), 512)
    for topic in ("t", "T", "t ", LONG):
        service.register({"topic": topic})
        clock.advance(1)
    assert list(service.stored()) == ["t", "T", "t ", LONG]
    service.unregister("T")
    fresh = TopicMetricsService(database, door, clock)
    fresh.engine.start(Playbook().core, fresh.stored(), 512)
    assert list(fresh.list()) == ["t", "t ", LONG]
    service.unregister_all()
    assert list(service.stored()) == []
    assert audited(database) == [
        *["topic_metrics.create"] * 4,
        "topic_metrics.delete",
        "topic_metrics.delete_all",
    ]


def test_traces_are_kept_and_told_apart(database: Database, tmp_path: Path) -> None:
    door = FakeDoor()
    service = TracesService(database, door, FakeClock(), tmp_path / "trace", NODE)
    service.engine.start(door.playbook.core, service.stored(), 1_000_000)
    for name, clientid in (("t", "c"), ("T", "C"), ("long", LONG)):
        service.create({"name": name, "type": "clientid", "clientid": clientid})
    with pytest.raises(WordedError) as refused:
        service.create({"name": "other", "type": "clientid", "clientid": "c"})
    assert (refused.value.word, refused.value.message) == (
        "DUPLICATE_CONDITION",
        "tDuplication Condition",
    )
    assert [one.filter for one in service.stored() if one.name == "long"] == [LONG]
    service.stop("T")
    assert {one.name for one in service.stored()} == {"t", "long"}
    service.delete("t")
    service.delete_all()
    assert service.list() == []
    assert audited(database) == [
        *["trace.create"] * 3,
        "trace.stop",
        "trace.delete",
        "trace.delete_all",
    ]
    service.engine.stop()


def test_the_switch_of_telemetry_is_kept(database: Database) -> None:
    def service() -> TelemetryService:
        return TelemetryService(database, FakeNodes(), lambda: ([], []))

    assert not service().is_enabled()
    service().set_enabled({"enabled": True})
    assert service().is_enabled()
    service().set_enabled({"enabled": False})
    assert not service().is_enabled()
    assert audited(database) == ["telemetry.update"] * 2
