"""Which numbered statements of MQTT 3.1.1 and 5.0 no test names, of those that a server can be asked about.

Run as `python -m checks.statements`; prints each of them and ends with status 1 when they are more than
`CEILING`, or when a test names a statement that does not exist. A test names a statement of MQTT 5.0 as
`[MQTT-3.1.2-4]` and one of 3.1.1, which numbers differently, as `[MQTT311-3.1.2-4]`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LISTS: Final[Mapping[str, str]] = {
    "MQTT311": "tests/protocol/mqtt-3.1.1.txt",
    "MQTT": "tests/protocol/mqtt-5.0.txt",
}
"""How tags of a version begin, and where its statements are."""
FOLDERS: Final = ("tests/protocol", "tests/unit", "tests/e2e", "tests/fuzz")
CEILING: Final = 0
"""How many may be without a test; it is lowered, never raised."""

TESTABLE: Final = "server"
REASONS: Final[Mapping[str, str]] = {
    "client": "it binds clients alone",
    "unsaid": "the server never sends that property in this packet",
    "format": "two bytes of length can say no more",
    "inside": "no client can bring such a fault of the server about",
    "onecopy": "of the two ways that the standard leaves open the server takes the other",
    "bridge": "it binds a server in its other role, as a client of another",
}
"""Why no test can ask the server about a statement."""

_TAG: Final = re.compile(r"\[(MQTT(?:311)?)-(\d+\.\d+\.\d+-\d+)\]")


@dataclass(frozen=True)
class Statement:
    """One numbered statement."""

    tag: str
    whom: str
    sentence: str


def statements(root: Path) -> dict[str, Statement]:
    """Return all statements by their tags, such as `MQTT311-3.1.2-4`.

    Raises:
        ValueError: A line is not `number | whom | sentence`, or a number is there twice.
    """
    found: dict[str, Statement] = {}
    for prefix, name in LISTS.items():
        for line in (root / name).read_text("utf-8").splitlines():
            if line.startswith("#"):
                continue
            number, whom, sentence = (part.strip() for part in line.split("|"))
            tag = f"{prefix}-{number}"
            if tag in found or whom not in {TESTABLE, *REASONS}:
                raise ValueError(f"{name}: {line}")
            found[tag] = Statement(tag, whom, sentence)
    return found


def named(root: Path) -> Iterator[tuple[Path, str]]:
    """Yield every tag that a test names, and the file where it does."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            for prefix, number in _TAG.findall(path.read_text("utf-8")):
                yield path, f"{prefix}-{number}"


def main(root: Path = ROOT, ceiling: int = CEILING) -> int:
    """Print what has no test and what does not exist, and return the exit status."""
    known = statements(root)
    tags = list(named(root))
    unknown = [f"{path}: [{tag}] does not exist" for path, tag in tags if tag not in known]
    tested = {tag for _, tag in tags}
    missing = [each for each in known.values() if each.whom == TESTABLE and each.tag not in tested]
    for line in unknown:
        print(line)
    for each in missing:
        print(f"[{each.tag}] has no test: {each.sentence}")
    for prefix, name in LISTS.items():
        own = [each for each in known.values() if each.tag.startswith(f"{prefix}-")]
        testable = sum(each.whom == TESTABLE for each in own)
        lacking = sum(each.tag.startswith(f"{prefix}-") for each in missing)
        print(
            f"{Path(name).stem}: {testable - lacking} of {testable} statements tested, "
            f"{len(own) - testable} more that no server can be tested on"
        )
    return 1 if unknown or len(missing) > ceiling else 0


if __name__ == "__main__":
    raise SystemExit(main())
