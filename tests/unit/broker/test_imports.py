"""The broker starts without the request world and without the database."""

from __future__ import annotations

import subprocess
import sys

FOREIGN = {"flask", "werkzeug", "sqlalchemy", "alembic", "marshmallow", "gunicorn"}
PROGRAM = """
import sys
import app.broker.broker
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_the_broker_loads_neither_web_framework_nor_database() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, check=True, text=True, timeout=60
    )
    assert not FOREIGN & set(done.stdout.split())
