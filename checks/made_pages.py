"""Pages that are made from the code must be as the code would make them now.

Run as `python -m checks.made_pages`; names each page that lags behind and the command that remakes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from app.config.page import configuration_page
from checks.licences import licences_page

ROOT = Path(__file__).resolve().parents[1]
PAGES: Mapping[str, tuple[Callable[[], str], str]] = {
    "docs/configuration.md": (configuration_page, "python -m app.cli config-docs"),
    "docs/licences.md": (licences_page, "python -m checks.licences"),
}
"""Page to what makes it, and the command that an author types."""


def lagging(root: Path) -> Iterator[str]:
    """Yield a line for every page below `root` that differs from what the code says."""
    for name, (make, command) in PAGES.items():
        path = root / name
        if not path.exists() or path.read_text("utf-8") != make():
            yield f"{name} lags behind the code: run `{command} > {name}`"


def main() -> int:
    """Print every page that lags behind and return the exit status."""
    found = list(lagging(ROOT))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
