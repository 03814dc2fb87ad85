"""Export files, exporting and importing as one part of the services, wired to those who keep copies of tables."""

from __future__ import annotations

from dataclasses import dataclass

from app.clock import Clock
from app.config import ManagementSettings
from app.models import Database
from app.secret_box import SecretBox
from app.services.acl_rules import AclRulesService
from app.services.apps import AppsService
from app.services.banned import BannedService
from app.services.credentials import CredentialsService
from app.services.data_files import DataFilesService, DocumentLimits
from app.services.data_import import ImportService
from app.services.data_sections import ACL, APPS, BLACKLIST, CREDENTIALS
from app.services.export import ExportService


@dataclass(frozen=True, slots=True)
class DataServices:
    """What `/api/v4/data` and the command line work with."""

    files: DataFilesService
    export: ExportService
    imports: ImportService

    @classmethod
    def over(
        cls,
        database: Database,
        box: SecretBox,
        clock: Clock,
        node: str,
        settings: ManagementSettings,
    ) -> DataServices:
        """Make them; `node` is the name that files are stored under."""
        limits = DocumentLimits(
            settings.data_max_size, settings.data_max_depth, settings.data_max_values
        )
        files = DataFilesService(database, clock, node, limits)
        return cls(
            files,
            ExportService(database, box, clock, files),
            ImportService(database, box, clock),
        )

    def keep_copies_current(self, apps: AppsService, banned: BannedService) -> None:
        """Have those told of imports who keep copies of what is imported."""
        self.imports.when_changed(APPS, lambda _keys: apps.reload())
        self.imports.when_changed(BLACKLIST, banned.apply_stored)

    def keep_extensions_current(
        self, credentials: CredentialsService, acl_rules: AclRulesService
    ) -> None:
        """Have `emqx_auth_mnesia` told of imports of what it works on."""
        self.imports.when_changed(CREDENTIALS, credentials.apply_stored)
        self.imports.when_changed(ACL, acl_rules.apply_stored)
