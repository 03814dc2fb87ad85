"""Dead letters and the outbox: results of rules that were given up, and how many wait on disk."""

from __future__ import annotations

from typing import Any

import orjson
from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.engine_guard import needs_engine
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError
from app.rules.sql import UNDEFINED
from app.services import Services

TABLE = Table(
    id="letters",
    path="/dead_letters",
    columns=(
        Column("given_up", N_("Given up")),
        Column("rule", N_("Rule")),
        Column("action", N_("Action"), on_phone=False),
        Column("reason", N_("Reason")),
    ),
    filters=(Filter("rule", N_("Rule ID"), placeholder="rule:1a2b3c4d"),),
    empty=N_("Results that a target did not take, even after all retries, are put aside here."),
)


@needs_engine
def dead_letters(services: Services) -> ResponseReturnValue:
    """Show the list, the latest first."""
    letters, state = services.rules.dead_letters, TABLE.asked()
    rule_id = state.filters.get("rule")
    found = letters.list(rule_id, (state.page - 1) * state.limit, state.limit)
    return show(
        "pages/dead_letters.html",
        {TABLE.id: "pages/dead_letters_table.html", "outbox": "pages/outbox.html"},
        view=TableView(TABLE, state, found.letters, found.total, found.has_next),
        figures=letters.figures(),
        rule_id=rule_id,
    )


@needs_engine
def letter(services: Services) -> ResponseReturnValue:
    """Show one with what is in it."""
    found, output, event = services.rules.dead_letters.contents(_number(request.args.get("number")))
    return show(
        "pages/dead_letter.html", letter=found, output=_pretty(output), event=_pretty(event)
    )


def _pretty(values: dict[str, Any]) -> str:
    return orjson.dumps(
        values, default=_text, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS
    ).decode("utf-8", "replace")


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return "undefined" if value is UNDEFINED else str(value)


def _number(text: str | None) -> int:
    if text is None or not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise ServiceError(ResultCode.NOT_FOUND)
    return int(text)


@needs_engine
def replay(services: Services) -> ResponseReturnValue:
    """Give one to its action once more."""
    services.rules.dead_letters.replay(_number(request.form.get("number")))
    return _done(_("It is tried once more; it is gone when its target has taken it."))


@needs_engine
def delete(services: Services) -> ResponseReturnValue:
    """Let go of one."""
    services.rules.dead_letters.delete(_number(request.form.get("number")))
    return _done(_("The dead letter is deleted."))


@needs_engine
def replay_all(services: Services) -> ResponseReturnValue:
    """Give all of a rule to their actions once more."""
    became = services.rules.dead_letters.replay_all(request.form.get("rule", ""))
    message = _("{taken} are tried once more; {left} found no room or no action.")
    return _done(message.format(taken=became.taken, left=became.left))


@needs_engine
def delete_all(services: Services) -> ResponseReturnValue:
    """Let go of all of a rule."""
    count = services.rules.dead_letters.delete_all(request.form.get("rule", ""))
    return _done(_("{count} dead letters are deleted.", count=count))


def _done(message: str) -> ResponseReturnValue:
    # On the page of one letter there is no list; the browser goes to it.
    refresh = [] if request.form.get("from") == "letter" else [TABLE.id, "outbox"]
    return done(message, to="/dead_letters", refresh=refresh)


PAGES = (
    Page(
        name="dead_letters",
        title=N_("Dead letters"),
        path="/dead_letters",
        view=dead_letters,
        section=Section.RULES,
        icon="mail-off",
        order=30,
        routes=(
            Route("POST", "/dead_letters/replay", replay, Right.OPERATE),
            Route("POST", "/dead_letters/delete", delete, Right.OPERATE),
            Route("POST", "/dead_letters/replay_all", replay_all, Right.OPERATE),
            Route("POST", "/dead_letters/delete_all", delete_all, Right.OPERATE),
        ),
    ),
    Page(
        name="dead_letter",
        title=N_("Dead letter"),
        path="/dead_letters/letter",
        view=letter,
        parent="dead_letters",
    ),
)
