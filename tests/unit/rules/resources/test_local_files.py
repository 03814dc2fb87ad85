"""Files of resources are below one folder, whatever they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.rules.errors import BadArguments
from app.rules.resources.base import ResourceSpec, ResourceType
from app.rules.resources.local_files import BACKEND_FILE, BACKEND_SQLITE
from tests.harness.playbook import Playbook

NO_PATHS = ("../x", "/etc/passwd", "a/b", "..", ".", "", ".hidden", "a\0b", "a\nb", "-x", "\u00e9")
NO_NAMES = (*NO_PATHS, "x.log.1", "x.db-wal", "x.db-journal", "a" * 200)


def made(kind: ResourceType, folder: Path, **config: Any) -> None:
    spec = ResourceSpec("r", kind.name, kind.checked(config), folder)
    kind.make(spec, Playbook().core)._file.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [BACKEND_FILE, BACKEND_SQLITE], ids=lambda kind: kind.name)
@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_is_none_is_refused(kind: ResourceType, name: str, tmp_path: Path) -> None:
    with pytest.raises(BadArguments):
        made(kind, tmp_path, file=name)


@pytest.mark.parametrize("kind", [BACKEND_FILE, BACKEND_SQLITE], ids=lambda kind: kind.name)
def test_a_plain_name_is_taken(kind: ResourceType, tmp_path: Path) -> None:
    made(kind, tmp_path, file="rules_2024-01.v2.data")


@pytest.mark.parametrize("wrong", [{"max_size": "much"}, {"max_files": 0}, {"max_files": "x"}])
def test_sizes_and_counts_are_checked(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadArguments):
        made(BACKEND_FILE, tmp_path, **wrong)
