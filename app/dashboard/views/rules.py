"""Rules: the list with what each has counted, and one rule with its actions, its failures and its dead letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.action_forms import said
from app.dashboard.answers import done, show
from app.dashboard.engine_guard import needs_engine
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Filter, Table, TableState, TableView
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError
from app.rules.actions.base import ActionSpec
from app.rules.metrics import ActionMetrics
from app.services import Services
from app.services.rules import RuleQuery, RuleRecord

LETTERS_SHOWN = 10
TABLE = Table(
    id="rules-table",
    path="/rules",
    columns=(
        Column("id", N_("Rule"), sortable=True),
        Column("topics", N_("Topics and events"), on_phone=False),
        Column("actions", N_("Actions of the rule"), on_phone=False),
        Column("matched", N_("Matched"), sortable=True, is_number=True),
        Column("passed", N_("Passed"), sortable=True, is_number=True, on_phone=False),
        Column("failed", N_("Failed"), sortable=True, is_number=True, on_phone=False),
        Column("speed", N_("Per second"), sortable=True, is_number=True, on_phone=False),
        Column("enabled", N_("Enabled")),
    ),
    filters=(
        Filter("id", N_("Rule ID"), placeholder=N_("Part of it")),
        Filter("topic", N_("Topic"), placeholder="t/#"),
        Filter(
            "how",
            N_("Topics that"),
            (("contains", N_("contain it")), ("matches", N_("match it"))),
        ),
        Filter("description", N_("Description"), placeholder=N_("Part of it")),
        Filter("state", N_("State"), (("on", N_("enabled")), ("off", N_("disabled")))),
    ),
    empty=N_("A rule selects from messages and events with SQL and gives the results to actions."),
)
_STATES = {"on": True, "off": False}


@needs_engine
def rules(services: Services) -> ResponseReturnValue:
    """Show the list, or a page of it."""
    state = TABLE.asked()
    rows = [_row(services, one) for one in services.rules.list(_query(state))]
    if state.sort:
        rows.sort(key=lambda row: row[state.sort], reverse=state.is_descending)
    first = (state.page - 1) * state.limit
    shown = rows[first : first + state.limit]
    view = TableView(TABLE, state, shown, len(rows), first + state.limit < len(rows))
    return show("pages/rules.html", {TABLE.id: "pages/rules_table.html"}, view=view)


def _query(state: TableState) -> RuleQuery:
    asked = state.filters
    matches = asked.get("how") == "matches"
    return RuleQuery(
        enabled=_STATES.get(asked.get("state", "")),
        like_id=asked.get("id"),
        like_topic=None if matches else asked.get("topic"),
        match_topic=asked.get("topic") if matches else None,
        like_description=asked.get("description"),
    )


def _row(services: Services, rule: RuleRecord) -> dict[str, Any]:
    counted, _by_action = services.rules.figures(rule.id)
    return {
        "id": rule.id,
        "description": rule.description,
        "topics": rule.topics,
        "actions": [_title(services, one.name) for one in rule.actions],
        "matched": counted.matched,
        "passed": counted.passed,
        "failed": counted.failed,
        "exceptions": counted.exception,
        "speed": counted.speed.current,
        "enabled": rule.enabled,
        "is_readable": rule.query is not None,
    }


def _title(services: Services, name: str) -> str:
    kind = next((one for one in services.rules.actions() if one.name == name), None)
    return said(kind.title) if kind is not None else name


@needs_engine
def rule(services: Services) -> ResponseReturnValue:
    """Show one rule."""
    found = services.rules.get(request.args.get("id", ""))
    counted, by_action = services.rules.figures(found.id)
    return show(
        "pages/rule.html",
        {"rule-now": "pages/rule_now.html", "letters": "pages/letters_table.html"},
        rule=found,
        counted=counted,
        actions=list(_action_rows(services, found.actions, by_action, 0)),
        complaints=services.rules.complaints(found.id)[:LETTERS_SHOWN],
        letters=services.rules.dead_letters.list(found.id, 0, LETTERS_SHOWN),
        on_rule=True,
    )


def _action_rows(
    services: Services,
    actions: Iterable[ActionSpec],
    counted: Mapping[str, ActionMetrics],
    level: int,
) -> Iterable[dict[str, Any]]:
    for one in actions:
        yield {
            "id": one.id,
            "title": _title(services, one.name),
            "level": level,
            "params": one.params,
            "metrics": counted.get(one.id) or ActionMetrics(),
        }
        yield from _action_rows(services, one.fallbacks, counted, level + 1)


@needs_engine
def enable(services: Services) -> ResponseReturnValue:
    """Switch a rule on or off."""
    rule_id, is_wanted = request.form.get("id", ""), request.form.get("enabled") == "true"
    services.rules.update(rule_id, {"enabled": is_wanted})
    message = _("{rule} is enabled.") if is_wanted else _("{rule} is disabled.")
    return done(message.format(rule=rule_id), to="/rules", refresh=[TABLE.id, "rule-now"])


@needs_engine
def delete(services: Services) -> ResponseReturnValue:
    """Remove a rule."""
    rule_id = services.rules.get(request.form.get("id", "")).id
    services.rules.delete(rule_id)
    # Who deletes it on its own page has to go elsewhere.
    refresh = [] if request.form.get("from") == "rule" else [TABLE.id]
    return done(_("{rule} is deleted.", rule=rule_id), to="/rules", refresh=refresh)


@needs_engine
def reset(services: Services) -> ResponseReturnValue:
    """Have a rule count from zero again."""
    rule_id = request.form.get("id", "")
    if rule_id not in {one.id for one in services.rules.list(RuleQuery())}:
        raise ServiceError(ResultCode.NOT_FOUND)
    services.rules.reset_metrics(rule_id)
    return done(
        _("{rule} counts from zero again.", rule=rule_id),
        to="/rules",
        refresh=[TABLE.id, "rule-now"],
    )


PAGES = (
    Page(
        name="rules",
        title=N_("Rules"),
        path="/rules",
        view=rules,
        section=Section.RULES,
        icon="sql",
        order=10,
        routes=(
            Route("POST", "/rules/enable", enable, Right.OPERATE),
            Route("POST", "/rules/delete", delete, Right.OPERATE),
            Route("POST", "/rules/reset", reset, Right.OPERATE),
        ),
    ),
    Page(name="rule", title=N_("Rule"), path="/rules/rule", view=rule, parent="rules"),
)
