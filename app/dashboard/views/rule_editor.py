"""Making and changing a rule: the statement, trying it on made-up and on real messages, and the actions.

All of it is one form. Whatever is not saved yet travels with it, so a page without scripts can do the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import orjson
from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.action_forms import (
    ActionDraft,
    drafts_of,
    drafts_sent,
    params_of,
    said,
    with_one_more,
    without,
)
from app.dashboard.answers import done, explained, show
from app.dashboard.engine_guard import needs_engine
from app.dashboard.heard import heard
from app.dashboard.pages import Page, Route
from app.dashboard.statements import formatted
from app.dashboard.texts import N_, _, language
from app.errors import ResultCode, ServiceError
from app.rules.events import Event
from app.services import Services, rule_language
from app.services.rules import RuleRecord

ROWS = (10, 50, 200)
"""How many recorded messages a statement is tried on."""
ON_FAILURE = {
    "continue": N_("go on with the next one"),
    "stop": N_("leave out those behind it"),
}
JSON, TEXT = "json", "text"
EXPECTED = {
    "a value": N_("a value"),
    "a name": N_("a name"),
    "a name in double quotes": N_("a name in double quotes"),
    "a text in single quotes": N_("a text in single quotes"),
    "an integer": N_("an integer"),
    "a number": N_("a number"),
    "a number of reasonable size": N_("a number of reasonable size"),
    "a range": N_("a range"),
    "a comparison": N_("a comparison"),
    "an operator": N_("an operator"),
    "a key": N_("a key"),
    "a word of the language": N_("a word of the language"),
    "the end of the statement": N_("the end of the statement"),
    "the end": N_("the end"),
}
"""Words of the parser that are no signs or keywords."""


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as it stands in the form."""

    id: str
    is_new: bool
    rawsql: str
    description: str
    enabled: bool
    on_action_failed: str
    actions: tuple[ActionDraft, ...]
    event: Event
    columns: Mapping[str, str]
    """What a trial takes for an event, as texts."""
    payload_format: str = JSON


@needs_engine
def edit(services: Services) -> ResponseReturnValue:
    """Show the form: for the rule that is named, else for a new one."""
    rule_id = request.args.get("id", "")
    return _shown(services, _stored(services, services.rules.get(rule_id)) if rule_id else _new())


def _new() -> RuleDraft:
    event = rule_language.event_called(request.args.get("event", ""))
    return RuleDraft("", True, event.sql_example, "", True, "continue", (), event, _examples(event))


def _stored(services: Services, rule: RuleRecord) -> RuleDraft:
    event = _event_of(rule.rawsql)
    return RuleDraft(
        rule.id,
        False,
        rule.rawsql,
        rule.description,
        rule.enabled,
        rule.on_action_failed,
        drafts_of(services, rule.actions),
        event,
        _examples(event),
    )


def _event_of(rawsql: str) -> Event:
    named = (one for one in rule_language.events() if f'"{one.topic}' in rawsql)
    return next(named, rule_language.event_called(""))


def _examples(event: Event) -> dict[str, str]:
    return {name: str(value) for name, value in event.test_columns}


def _sent(services: Services) -> RuleDraft:
    form = request.form
    event = rule_language.event_called(form.get("event", ""))
    columns = {name: form.get(f"c.{name}", text) for name, text in _examples(event).items()}
    return RuleDraft(
        form.get("id", ""),
        form.get("is_new") == "true",
        # Browsers send line ends of their own.
        form.get("rawsql", "").replace("\r\n", "\n"),
        form.get("description", ""),
        form.get("enabled") == "true",
        form.get("on_action_failed", "continue"),
        drafts_sent(services, form),
        event,
        columns,
        form.get("payload_format", JSON),
    )


def _shown(services: Services, draft: RuleDraft, **more: Any) -> str:
    rules = services.rules
    return show(
        "pages/rule_edit.html",
        {
            "statement": "pages/rule_statement.html",
            "actions": "pages/rule_actions.html",
            "outcome": "pages/rule_outcome.html",
            "recorder": "pages/rule_recorder.html",
        },
        draft=draft,
        events=rule_language.events(),
        kinds=[(one.name, said(one.title)) for one in rules.actions()],
        said_in={one.name: said_of(one.title) for one in rule_language.events()},
        on_failure=ON_FAILURE,
        row_counts=ROWS,
        is_recording=not draft.is_new and rules.recorder.is_on(draft.id),
        **{"outcome": None, "tried": None, **more},
    )


def said_of(words: Mapping[str, str]) -> str:
    """Return what an event is called in the reader's language."""
    return words[language()]


# -- changing the form ---------------------------------------------------------------------------------


@needs_engine
def reshape(services: Services) -> ResponseReturnValue:
    """Change the form without saving: another event, its example, the statement in lines, an action more or less."""
    draft = _sent(services)
    what, _separator, rest = request.form.get("do", "").partition(":")
    if what == "example" or (what == "event" and _is_untouched(draft.rawsql)):
        draft = replace(draft, rawsql=draft.event.sql_example)
    elif what == "format":
        draft = replace(draft, rawsql=formatted(draft.rawsql))
    elif what == "add":
        name = request.form.get(f"add.{rest}", "")
        above = tuple(int(one) for one in rest.split(".") if one.isdecimal())
        draft = replace(draft, actions=with_one_more(services, draft.actions, above, name))
    elif what == "remove":
        place = tuple(int(one) for one in rest.split(".") if one.isdecimal())
        draft = replace(draft, actions=without(draft.actions, place))
    return _shown(services, draft)


def _is_untouched(rawsql: str) -> bool:
    return rawsql.strip() in {"", *(one.sql_example for one in rule_language.events())}


