"""acl.conf: the same language, checked and copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.importers.acl_conf import plan_import
from app.importers.plan import ImportRefusedError

RULES = '{allow, {user, "a"}, subscribe, ["$SYS/#"]}.\n{deny, all}.\n'


def test_the_file_becomes_the_instances(tmp_path: Path) -> None:
    (tmp_path / "acl.conf").write_text(RULES, "utf-8")
    plan = plan_import(tmp_path / "acl.conf")
    assert plan.files == {"acl.conf": RULES}
    assert list(plan.report()) == [
        "Taken:",
        "  rule 1: allow user a subscribe: $SYS/#",
        "  rule 2: deny all publish/subscribe: all topics",
    ]


def test_a_file_with_something_else_is_refused_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "acl.conf").write_text("{allow, all}.\n{maybe, all}.\n", "utf-8")
    with pytest.raises(ImportRefusedError, match="line 2"):
        plan_import(tmp_path / "acl.conf")
