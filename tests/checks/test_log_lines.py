"""The page for operators explains what there is: every grave line of the log, and metrics that are counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.broker.metrics import METRICS
from app.config import load_settings
from checks.log_lines import PAGE, ROOT, differences, logged

TEXT = (ROOT / PAGE).read_text("utf-8")


def test_every_line_is_explained_and_no_other() -> None:
    assert list(differences(ROOT)) == []


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('logger.warning("It is %s", 1)', ("warning", "It is %s")),
        ('self._logger.exception("Oh")', ("error", "Oh")),
        ('_SAID = "Said"\n_log.error(_SAID)', ("error", "Said")),
        ('log.critical("%s", text)', ("critical", "app/a.py")),
    ],
)
def test_a_line_that_nobody_has_explained_is_named_with_its_place(
    tmp_path: Path, source: str, line: tuple[str, str]
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "app" / "a.py").write_text(f"{source}\nprint.warning('no')\n", "utf-8")
    page = tmp_path / PAGE
    page.write_text("| error | `Nobody says this` | Nothing. |\n", "utf-8")
    assert [found[:2] for found in logged(tmp_path)] == [line]
    unexplained, untold = differences(tmp_path)
    assert unexplained.startswith(f"app/a.py logs `{line[1]}` ({line[0]})")
    assert "explains `Nobody says this`" in untold
    page.write_text(f"| {line[0]} | `{line[1]}` | Something. |\n", "utf-8")
    assert list(differences(tmp_path)) == []


def test_the_metrics_to_watch_are_counted() -> None:
    named = set(
        re.findall(r"`([a-z]+\.[a-z_]+(?:\.[a-z_]+)?)`[^|]* (?:grow|grows|stays high)", TEXT)
    )
    assert len(named) > 4
    assert named <= {row.name for row in METRICS}


def test_the_settings_that_are_named_are_settings(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    sections = "storage|os_mon|node|log|management|mqtt|sysmon|delayed"
    named = set(re.findall(rf"`((?:{sections})\.[a-z_.]+)`", TEXT)) - {row.name for row in METRICS}
    assert len(named) > 8
    assert [name for name in sorted(named) if f"`{name}`" not in page] == []
    queue = {"GODWIT_ZONE__EXTERNAL__MAX_MQUEUE_LEN": "7"}
    assert load_settings(queue, tmp_path).broker.zones["external"].max_mqueue_len == 7
