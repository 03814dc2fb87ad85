"""What an importer makes of a file: settings to write, and a finding for every key it met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum


class ImportRefusedError(Exception):
    """A file that cannot be imported; the text is one sentence that says what to do."""


class Outcome(Enum):
    """What became of one key of the foreign file."""

    TAKEN = "Taken"
    NO_COUNTERPART = "No counterpart in Godwit"
    LATER = "Needs a feature that Godwit does not have yet"


@dataclass(frozen=True, slots=True)
class Finding:
    """One key of the foreign file and what became of it."""

    outcome: Outcome
    source: str
    """The key as the foreign file spells it, `listeners.default.bind`."""
    text: str


@dataclass(slots=True)
class ImportPlan:
    """Settings to write, in the table's own keys and text forms."""

    settings: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def take(self, source: str, key: str, value: str) -> None:
        """Plan a setting and report it."""
        self.settings[key] = value
        self.note(Outcome.TAKEN, source, f'{key} = "{value}"')

    def note(self, outcome: Outcome, source: str, text: str) -> None:
        """Report what became of a key."""
        self.findings.append(Finding(outcome, source, text))

    def report(self) -> Iterator[str]:
        """Yield the lines of the report, grouped by outcome."""
        for outcome in Outcome:
            found = [finding for finding in self.findings if finding.outcome is outcome]
            if found:
                yield f"{outcome.value}:"
                yield from (f"  {finding.source}: {finding.text}" for finding in found)
