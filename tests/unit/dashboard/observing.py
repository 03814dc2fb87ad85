"""What pages show of a node that has no loop: stores and engines in memory, called where they are asked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from app.broker.metrics import Metrics
from app.broker.ports import StoredDelayed
from app.broker.retained import RetainedStore
from app.clock import Clock
from app.config import RetainerConfig
from app.errors import ResultCode, ServiceError
from app.models import Database
from app.node.pager import Pager, ReadBudget
from app.node.retained_pages import RetainedPages
from app.services.certificates import CertificatesService
from app.services.delayed import DelayedService
from app.services.diagnostics import Lag
from app.services.log_levels import LogLevelsService
from app.services.recent_log import RecentLog
from app.services.retained_tree import RetainedTreeService
from app.services.retainer import RetainerService
from app.services.slow_subscriptions import SlowSubscriptionsService
from app.services.topic_metrics import TopicMetricsService
from app.services.traces import TracesService
from tests.harness.fake_nodes import NODE


class HereDoor:
    """Calls at once what would be called on the loop."""

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


@dataclass
class FakeModules:
    """Which modules run."""

    active: set[str] = field(default_factory=set)

    def is_active(self, name: str) -> bool:
        return name in self.active

    def load(self, name: str) -> None:
        self.active.add(name)

    def list(self) -> tuple[()]:
        return ()

    def config(self, name: str) -> tuple[()]:
        raise ServiceError(ResultCode.NOT_FOUND, name)


class FakeDelayed(list[StoredDelayed]):
    """Messages that wait for ever."""

    def waiting(self, first: int, last: int) -> list[StoredDelayed]:
        return self[first:last]

    def find(self, message_id: str) -> StoredDelayed | None:
        return next((one for one in self if one.message.id == message_id), None)

    def cancel(self, message_id: str) -> bool:
        found = self.find(message_id)
        if found is not None:
            self.remove(found)
        return found is not None


class FakeDiagnostics:
    """Facts of no machine in particular."""

    def versions(self) -> dict[str, str]:
        return {"Godwit": "1.2.3", "Python": "3.11.2"}

    def form(self) -> str:
        return "The hot modules run in their compiled form"

    def is_compiled(self) -> bool:
        return True

    def lag(self) -> Lag:
        return Lag(0.1, 0.4)

    def storage(self) -> dict[str, int]:
        return {"groups": 3, "failures": 1}

    def vm(self) -> dict[str, dict[str, object]]:
        return {
            "memory": {"total": 90_000_000, "peak": 95_000_000},
            "process": {"threads": 12},
            "io": {"max_fds": 1024, "active_fds": 10},
        }

    def database(self) -> dict[str, Any]:
        url = "sqlite:///godwit.db"
        return {
            "backend": "sqlite",
            "version": "3.40",
            "url": url,
            "size": 8192,
            "schema": "0007",
            "tables": {"rules": 2},
        }

    def recon(self) -> dict[str, Any]:
        return {
            "tasks": {"serve": 2},
            "gc": [{"generation": 0, "waiting": 5, "collections": 7, "collected": 3}],
            "threads": ["MainThread", "broker"],
            "hooks": {"client.connected": ["emqx_mod_presence"], "client.connack": []},
        }

    def bundle(self) -> bytes:
        return b"PK\x05\x06" + bytes(18)


def add(services: Any, database: Database, clock: Clock, folder: Path) -> None:
    """Give services what looks at a node closely."""
    door: Any = HereDoor()
    store = RetainedStore(RetainerConfig(), Metrics(), clock)
    delayed = FakeDelayed()
    services.store, services.waiting = store, delayed
    services.modules = FakeModules()
    services.observers = SimpleNamespace(
        topic_metrics=TopicMetricsService(database, door, clock),
        slow_subscriptions=SlowSubscriptionsService(door, NODE),
        traces=TracesService(database, door, clock, folder / "trace", NODE),
    )
    pages = RetainedPages(door, Pager(100, ReadBudget(1.0, Metrics())), store)
    services.operation.retainer = RetainerService(store, pages, door, services.audit)
    services.operation.delayed = DelayedService(cast("Any", delayed), door, services.audit)
    services.operation.log_levels = LogLevelsService(services.audit)
    log = RecentLog()
    log.handle(
        logging.makeLogRecord(
            {"name": "app", "msg": "Somebody said this", "levelno": 20, "levelname": "INFO"}
        )
    )
    services.insight = SimpleNamespace(
        log=log,
        certificates=CertificatesService(()),
        retained=RetainedTreeService(store, door, services.audit),
        diagnostics=FakeDiagnostics(),
    )
