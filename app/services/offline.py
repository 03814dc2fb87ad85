"""Importing into a database whose node does not run: what the command line works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.clock import SystemClock
from app.config import Settings
from app.models import Database, DatabaseError
from app.secret_box import SecretBox
from app.services import audit
from app.services.data_files import DocumentLimits, read_document
from app.services.data_import import LOGIN_TYPE, Difference, ImportService


class OfflineError(Exception):
    """The database cannot be used; the text is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class OfflineImports:
    """Imports, and notes of them, over one open database."""

    database: Database
    imports: ImportService
    limits: DocumentLimits

    def import_file(self, path: Path, login_type: str | None, *, dry_run: bool) -> Difference:
        """Import an export file of EMQX 4, all of it or nothing.

        Args:
            path: The file.
            login_type: clientid or username: what logins of the form before 4.3 are.
            dry_run: Whether to tell the difference only.

        Raises:
            OSError: The file cannot be read.
            ServiceError: It is no document, or cannot be imported.
        """
        with path.open("rb") as file:
            content = file.read(self.limits.max_size + 1)
        document = read_document(content, self.limits)
        env = {} if login_type is None else {LOGIN_TYPE: login_type}
        return self.imports.run(document, source=path.name, env=env, dry_run=dry_run)

    def note(self, action: str, target: str, after: object) -> None:
        """Write into the audit log what changes no table."""
        with self.database.session() as session:
            audit.record(session, action, target, after=after)


@contextmanager
def offline_imports(settings: Settings) -> Iterator[OfflineImports]:
    """Give imports over the database of these settings; it has all tables of this version.

    Raises:
        OfflineError: The database cannot be used.
        SecretBoxError: The instance's key cannot be used.
    """
    box = SecretBox(settings.instance_dir, settings.node.secret_key)
    try:
        database = Database(settings)
    except DatabaseError as error:
        raise OfflineError(str(error)) from None
    management = settings.management
    limits = DocumentLimits(
        management.data_max_size, management.data_max_depth, management.data_max_values
    )
    try:
        yield OfflineImports(database, ImportService(database, box, SystemClock()), limits)
    finally:
        database.close()
