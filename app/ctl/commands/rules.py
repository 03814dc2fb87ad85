"""The rule engine: rules, rule-actions, resources, resource-types."""

from __future__ import annotations

import json
from typing import Any

import click

from app.ctl.api import segment
from app.ctl.refusals import Refused, Unserved, reworded
from app.ctl.session import Group, Session, pass_session
from app.ctl.tables import columns

RULE = columns("id", "enabled", "for", "rawsql", "actions", "matched", "description")
ACTION = columns("name", "app", "for", "types", "title", "description")
RESOURCE = columns("id", "type", "config", "description")
RESOURCE_TYPE = columns("name", "provider", "title", "description")
DEAD_LETTER = columns("id", "rule", "action", "made_at", "given_up_at", "reason", "size")
TRIED = columns("event", "timestamp", "topic", "result", "no_result", "error")
NOT_FOUND = 404
NOT_LOADED = "The node serves no rules: godwit ctl plugins load emqx_rule_engine has it do so."
ON_FAILED = click.Choice(["continue", "stop"])
BOOLEANS = {"true": True, "false": False}
BOOLEAN = click.Choice(list(BOOLEANS))


class RuleGroup(Group):
    """Commands that need the rule engine."""

    def explained(self, refusal: Refused) -> Refused:
        """Say what is missing where the engine is not loaded."""
        return Refused(NOT_LOADED) if isinstance(refusal, Unserved) else refusal


def _shown(session: Session, path: str, name: str) -> dict[str, Any]:
    """Return one row.

    Raises:
        Refused: There is none; the sentence is EMQX's.
    """
    try:
        row: dict[str, Any] = session.api.get(f"{path}/{segment(name)}")
    except Unserved:
        raise
    except Refused as refusal:
        if refusal.code == NOT_FOUND:
            raise Refused(f"Cannot found {name}", NOT_FOUND) from None
        raise
    return row


