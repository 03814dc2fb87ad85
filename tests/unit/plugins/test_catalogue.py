"""A node loads the drivers of those servers only that it asks or fills."""

from __future__ import annotations

import subprocess
import sys

DRIVERS = {"aiohttp", "aiokafka", "aiormq", "asyncmy", "bson", "psycopg", "pymongo", "redis"}
PROGRAM = """
import sys
import app.api.registration
import app.dashboard
import app.plugins.catalogue
import app.services.extension_services
import app.services.rule_engine
import app.storage.store
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_knowing_all_plugins_and_actions_loads_no_driver() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True, timeout=60
    )
    assert not DRIVERS & set(done.stdout.split())
