"""`flask godwit …` does its work beside a running node, or without one; it starts none itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).parents[2]


def test_a_command_of_flask_starts_no_node(tmp_path: Path) -> None:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("GODWIT_")}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "godwit", "config-docs"],
        cwd=HOUSE,
        env={**environ, "GODWIT_INSTANCE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Configuration")
    assert not (tmp_path / "node.lock").exists()
