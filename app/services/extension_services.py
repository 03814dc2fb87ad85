"""Plugins and modules as one part of the services, wired to the node and to the tables that some of them work on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.clock import Clock
from app.config import Settings
from app.models import Database
from app.node.extensions import NodeExtensions
from app.node.proxy import Nodes
from app.plugins.auth_mnesia import MnesiaTables
from app.plugins.auth_mnesia.tables import Login
from app.plugins.catalogue import own_extensions
from app.plugins.registry import Registry, installed_plugins
from app.plugins.sasl import Sasl, SaslTables
from app.secret_box import SecretBox
from app.services.acl_rules import AclRulesService
from app.services.credentials import CredentialsService
from app.services.extensions import Extensions
from app.services.modules import ModulesService
from app.services.plugins import PluginsService
from app.services.sasl import SaslService


@dataclass(frozen=True, slots=True)
class ExtensionServices:
    """What the calls about plugins and modules work with, and those of the plugins that keep users."""

    states: Extensions
    plugins: PluginsService
    modules: ModulesService
    credentials: CredentialsService
    acl_rules: AclRulesService
    sasl: SaslService

    @classmethod
    def over(
        cls,
        nodes: Nodes,
        door: NodeExtensions,
        database: Database,
        box: SecretBox,
        clock: Clock,
        settings: Settings,
    ) -> ExtensionServices:
        """Make them.

        Args:
            nodes: The nodes, of which this one runs the extensions.
            door: The way to them.
            database: Where their states are.
            box: What their parameters are sealed with.
            clock: Tells when logins and rules were made.
            settings: Of these, the parameters of extensions, and where files of the operator are.
        """
        tables = MnesiaTables()
        credentials = CredentialsService(database, door.call, tables, clock)
        acl_rules = AclRulesService(database, door.call, tables, clock)
        sasl_tables = SaslTables()
        sasl = SaslService(database, door.call, sasl_tables, clock)

        def fill(seeds: Mapping[Login, bytes], algorithm: str) -> None:
            credentials.fill()
            acl_rules.fill()
            credentials.sow(seeds, algorithm)

        registry = Registry(own_extensions(tables, fill, settings.instance_dir))
        registry.add(Sasl(sasl_tables, sasl.fill, box.key_for("salts of unknown users")))
        for plugin in installed_plugins():
            registry.add(plugin)
        extensions = Extensions(
            database, box, door, registry, nodes.local.name, settings.extensions
        )
        return cls(
            extensions,
            PluginsService(nodes, extensions),
            ModulesService(nodes, extensions),
            credentials,
            acl_rules,
            sasl,
        )
