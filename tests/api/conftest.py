"""The management API over a cluster in memory, with applications and bans in a database of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app.api import register_api
from app.broker.metrics import Metrics
from app.broker.records import RouteRecord, SubscriptionRecord
from app.clock import FakeClock
from app.config import ManagementSettings, Settings
from app.local_login import LocalLogin
from app.models import Base, Database
from app.node.pager import Pager, ReadBudget
from app.node.retained_pages import RetainedPages
from app.secret_box import SecretBox
from app.services import Services
from app.services.acl_file import AclFileService
from app.services.apps import AppsService
from app.services.audit import AuditService
from app.services.backups import BackupsService
from app.services.banned import BannedService
from app.services.clients import ClientsService
from app.services.configs import ConfigsService
from app.services.control import ControlService
from app.services.dashboard_logins import DashboardLogins
from app.services.data import DataServices
from app.services.explain import ExplainService
from app.services.extension_services import ExtensionServices
from app.services.history import HistoryService
from app.services.insight import Asked, Insight
from app.services.login_limits import LoginLimits
from app.services.observers import Observers
from app.services.operation import Operation, Stores
from app.services.rule_engine import RuleServices
from app.services.users import UsersService
from tests.harness.fake_door import FakeDoor
from tests.harness.fake_nodes import NODE, FakeNode, FakeNodes, a_client
from tests.harness.loop_door import LoopDoor

GAUGES = (
    "connections",
    "live_connections",
    "channels",
    "sessions",
    "sessions.persistent",
    "topics",
    "routes",
    "suboptions",
    "subscribers",
    "subscriptions",
    "subscriptions.shared",
    "retained",
    "delayed",
    "resources",
)


class Api:
    """A caller with credentials; `json` are the decoded answers."""

    def __init__(self, app: Flask, node: FakeNode, services: Services) -> None:
        self.app = app
        self.services = services
        self.node = node
        self.client: FlaskClient = app.test_client()

    def ask(self, method: str, path: str, **options: Any) -> TestResponse:
        options.setdefault("auth", ("admin", "public"))
        options.setdefault("base_url", "http://localhost")
        return self.client.open(path, method=method, **options)

    def get(self, path: str, **options: Any) -> Any:
        return self._decoded("GET", path, options)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self._decoded("POST", path, {"json": body, **options})

    def put(self, path: str, body: Any = None, **options: Any) -> Any:
        return self._decoded("PUT", path, {"json": body, **options})

    def delete(self, path: str, **options: Any) -> Any:
        return self._decoded("DELETE", path, options)

    def _decoded(self, method: str, path: str, options: dict[str, Any]) -> Any:
        answer = self.ask(method, "/api/v4" + path, **options)
        assert (answer.status_code, answer.content_type) == (200, "application/json"), answer.data
        return answer.json


@pytest.fixture(scope="session", autouse=True)
def _rules_compiled_once() -> Iterator[None]:
    # Werkzeug compiles Python code for every rule, and every test has an application of its own with the same rules.
    compiled: dict[tuple[object, ...], Any] = {}
    compile_anew = Rule._compile_builder

    def compile_once(rule: Rule, append_unknown: bool = True) -> Any:
        key = (rule.rule, rule.host, rule.subdomain, repr(rule.defaults), append_unknown)
        if key not in compiled:
            compiled[key] = compile_anew(rule, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_once)
        yield


@pytest.fixture
def node() -> FakeNode:
    """A node with two clients and their subscriptions."""
    return FakeNode(
        client_records=[
            a_client("c1", username="u1", subscriptions_cnt=2),
            a_client("site/1 ü", connected=False, disconnected_at_ms=1_700_000_100_000),
        ],
        subscription_records=[
            SubscriptionRecord(NODE, "c1", "a/b/c", 1),
            SubscriptionRecord(NODE, "c1", "$share/g/a/+", 0, "g"),
        ],
        route_records=[RouteRecord("a/b/c", NODE), RouteRecord("a/+", NODE)],
        metric_values=Metrics().snapshot(),
        stat_values={f"{name}.{end}": 0 for name in GAUGES for end in ("count", "max")},
    )


@pytest.fixture
def clock() -> FakeClock:
    """The clock of applications and bans."""
    return FakeClock()


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder after its first start; tests work on copies, which is quicker than starting."""
    folder = tmp_path_factory.mktemp("installed")
    database = Database(Settings(instance_dir=folder))
    Base.metadata.create_all(database.engine)
    _apps(database, folder, FakeClock()).ensure_default()
    UsersService(database, FakeClock(), ("admin", "public")).ensure_default()
    database.engine.dispose()
    return folder


