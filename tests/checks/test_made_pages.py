"""Pages made from the code are as the code would make them."""

from __future__ import annotations

from pathlib import Path

from checks.made_pages import PAGES, ROOT, lagging


def test_the_committed_pages_are_as_the_code_makes_them() -> None:
    assert list(lagging(ROOT)) == []


def test_a_page_that_differs_is_named_with_the_command_that_remakes_it(tmp_path: Path) -> None:
    for name, (make, _command) in PAGES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make() + "by hand\n", "utf-8")
    lines = list(lagging(tmp_path))
    assert len(lines) == len(PAGES)
    assert "run `python -m app.cli config-docs > docs/configuration.md`" in lines[0]


def test_a_page_that_is_missing_is_named(tmp_path: Path) -> None:
    assert len(list(lagging(tmp_path))) == len(PAGES)
