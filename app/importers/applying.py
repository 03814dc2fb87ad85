"""Writing what an importer planned: logins and rules in one transaction, then files and settings of the instance.

Everything is tried before anything is written. The node does not run meanwhile.
"""

from __future__ import annotations

from pathlib import Path

from app.clock import SystemClock
from app.importers.plan import ImportPlan, ImportRefusedError
from app.importers.settings_file import merge
from app.plugins.acl_internal.module import SHIPPED_RULES
from app.services.offline import OfflineImports


def check(plan: ImportPlan, instance_dir: Path, origin: str) -> None:
    """Try what a plan would write.

    Raises:
        ImportRefusedError: A file of the instance says something else already.
        SettingsError: The settings would stop the next start.
    """
    merge(instance_dir, plan.settings, origin, write=False)
    for name, text in plan.files.items():
        path = instance_dir / name
        if path.exists() and path.read_text("utf-8") not in (SHIPPED_RULES, text):
            raise ImportRefusedError(
                f"Move {path} away: it is there already and says other things."
            )


def apply(plan: ImportPlan, imports: OfflineImports, instance_dir: Path, origin: str) -> None:
    """Write what a plan holds; settings that godwit.toml has stay as they are there.

    Raises:
        ImportRefusedError, SettingsError: As `check`; nothing was written.
        ServiceError: A login or rule cannot be kept; nothing was written.
    """
    check(plan, instance_dir, origin)
    if plan.logins or plan.rules:
        imports.imports.run(plan.document(SystemClock.wall_ms()), source=origin)
    changed = {"settings": sorted(plan.settings), "files": sorted(plan.files)}
    imports.note("settings.import", origin, changed)
    for name, text in plan.files.items():
        draft = instance_dir / f"{name}.new"
        draft.write_text(text, "utf-8")
        draft.replace(instance_dir / name)
    merge(instance_dir, plan.settings, origin, write=True)
