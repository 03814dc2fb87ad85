"""The dashboard over a cluster in memory, with users of every role."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

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
from app.services.metrics import MetricsService
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


MakeBrowser = Callable[[Path], AbstractContextManager[Browser]]


@pytest.fixture(scope="package")
def pages() -> tuple[Flask, SimpleNamespace]:
    """The application, and the services that it asks, which every test puts in anew.

    It is built once: to add 150 routes and to compile the templates takes longer than most tests.
    """

    def find(token: str) -> Any:
        return services.logins.find(token)

    services = SimpleNamespace(logins=SimpleNamespace(find=find))
    app = Flask(__name__, static_folder=None)
    register_dashboard(app, cast("Any", services), Settings(Path("nowhere")), b"k" * 32)
    return app, services


@pytest.fixture(scope="package")
def _quick_passwords() -> Iterator[None]:
    # Slow on purpose, which is none of what is tested here.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(1, 8, 1))
        yield


@pytest.fixture(scope="package")
def installed(_quick_passwords: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an instance that has a user of every role; tests work on copies."""
    folder = tmp_path_factory.mktemp("installed")
    database = Database(Settings(folder))
    Base.metadata.create_all(database.engine)
    users = _users(database, FakeClock())
    users.ensure_default()
    for role in ROLES:
        users.create({"username": role, "password": PASSWORD, "role": role})
    database.engine.dispose()
    return folder


@pytest.fixture(scope="package")
def make_browser(pages: tuple[Flask, SimpleNamespace], installed: Path) -> MakeBrowser:
    """Start a browser that nobody has logged in with, over services of its own.

    While there are several, the pages show the services of the last one; they end in the opposite order.
    """
    app, present = pages

    @contextmanager
    def made(folder: Path) -> Iterator[Browser]:
        shutil.copytree(installed, folder, dirs_exist_ok=True)
        before = vars(present).copy()
        with _services(folder) as (node, services, clock):
            vars(present).update(vars(services))
            yield Browser(app, node, present, clock, app.test_client())
        vars(present).clear()
        vars(present).update(before)

    return made


@pytest.fixture
def browser(make_browser: MakeBrowser, tmp_path: Path) -> Iterator[Browser]:
    """A browser that nobody has logged in with."""
    with make_browser(tmp_path) as made:
        yield made


def _users(database: Database, clock: FakeClock) -> UsersService:
    return UsersService(database, clock, ("admin", "public"))


@contextmanager
def _services(folder: Path) -> Iterator[tuple[FakeNode, SimpleNamespace, FakeClock]]:
    settings, clock = Settings(folder), FakeClock()
    database = Database(settings)
    gauges = dict.fromkeys(
        ("live_connections.count", "sessions.count", "subscriptions.count", "routes.count"), 1
    )
    node = FakeNode(
        client_records=[a_client(f"c{number}") for number in range(45)],
        stat_values=gauges | {"retained.count": 0},
    )
    nodes, users = FakeNodes(node), _users(database, clock)
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
        metrics=MetricsService(nodes),
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
    observing.add(services, database, clock, folder)
    engine = rule_node.add(services, nodes, database, clock, folder)
    keeping.add(services, database, clock, folder, nodes)
    yield node, services, clock
    engine.stop()
    database.engine.dispose()
