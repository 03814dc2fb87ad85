"""Godwit: an MQTT platform with EMQX's management API, in one process.

`create_app` is the composition root: the only place that knows everybody. It makes the parts and hands each what it
may know; nothing is looked up through globals afterwards. It starts nothing: `extensions["godwit"].start()` does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app import compiled_form

if TYPE_CHECKING:
    from flask import Flask

    from app.clock import Clock
    from app.config import Settings
    from app.models.database import Database
    from app.node import Node
    from app.secret_box import SecretBox
    from app.service_manager import Held
    from app.services import Services
    from app.services.acl_file import AclFileService
    from app.services.audit import AuditService
    from app.services.backups import BackupsService
    from app.services.extensions import Extensions
    from app.services.housekeeping import Chore, Housekeeping
    from app.services.operation import Operation

# Before any of the hot modules is imported.
compiled_form.install()
NOTHING_HELD: Held = {}


@dataclass(frozen=True, slots=True)
class Godwit:
    """The parts of one node, and their life."""

    settings: Settings
    database: Database
    node: Node
    services: Services
    housekeeping: Housekeeping

    def start(self, held: Held = NOTHING_HELD) -> None:
        """Start the broker.

        Args:
            held: Listening sockets that a service manager holds.

        Raises:
            StartError: it cannot be; the text says what to do.
        """
        self.services.apps.ensure_default()
        self.services.users.ensure_default()
        self.services.configs.apply_stored()
        self.services.insight.log.start()
        self.node.adopt_sockets(held)
        self.node.start()
        self.services.operation.local_login.publish()
        self.housekeeping.start()

    def stop(self) -> None:
        """Stop everything. Doing it twice is no error."""
        self.housekeeping.stop()
        self.services.operation.local_login.withdraw()
        self.node.stop()
        self.services.insight.log.stop()
        self.database.close()


def create_app(settings: Settings) -> Flask:
    """Make the WSGI application and the node behind it."""
    # Imported here so that `import app.mqtt` or `app.broker` loads neither web framework nor database.
    from flask import Flask

    from app.api import register_api
    from app.cli import godwit
    from app.clock import SystemClock
    from app.dashboard import register_dashboard
    from app.models.database import Database
    from app.node import Node
    from app.node.http_listeners import HttpListeners
    from app.secret_box import SecretBox
    from app.services.housekeeping import Housekeeping
    from app.startup import LOCK_FILE, InstanceLock
    from app.storage.store import storage_for

    clock = SystemClock()
    database = Database(settings)
    http_listeners = HttpListeners(
        settings.management.listeners,
        settings.dashboard.listeners,
        settings.management.request_threads,
    )
    node = Node(
        settings.broker,
        settings.node,
        clock,
        http_listeners,
        InstanceLock(settings.instance_dir / LOCK_FILE),
        storage_for(settings.storage, settings.storage_url, clock),
    )
    box = SecretBox(settings.instance_dir, settings.node.secret_key)
    services = _services(settings, node, database, clock, box)
    app = Flask(__name__, static_folder=None)
    register_api(app, services, settings)
    register_dashboard(app, services, settings, box.key_for("cookies of the dashboard"))
    app.cli.add_command(godwit)
    wrapped = http_listeners.wrap(node.request_budget.wrap(app.wsgi_app))
    app.wsgi_app = wrapped  # type: ignore[method-assign, assignment]
    housekeeping = Housekeeping(_chores(settings, services))
    app.extensions["godwit"] = Godwit(settings, database, node, services, housekeeping)
    return app


def _chores(settings: Settings, services: Services) -> list[Chore]:
    """Return what the housekeeping thread does."""
    from app.services import modules
    from app.services.housekeeping import Chore

    chores = [
        Chore(services.banned.sweep_expired),
        Chore(services.audit.sweep_expired),
        Chore(services.logins.sweep_expired),
        Chore(services.modules.read_changed, modules.LOOK_EVERY_S),
    ]
    if settings.management.history:
        chores.append(Chore(services.history.sample, settings.management.history_interval_s))
        chores.append(Chore(services.history.sweep_expired))
    return chores


def _services(
    settings: Settings, node: Node, database: Database, clock: Clock, box: SecretBox
) -> Services:
    """Make the services, and tell the node where its lists come from."""
    from app.services import Services
    from app.services.apps import AppsService
    from app.services.audit import AuditService
    from app.services.banned import BannedService
    from app.services.configs import ConfigsService
    from app.services.dashboard_logins import DashboardLogins
    from app.services.data import DataServices
    from app.services.data_sections import USERS
    from app.services.extension_services import ExtensionServices
    from app.services.history import HistoryService
    from app.services.insight import Asked, Insight
    from app.services.login_limits import LoginLimits
    from app.services.observers import Observers
    from app.services.rule_engine import RuleServices
    from app.services.users import UsersService

    of_api = settings.management
    default = of_api.default_application_id, of_api.default_application_secret
    apps = AppsService(database, box, clock, default)
    banned = BannedService(database, node, clock)
    node.load_bans = banned.load_all
    audit = AuditService(database, clock, settings.management)
    data = DataServices.over(database, box, clock, settings.broker.node_name, settings.management)
    data.keep_copies_current(apps, banned)
    at_first = settings.dashboard.default_user_login, settings.dashboard.default_user_password
    users = UsersService(database, clock, at_first)
    data.imports.when_changed(USERS, lambda _keys: users.forget())
    extensions = ExtensionServices.over(node, node.extensions, database, box, clock, settings)
    node.load_extensions = extensions.states.load_at_start
    data.keep_extensions_current(extensions.credentials, extensions.acl_rules)
    observers = Observers.over(
        node, node.extensions, database, clock, settings.instance_dir, extensions.states
    )
    rules = RuleServices.over(node, node.extensions, database, box, clock, settings.instance_dir)
    rules.join(extensions.states, data)
    # To the last message that is acknowledged, rules hear of all.
    node.before_end = rules.rules.stop
    configs = ConfigsService(database, clock, settings, os.environ)
    configs.on_change = node.settings_changed
    operation = _operation(settings, node, database, audit)
    asked = Asked(audit, operation.machine, extensions.plugins, configs)
    return Services.over(
        node,
        apps=apps,
        banned=banned,
        audit=audit,
        configs=configs,
        data=data,
        backups=_backups(settings, audit, clock),
        users=users,
        plugins=extensions.plugins,
        modules=extensions.modules,
        credentials=extensions.credentials,
        acl_rules=extensions.acl_rules,
        acl_file=_acl_file(node, extensions.states, audit),
        sasl=extensions.sasl,
        history=HistoryService(database, node, clock, settings.management.history_interval_s),
        logins=DashboardLogins(database, users, clock),
        login_limits=LoginLimits(settings.management, clock, node.request_budget.metrics),
        observers=observers,
        rules=rules.rules,
        resources=rules.resources,
        operation=operation,
        insight=Insight.over(node, node.extensions, node.retained, settings, asked),
    )


def _backups(settings: Settings, audit: AuditService, clock: Clock) -> BackupsService:
    """Make what keeps backups on this node's disk."""
    from app.services.backups import BackupsService

    return BackupsService(settings.instance_dir, audit, clock)


def _acl_file(node: Node, extensions: Extensions, audit: AuditService) -> AclFileService:
    """Make what shows and replaces the file of access rules."""
    from app.services.acl_file import AclFileService
    from app.services.clients import ClientsService
    from app.services.control import ControlService
    from app.services.explain import ExplainService

    explain, clients, control = ExplainService(node), ClientsService(node), ControlService(node)
    return AclFileService(extensions, audit, explain, clients, control)


def _operation(
    settings: Settings, node: Node, database: Database, audit: AuditService
) -> Operation:
    """Make what `godwit ctl` asks for, and tell it where the API answers on this machine."""
    from app.local_login import LocalLogin
    from app.loopback import local_url
    from app.services.operation import Operation, Stores

    urls = [url for at in settings.management.listeners if (url := local_url(at.host, at.port))]
    login = LocalLogin(settings.instance_dir, settings.broker.node_name, urls)
    stores = Stores(node.retained, node.delayed, node.retained_pages)
    return Operation.over(node, node.extensions, stores, database, audit, login)