def _in_english(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose texts in several languages are the English ones."""
    return {
        name: value["en"] if isinstance(value, dict) and set(value) <= {"en", "zh"} else value
        for name, value in row.items()
        if value != {}
    }


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _rule_row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "rawsql": _in_one_line(row["rawsql"]),
        "actions": [one["name"] for one in row["actions"]],
        "matched": sum(one.get("matched", 0) for one in row["metrics"]),
    }


def _json(text: str, what: str, kind: type) -> Any:
    """Return what stands in a JSON text.

    Raises:
        click.UsageError: It is none, or something else.
    """
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, kind):
        name = "array" if kind is list else "object"
        raise click.UsageError(f"{what} must be a JSON {name}.")
    return value


def _told(refusal: Refused, sentence: str) -> Refused:
    return reworded(refusal, f"{sentence}: {refusal.message}")


@click.group(cls=RuleGroup)
def rules() -> None:
    """Look after rules."""


@rules.command("list")
@pass_session
def rules_list(session: Session) -> None:
    """List all rules."""
    rows = session.api.rows("/rules")
    session.table(rows if session.as_json else map(_rule_row, rows), RULE)


@rules.command("show")
@click.argument("rule_id")
@pass_session
def rules_show(session: Session, rule_id: str) -> None:
    """Show a rule."""
    session.pairs(_shown(session, "/rules", rule_id))


@rules.command("create")
@click.argument("sql")
@click.argument("actions")
@click.option("-i", "--id", "rule_id", help="Its id; made up otherwise.")
@click.option("-e", "--enabled", type=BOOLEAN, default="true", show_default=True)
@click.option(
    "-g", "--on_action_failed", "on_failed", type=ON_FAILED, default="continue", show_default=True
)
@click.option("-d", "--descr", default="", help="What it is for.")
@pass_session
def rules_create(
    session: Session,
    /,
    sql: str,
    actions: str,
    **options: str,
) -> None:
    """Create a rule; ACTIONS are JSON: [{"name": …, "params": {…}}]."""
    body: dict[str, object] = {
        "rawsql": sql,
        "actions": _json(actions, "ACTIONS", list),
        "enabled": BOOLEANS[options["enabled"]],
        "on_action_failed": options["on_failed"],
        "description": options["descr"],
    }
    if options["rule_id"]:
        body["id"] = options["rule_id"]
    try:
        made = session.api.post("/rules", body)
    except Refused as refusal:
        raise _told(refusal, "Invalid options") from None
    session.say(f"Rule {made['id']} created", made)


@rules.command("update")
@click.argument("rule_id")
@click.option("-s", "--sql", help="Another statement.")
@click.option("-a", "--actions", help="Other actions, as create takes them.")
@click.option("-e", "--enabled", type=BOOLEAN)
@click.option("-g", "--on_action_failed", "on_failed", type=ON_FAILED)
@click.option("-d", "--descr", help="What it is for.")
@pass_session
def rules_update(session: Session, /, rule_id: str, **given: str | None) -> None:
    """Change a rule; what is not named stays."""
    body: dict[str, object] = {
        "rawsql": given["sql"],
        "actions": None if given["actions"] is None else _json(given["actions"], "-a", list),
        "enabled": None if given["enabled"] is None else BOOLEANS[given["enabled"]],
        "on_action_failed": given["on_failed"],
        "description": given["descr"],
    }
    named = {name: value for name, value in body.items() if value is not None}
    _shown(session, "/rules", rule_id)
    try:
        session.api.put(f"/rules/{segment(rule_id)}", named)
    except Refused as refusal:
        raise _told(refusal, "Invalid options") from None
    session.say(f"Rule {rule_id} updated")


@rules.command("delete")
@click.argument("rule_id")
@pass_session
def rules_delete(session: Session, rule_id: str) -> None:
    """Delete a rule."""
    session.api.delete(f"/rules/{segment(rule_id)}")
    session.say("ok")


@rules.command("record")
@click.argument("rule_id")
@click.argument("switch", type=click.Choice(["on", "off"]))
@pass_session
def rules_record(session: Session, rule_id: str, switch: str) -> None:
    """Have a rule keep its latest messages and events, to try statements on."""
    _shown(session, "/rules", rule_id)
    session.api.put(f"/rules/{segment(rule_id)}/recorder", {"enable": switch == "on"})
    session.say("ok")


@rules.command("try")
@click.argument("rule_id")
@click.option("-s", "--sql", help="Another statement than the rule's own.")
@pass_session
def rules_try(session: Session, rule_id: str, sql: str | None) -> None:
    """Run a statement over what a rule has recorded."""
    body = {} if sql is None else {"rawsql": sql}
    session.table(session.api.post(f"/rules/{segment(rule_id)}/recorder/test", body), TRIED)


@click.group(cls=RuleGroup, name="rule-dead-letters")
def rule_dead_letters() -> None:
    """Look after results that were given up."""


@rule_dead_letters.command("list")
@click.option("-r", "--rule", "rule_id", help="Only of this rule.")
@pass_session
def dead_letters_list(session: Session, rule_id: str | None) -> None:
    """List dead letters, the latest first."""
    rows = session.api.rows("/rule_dead_letters")
    session.table([row for row in rows if rule_id in (None, row["rule"])], DEAD_LETTER)


@rule_dead_letters.command("show")
@click.argument("letter_id")
@pass_session
def dead_letters_show(session: Session, letter_id: str) -> None:
    """Show a dead letter with its result and its event."""
    session.pairs(_shown(session, "/rule_dead_letters", letter_id))


@rule_dead_letters.command("replay")
@click.argument("letter_id", required=False)
@click.option("-r", "--rule", "rule_id", help="All of this rule.")
@pass_session
def dead_letters_replay(session: Session, letter_id: str | None, rule_id: str | None) -> None:
    """Try one dead letter once more, or all of a rule."""
    _one_of(letter_id, rule_id)
    if rule_id is None:
        session.api.post(f"/rule_dead_letters/{segment(letter_id or '')}/replay", {})
        session.say("ok")
        return
    done = session.api.post(f"/rules/{segment(rule_id)}/dead_letters/replay", {})
    session.say(f"{done['replayed']} tried once more, {done['left']} left", done)


@rule_dead_letters.command("delete")
@click.argument("letter_id", required=False)
@click.option("-r", "--rule", "rule_id", help="All of this rule.")
@pass_session
def dead_letters_delete(session: Session, letter_id: str | None, rule_id: str | None) -> None:
    """Delete one dead letter, or all of a rule."""
    _one_of(letter_id, rule_id)
    if rule_id is None:
        session.api.delete(f"/rule_dead_letters/{segment(letter_id or '')}")
        session.say("ok")
        return
    done = session.api.delete(f"/rules/{segment(rule_id)}/dead_letters")
    session.say(f"{done['deleted']} deleted", done)


def _one_of(letter_id: str | None, rule_id: str | None) -> None:
    if (letter_id is None) == (rule_id is None):
        raise click.UsageError("Name a dead letter, or a rule with --rule.")


@click.group(cls=RuleGroup, name="rule-actions")
def rule_actions() -> None:
    """Show what rules may do."""


@rule_actions.command("list")
@pass_session
def rule_actions_list(session: Session) -> None:
    """List actions."""
    rows = session.api.get("/actions")
    session.table(rows if session.as_json else map(_in_english, rows), ACTION)


@rule_actions.command("show")
@click.argument("action")
@pass_session
def rule_actions_show(session: Session, action: str) -> None:
    """Show a rule action."""
    row = _shown(session, "/actions", action)
    session.pairs(row if session.as_json else _in_english(row))


@click.group(cls=RuleGroup)
def resources() -> None:
    """Look after what rules write to."""


@resources.command("list")
@click.option("-t", "--type", "kind", help="Only of this type.")
@pass_session
def resources_list(session: Session, kind: str | None) -> None:
    """List resources."""
    rows = session.api.get("/resources")
    session.table([row for row in rows if kind in (None, row["type"])], RESOURCE)


@resources.command("show")
@click.argument("resource_id")
@pass_session
def resources_show(session: Session, resource_id: str) -> None:
    """Show a resource."""
    session.pairs(_shown(session, "/resources", resource_id))


@resources.command("create")
@click.argument("kind", metavar="TYPE")
@click.option("-i", "--id", "resource_id", help="Its id; made up otherwise.")
@click.option("-c", "--config", default="{}", help="JSON object.")
@click.option("-d", "--descr", default="", help="What it is for.")
@pass_session
def resources_create(
    session: Session, kind: str, *, resource_id: str | None, config: str, descr: str
) -> None:
    """Create a resource."""
    body = {"type": kind, "config": _json(config, "-c", dict), "description": descr}
    if resource_id is not None:
        body["id"] = resource_id
    try:
        made = session.api.post("/resources", body)
    except Refused as refusal:
        raise _told(refusal, "Invalid options") from None
    session.say(f"Resource {made['id']} created", made)


@resources.command("update")
@click.argument("resource_id")
@click.option("-c", "--config", help="JSON object.")
@click.option("-d", "--descr", help="What it is for.")
@pass_session
def resources_update(
    session: Session, resource_id: str, *, config: str | None, descr: str | None
) -> None:
    """Change a resource; what is not named stays."""
    body: dict[str, object] = {}
    if config is not None:
        body["config"] = _json(config, "-c", dict)
    if descr is not None:
        body["description"] = descr
    _shown(session, "/resources", resource_id)
    try:
        session.api.put(f"/resources/{segment(resource_id)}", body)
    except Refused as refusal:
        raise _told(refusal, "Resource update failed") from None
    session.say("Resource update successfully")


@resources.command("delete")
@click.argument("resource_id")
@pass_session
def resources_delete(session: Session, resource_id: str) -> None:
    """Delete a resource that no rule uses."""
    try:
        session.api.delete(f"/resources/{segment(resource_id)}")
    except Refused as refusal:
        raise _told(refusal, "Cannot delete resource") from None
    session.say("ok")


@click.group(cls=RuleGroup, name="resource-types")
def resource_types() -> None:
    """Show which kinds of resources there are."""


@resource_types.command("list")
@pass_session
def resource_types_list(session: Session) -> None:
    """List all resource-types."""
    rows = session.api.get("/resource_types")
    session.table(rows if session.as_json else map(_in_english, rows), RESOURCE_TYPE)


@resource_types.command("show")
@click.argument("kind", metavar="TYPE")
@pass_session
def resource_types_show(session: Session, kind: str) -> None:
    """Show a resource-type."""
    row = _shown(session, "/resource_types", kind)
    session.pairs(row if session.as_json else _in_english(row))


COMMANDS: tuple[click.Command, ...] = (
    rules,
    rule_dead_letters,
    rule_actions,
    resources,
    resource_types,
)
