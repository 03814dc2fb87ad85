"""What an importer makes of a file: settings to write, and a finding for every key it met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum


class ImportRefusedError(Exception):
    """A file that cannot be imported; the text is one sentence that says what to do."""


class Outcome(Enum):
    """What became of one key of the foreign file."""

    TAKEN = "Taken"
    NO_COUNTERPART = "No counterpart in Godwit"
    BY_HAND = "Left to be done by hand"


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
    logins: list[dict[str, object]] = field(default_factory=list)
    """Items of `auth_mnesia` in EMQX's export format; `password_hash` where it is none of EMQX's."""
    rules: list[dict[str, object]] = field(default_factory=list)
    """Items of `acl_mnesia`, those first that are to be asked first."""
    files: dict[str, str] = field(default_factory=dict)
    """Texts of files in the instance folder."""

    def document(self, now_ms: int) -> dict[str, object]:
        """Return logins and rules as an export file has them.

        Args:
            now_ms: When the rules were made; the newest is asked first.
        """
        rules: dict[tuple[object, ...], dict[str, object]] = {}
        for number, rule in enumerate(self.rules):
            key = tuple(rule.get(name) for name in ("type", "type_value", "action", "topic"))
            # Of two rules about one thing the first decides, so the second says nothing.
            rules.setdefault(key, {**rule, "created_at": now_ms - number})
        return {
            "version": "4.4",
            "auth_mnesia": [login for login in self.logins if "password" in login],
            "acl_mnesia": list(rules.values()),
            "godwit": {"auth_mnesia": [one for one in self.logins if "password_hash" in one]},
        }

    def take(self, source: str, key: str, value: str, *, secret: bool = False) -> None:
        """Plan a setting and report it; a secret's value is not shown."""
        self.settings[key] = value
        self.note(Outcome.TAKEN, source, f'{key} = "{"******" if secret else value}"')

    def free_key(self, key: str) -> str:
        """Return a key for a listener that has no setting yet: this one, or with the first number from 2 behind it."""
        free, number = key, 2
        while free in self.settings:
            free, number = f"{key}-{number}", number + 1
        return free

    def drop(self, keys: Iterable[str], source: str, text: str) -> None:
        """Plan no settings of these keys after all, and report why."""
        dropped = set(keys)
        for key in dropped:
            del self.settings[key]
        self.findings = [one for one in self.findings if one.source not in dropped]
        self.note(Outcome.NO_COUNTERPART, source, text)

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