@pytest.fixture
def management() -> ManagementSettings:
    """The settings of the API; a test that needs others names them."""
    return ManagementSettings()


@pytest.fixture
def api(
    node: FakeNode,
    clock: FakeClock,
    installed: Path,
    tmp_path: Path,
    management: ManagementSettings,
) -> Iterator[Api]:
    """The API over that node."""
    shutil.copytree(installed, tmp_path, dirs_exist_ok=True)
    settings = Settings(instance_dir=tmp_path, management=management)
    database = Database(settings)
    nodes = FakeNodes(node)
    banned = BannedService(database, nodes, clock)
    audit = AuditService(database, clock, settings.management)
    apps = _apps(database, tmp_path, clock)
    data = DataServices.over(database, SecretBox(tmp_path), clock, NODE, settings.management)
    data.keep_copies_current(apps, banned)
    door = FakeDoor()
    extensions = ExtensionServices.over(nodes, door, database, SecretBox(tmp_path), clock, settings)
    loop_door = LoopDoor()
    rules = RuleServices.over(nodes, loop_door, database, SecretBox(tmp_path), clock, tmp_path)
    rules.join(extensions.states, data)
    extensions.states.load_at_start()
    users = UsersService(database, clock, ("admin", "public"))
    configs = ConfigsService(database, clock, settings, {})
    core = door.playbook.core
    pages = RetainedPages(door, Pager(100, ReadBudget(1.0, core.metrics)), core.retained)
    stores = Stores(core.retained, core.delayed, pages)
    local = LocalLogin(tmp_path, NODE, ["http://127.0.0.1:8081"])
    operation = Operation.over(nodes, door, stores, database, audit, local)
    asked = Asked(audit, operation.machine, extensions.plugins, configs)
    services = Services.over(
        nodes,
        apps=apps,
        banned=banned,
        audit=audit,
        configs=configs,
        data=data,
        users=users,
        logins=DashboardLogins(database, users, clock),
        plugins=extensions.plugins,
        modules=extensions.modules,
        credentials=extensions.credentials,
        acl_rules=extensions.acl_rules,
        sasl=extensions.sasl,
        history=HistoryService(database, nodes, clock, 10),
        login_limits=LoginLimits(settings.management, clock, Metrics()),
        observers=Observers.over(nodes, door, database, clock, tmp_path, extensions.states),
        rules=rules.rules,
        resources=rules.resources,
        operation=operation,
        insight=Insight.over(nodes, door, stores.retained, settings, asked),
        backups=BackupsService(tmp_path, audit, clock),
        acl_file=_acl_file(nodes, extensions, audit),
    )
    app = Flask(__name__, static_folder=None)
    register_api(app, services, settings)
    yield Api(app, node, services)
    services.rules.stop()
    loop_door.close()
    database.engine.dispose()


def _acl_file(
    nodes: FakeNodes, extensions: ExtensionServices, audit: AuditService
) -> AclFileService:
    explain, clients, control = ExplainService(nodes), ClientsService(nodes), ControlService(nodes)
    return AclFileService(extensions.states, audit, explain, clients, control)


def _apps(database: Database, folder: Path, clock: FakeClock) -> AppsService:
    return AppsService(database, SecretBox(folder), clock, ("admin", "public"))