@needs_engine
def save(services: Services) -> ResponseReturnValue:
    """Make the rule, or change it."""
    draft = _sent(services)
    params: dict[str, Any] = {
        "rawsql": draft.rawsql,
        "description": draft.description,
        "enabled": draft.enabled,
        "on_action_failed": draft.on_action_failed,
        "actions": params_of(draft.actions, request.form),
    }
    problem = rule_language.problem_of(draft.rawsql)
    if problem is not None:
        raise ServiceError(ResultCode.BAD_PARAMETER, _problem(problem))
    if draft.is_new:
        made = services.rules.create({**params, **({"id": draft.id} if draft.id else {})})
    else:
        made = services.rules.update(draft.id, params)
    return done(_("{rule} is saved.", rule=made.id), to=f"/rules/rule?id={quote(made.id)}")


# -- trying it -------------------------------------------------------------------------------------------


def words(services: Services) -> ResponseReturnValue:
    """Tell the editor which words there are."""
    del services
    events = {
        one.topic: {"columns": one.columns, "title": said_of(one.title)}
        for one in rule_language.events()
    }
    return {"events": events, "functions": dict(rule_language.signatures())}


def check(services: Services) -> ResponseReturnValue:
    """Tell the editor where a statement goes wrong."""
    del services
    problem = rule_language.problem_of(request.form.get("rawsql", ""))
    if problem is None:
        return {"problem": None}
    return {"problem": {"line": problem.line, "column": problem.column, "text": _problem(problem)}}


def _problem(problem: rule_language.StatementProblem) -> str:
    place = {"line": problem.line, "column": problem.column}
    found = _(EXPECTED.get(problem.found, problem.found))
    if not problem.expected:
        return _("line {line}, column {column}: {found}", found=found, **place)
    wanted = ", ".join(_(EXPECTED.get(one, one)) for one in problem.expected)
    return _(
        "line {line}, column {column}: expected one of {wanted}; found {found}",
        wanted=wanted,
        found=found,
        **place,
    )


@needs_engine
def try_out(services: Services) -> ResponseReturnValue:
    """Run the statement over the columns that were typed."""
    draft = _sent(services)
    problem = rule_language.problem_of(draft.rawsql)
    if problem is not None:
        return _shown(services, draft, outcome=("danger", _problem(problem)))
    try:
        answer = services.rules.test({"rawsql": draft.rawsql, "ctx": _context(draft)})
    except ServiceError as error:
        return _shown(services, draft, outcome=_no_result(error))
    pretty = orjson.dumps(orjson.loads(answer), option=orjson.OPT_INDENT_2).decode()
    return _shown(services, draft, outcome=("success", pretty))


def _no_result(error: ServiceError) -> tuple[str, str]:
    if error.message == "SQL Not Match":
        return "warning", _("The statement selects nothing of this event.")
    return "danger", explained(error) if error.code is not ResultCode.BAD_REQUEST else heard(
        error.message
    )


def _context(draft: RuleDraft) -> dict[str, Any]:
    """Return the columns in the types of the example.

    Raises:
        ServiceError: The payload is no JSON and should be.
    """
    kinds = {name: type(value) for name, value in draft.event.test_columns}
    context = {
        name: int(text) if kinds[name] is int and text.lstrip("-").isdecimal() else text
        for name, text in draft.columns.items()
    }
    if "payload" in context and draft.payload_format == JSON:
        try:
            orjson.loads(draft.columns["payload"])
        except orjson.JSONDecodeError as error:
            message = _("The payload is no JSON: {reason}", reason=str(error))
            raise ServiceError(ResultCode.BAD_REQUEST, message) from None
    return context


@needs_engine
def record(services: Services) -> ResponseReturnValue:
    """Have the rule record what it is about, or forget what it has recorded."""
    draft = _sent(services)
    is_wanted = request.form.get("record") == "on"
    services.audit.note("rule.record" if is_wanted else "rule.record_end", draft.id)
    services.rules.recorder.switch(draft.id, is_on=is_wanted)
    return _shown(services, draft)


@needs_engine
def try_on_recorded(services: Services) -> ResponseReturnValue:
    """Run the statement over the latest messages that were recorded, one by one."""
    draft = _sent(services)
    problem = rule_language.problem_of(draft.rawsql)
    if problem is not None:
        raise ServiceError(ResultCode.BAD_PARAMETER, _problem(problem))
    count = request.form.get("rows", ROWS[0], type=int)
    results = orjson.loads(services.rules.recorder.try_out(draft.id, draft.rawsql))
    rows = [
        {
            "at_ms": one.get("timestamp"),
            "event": one.get("event"),
            "topic": one.get("topic"),
            "kind": next(name for name in ("result", "no_result", "error") if name in one),
            "text": _shown_result(one),
        }
        for one in results
    ]
    return _shown(services, draft, tried=rows[-count:][::-1])


def _shown_result(one: Mapping[str, Any]) -> str:
    if "result" in one:
        return orjson.dumps(one["result"], option=orjson.OPT_INDENT_2).decode()
    return heard(str(one.get("error", one.get("no_result", ""))))


PAGES = (
    Page(
        name="rule_edit",
        title=N_("Create or change a rule"),
        path="/rules/edit",
        view=edit,
        parent="rules",
        right=Right.OPERATE,
        routes=(
            Route("POST", "/rules/draft", reshape, Right.OPERATE),
            Route("POST", "/rules/save", save, Right.OPERATE),
            Route("GET", "/rules/language", words),
            Route("POST", "/rules/check", check, Right.OPERATE),
            Route("POST", "/rules/test", try_out, Right.OPERATE),
            Route("POST", "/rules/record", record, Right.OPERATE),
            Route("POST", "/rules/recorded", try_on_recorded, Right.OPERATE),
        ),
    ),
)
