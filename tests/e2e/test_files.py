"""What a node writes is for its owner alone, whatever the umask of whoever started it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.harness.node import NodeProcess


def test_files_of_an_instance_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        node = NodeProcess(tmp_path)
        # As an operator may have made it; what is in it is the node's.
        node.instance.chmod(0o755)
        with node:
            node.stop()
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in node.instance.rglob("*")}
    assert {"godwit.db", "broker.db", "node.lock"} <= modes.keys()
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}
