"""Import of EMQX 4's acl.conf: the module `emqx_mod_acl_internal` reads the very same language.

The file is checked and becomes `acl.conf` of the instance.
"""

from __future__ import annotations

from pathlib import Path

from app.importers.plan import ImportPlan, ImportRefusedError, Outcome
from app.importers.text_file import read_text
from app.plugins.acl_internal.language import Rule, RuleError, parse_rules

FILE_NAME = "acl.conf"


def plan_import(path: Path) -> ImportPlan:
    """Return what Godwit can make of the file.

    Raises:
        ImportRefusedError: The file cannot be read, or holds something that is no rule.
    """
    text = read_text(path)
    try:
        rules = parse_rules(text)
    except RuleError as error:
        raise ImportRefusedError(f"Correct {path}, {error}.") from None
    plan = ImportPlan(files={FILE_NAME: text})
    for number, rule in enumerate(rules, 1):
        plan.note(Outcome.TAKEN, f"rule {number}", _told(rule))
    return plan


def _told(rule: Rule) -> str:
    act = "allow" if rule.allows else "deny"
    topics = "all topics" if rule.topics is None else ", ".join(one[0] for one in rule.topics)
    return (
        f"{act} {rule.who.kind} {rule.who.name}".rstrip() + f" {'/'.join(rule.actions)}: {topics}"
    )
