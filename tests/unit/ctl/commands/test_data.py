"""What people are told of the difference that an import would make."""

from __future__ import annotations

from app.ctl.commands.data import _counted


def test_a_difference_is_counted_by_its_sections() -> None:
    difference = {
        "dry_run": True,
        "apps": {"added": 1, "changed": 0, "rows": [{"name": "a"}]},
    }
    assert _counted(difference) == {"apps": {"added": 1, "changed": 0}}
