"""The dashboard over a cluster in memory, with users of every role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.broker.metrics import Metrics
from app.clock import FakeClock
from app.config import Settings
from app.dashboard import register_dashboard
from app.models import Base, Database
from app.services import passwords
from app.services.alarms import AlarmsService
from app.services.audit import AuditService
from app.services.banned import BannedService
from app.services.client_story import ClientStoryService
from app.services.clients import ClientsService
from app.services.control import ControlService
from app.services.dashboard_logins import DashboardLogins
from app.services.history import HistoryService
from app.services.listeners import ListenersService
from app.services.login_limits import LoginLimits
from app.services.nodes import NodesService
from app.services.pubsub import PubSubService
from app.services.routes import RoutesService
from app.services.stats import StatsService
from app.services.subscriptions import SubscriptionsService
from app.services.users import UsersService
from tests.harness.fake_nodes import FakeNode, FakeNodes, a_client
from tests.unit.dashboard import keeping, observing, rule_node

PASSWORD = "good-enough-1"
ROLES = ("administrator", "operator", "viewer")
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Browser:
    """Somebody at the dashboard; forms are sent with the token that the last page brought."""

    app: Flask
    node: FakeNode
    services: Any
    clock: FakeClock
    client: FlaskClient
    token: str = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        answer = self.client.get(f"/dashboard{path}", **options)
        found = _TOKEN.search(answer.text) if answer.mimetype == "text/html" else None
        self.token = found[1] if found else self.token
        return answer

    def post(self, path: str, form: dict[str, str] | None = None, **options: Any) -> TestResponse:
        sent = {"csrf_token": self.token, **(form or {})}
        return self.client.post(f"/dashboard{path}", data=sent, **options)

    def log_in(self, username: str, password: str = PASSWORD, **options: Any) -> TestResponse:
        self.get("/login")
        answer = self.post("/login", {"username": username, "password": password}, **options)
        if answer.status_code == 303:
            self.get("/account")
        return answer

    def another(self) -> Browser:
        return Browser(self.app, self.node, self.services, self.clock, self.app.test_client())


@pytest.fixture
def browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """A browser that nobody has logged in with."""
    # Slow on purpose, which is none of what is tested here.
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))
    settings, clock = Settings(tmp_path), FakeClock()
    database = Database(settings)
    Base.metadata.create_all(database.engine)
    gauges = dict.fromkeys(
        ("live_connections.count", "sessions.count", "subscriptions.count", "routes.count"), 1
    )
    node = FakeNode(
        client_records=[a_client(f"c{number}") for number in range(45)],
        stat_values=gauges | {"retained.count": 0},
    )
    nodes = FakeNodes(node)
    users = UsersService(database, clock, ("admin", "public"))
    users.ensure_default()
    for role in ROLES:
        users.create({"username": role, "password": PASSWORD, "role": role})
    machine = SimpleNamespace(vm=lambda: {"io": {"max_fds": 1024, "active_fds": 10}})
    services = SimpleNamespace(
        users=users,
        logins=DashboardLogins(database, users, clock),
        login_limits=LoginLimits(settings.management, clock, Metrics()),
        audit=AuditService(database, clock, settings.management),
        banned=BannedService(database, nodes, clock),
        clients=ClientsService(nodes),
        nodes=NodesService(nodes),
        stats=StatsService(nodes),
        alarms=AlarmsService(nodes),
        history=HistoryService(database, nodes, clock, 10),
        client_story=ClientStoryService(nodes),
        control=ControlService(nodes),
        listeners=ListenersService(nodes),
        pubsub=PubSubService(nodes),
        routes=RoutesService(nodes),
        subscriptions=SubscriptionsService(nodes),
        operation=SimpleNamespace(machine=machine),
    )
    observing.add(services, database, clock, tmp_path)
    engine = rule_node.add(services, nodes, database, clock, tmp_path)
    keeping.add(services, database, clock, tmp_path, nodes)
    app = Flask(__name__, static_folder=None)
    register_dashboard(app, services, settings, b"k" * 32)
    yield Browser(app, node, services, clock, app.test_client())
    engine.stop()
    database.engine.dispose()
