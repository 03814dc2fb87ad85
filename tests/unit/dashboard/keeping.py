"""What the pages of access control and administration show: real services over the test's own database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from app.clock import Clock
from app.config import Settings
from app.models import Database
from app.secret_box import SecretBox
from app.services.acl_file import AclFileService
from app.services.apps import AppsService
from app.services.backups import BackupsService
from app.services.configs import ConfigsService
from app.services.data import DataServices
from app.services.explain import ExplainService
from app.services.extension_services import ExtensionServices
from tests.harness.fake_door import FakeDoor
from tests.harness.fake_nodes import NODE, FakeNodes

HOOKS = {
    "client.authenticate": ["emqx_auth_http", "emqx_auth_mnesia"],
    "client.check_acl": ["emqx_auth_mnesia", "emqx_mod_acl_internal"],
}
NO_BACKUP = "print('Error: nobody makes backups here'); raise SystemExit(1)"
RULES = '%% Who may what.\n{allow, {user, "u1"}, pubsub, ["a/#"]}.\n{deny, all}.\n'


def add(services: Any, database: Database, clock: Clock, folder: Path, nodes: FakeNodes) -> None:
    """Give services what keeps users, rules, applications and files."""
    settings, box = Settings(folder), SecretBox(folder)
    extensions = ExtensionServices.over(nodes, FakeDoor(), database, box, clock, settings)
    services.credentials = extensions.credentials
    services.acl_rules = extensions.acl_rules
    services.sasl = extensions.sasl
    services.apps = AppsService(database, box, clock, ("admin", "public"))
    services.configs = ConfigsService(database, clock, settings, {})
    services.explain = ExplainService(nodes)
    services.data = DataServices.over(database, box, clock, NODE, settings.management)
    services.reloaded = []
    (folder / "acl.conf").write_text(RULES, "utf-8")
    services.acl_file = AclFileService(
        extensions.states, services.audit, services.explain, services.clients, services.control
    )
    services.backups = BackupsService(
        folder, services.audit, clock, (sys.executable, "-c", NO_BACKUP)
    )
    services.modules.reload = services.reloaded.append
    if not hasattr(services, "plugins"):
        services.plugins = extensions.plugins
    services.plugins.recon = lambda: {"hooks": HOOKS}
