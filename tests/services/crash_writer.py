"""A process that commits applications and bans until it is killed, and says which of them are committed.

Usage: crash_writer.py INSTANCE_FOLDER FIRST_NUMBER
"""

from __future__ import annotations

import itertools
import sys
from collections import deque
from pathlib import Path
from typing import cast

from app.broker.records import BanRecord
from app.clock import SystemClock
from app.config import Settings
from app.models import Database, migrate
from app.node.proxy import Nodes
from app.secret_box import SecretBox
from app.services.apps import AppsService
from app.services.banned import BannedService


class DeafNode:
    """A node that has nobody to ban."""

    @property
    def local(self) -> DeafNode:
        return self

    def ban(self, _record: BanRecord) -> None:
        pass

    def made_bans(self) -> deque[BanRecord]:
        return deque()


def main(instance_dir: Path, first: int) -> None:
    settings = Settings(instance_dir)
    migrate(settings)
    database = Database(settings)
    apps = AppsService(database, SecretBox(instance_dir), SystemClock(), ("admin", "public"))
    banned = BannedService(database, cast("Nodes", DeafNode()), SystemClock())
    for number in itertools.count(first):
        apps.create({"app_id": f"app{number}", "name": "", "secret": str(number), "status": True})
        banned.create({"who": f"client{number}", "as": "clientid", "until": "infinity"})
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
