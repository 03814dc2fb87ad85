"""Under which licences the packages are that a node brings along, and those that the dashboard is made with.

Run as `python -m checks.licences`: prints docs/licences.md, and fails where a licence is none that we ship beside ours.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "requirements.lock"
BUNDLED: Final = ROOT / "package-lock.json"
ALLOWED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "LGPL-3.0-only",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Zlib",
    }
)
"""Identifiers of SPDX. LGPL and MPL are fine: those packages lie beside us as they are, and can be replaced."""
NOT_EVERYWHERE: Final = {"async-timeout": "Apache-2.0", "tzdata": "Apache-2.0"}
"""Packages that only some Pythons and systems need: the page must not depend on where it is made."""
SPELLINGS: Final = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "bsd-3-clause license": "BSD-3-Clause",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "mit license": "MIT",
    "python software foundation license": "PSF-2.0",
}
"""How authors write what SPDX has an identifier for."""
_PIN: Final = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_JOINED: Final = re.compile(r"\s+(?:AND|OR)\s+|[()]")
_HEAD: Final = """# Licences

Godwit itself is under the [Apache License 2.0](../LICENSE). What it brings along, made by `make licences`:
"""


class Package(NamedTuple):
    """Something that is not ours."""

    name: str
    version: str
    licence: str


def pinned() -> Iterator[Package]:
    """Yield the packages that a node installs."""
    for name, version in _PIN.findall(LOCK.read_text("utf-8")):
        yield Package(name, version, NOT_EVERYWHERE.get(name) or _licence_of(name))


def bundled() -> Iterator[Package]:
    """Yield what the dashboard's scripts and styles are made of, and with."""
    packages: dict[str, dict[str, Any]] = json.loads(BUNDLED.read_text("utf-8"))["packages"]
    for path, facts in packages.items():
        if path and not facts.get("dev") and not facts.get("optional"):
            name = path.rpartition("node_modules/")[2]
            yield Package(name, facts["version"], facts.get("license", "unknown"))


def licences_page() -> str:
    """Return docs/licences.md."""
    parts = [_HEAD, *_table("The packages of Python", pinned())]
    parts += _table("What the dashboard's scripts and styles are made of, and with", bundled())
    return "\n".join(parts) + "\n"


def refused() -> list[Package]:
    """Return the packages whose licence is none of those that we may ship."""
    return [
        package
        for package in (*pinned(), *bundled())
        if not {word for word in _JOINED.split(package.licence) if word} <= ALLOWED
    ]


def _table(title: str, packages: Iterator[Package]) -> list[str]:
    rows = [f"| {one.name} | {one.version} | {one.licence} |" for one in sorted(packages)]
    return [f"## {title}", "", "| package | version | licence |", "|---|---|---|", *rows, ""]


def _licence_of(name: str) -> str:
    facts = metadata.metadata(name)
    given = {key: facts[key] for key in ("License-Expression", "License") if key in facts}
    stated = given.get("License-Expression") or _classified(facts) or given.get("License") or ""
    line = stated.strip().split("\n")[0].strip()
    return SPELLINGS.get(line.lower(), line) or "unknown"


def _classified(facts: metadata.PackageMetadata) -> str:
    found = [
        text.rpartition(" :: ")[2]
        for text in facts.get_all("Classifier") or ()
        if text.startswith("License :: OSI Approved ::")
    ]
    return " AND ".join(sorted(SPELLINGS.get(text.lower(), text) for text in found))


def main() -> int:
    """Print the page and return the exit status."""
    sys.stdout.write(licences_page())
    wrong = refused()
    for package in wrong:
        sys.stderr.write(f"{package.name} is under {package.licence}, which is not in ALLOWED\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
