"""Explain: may a client come in, publish or subscribe, and who says so? Every check on the way, step by step."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request
from flask.typing import ResponseReturnValue

from app.broker.explaining import Explanation
from app.dashboard.access import Right
from app.dashboard.answers import show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.texts import N_
from app.services import Services

ACTIONS = {
    "connect": N_("connect"),
    "publish": N_("publish"),
    "subscribe": N_("subscribe"),
}
ASKED = ("clientid", "username", "peerhost", "action", "topic")
"""What may stand in an address; a password may not."""
CHECKS = {
    "client.connect": N_("Before the login"),
    "banned": N_("Bans"),
    "flapping": N_("Restlessness"),
    "auth_failures": N_("Failed logins"),
    "client.authenticate": N_("Authentication"),
    "client.enhanced_authenticate": N_("Enhanced authentication"),
    "allow_anonymous": N_("Anonymous clients"),
    "superuser": N_("Superuser"),
    "enable_acl": N_("Access rules switched on"),
    "acl_cache": N_("Remembered verdict"),
    "client.check_acl": N_("Access rules"),
    "client.check_acl_subscribe": N_("Access rules"),
    "client.explain_acl": N_("Access rules"),
    "acl_nomatch": N_("Where no rule fits"),
}
"""What checks are called for people; others go by their own names."""
VERDICTS = {"allow": N_("allow"), "deny": N_("deny"), "success": N_("let in")}
"""Others are names of reason codes."""
ANSWERS = {
    "pass": (N_("nothing against it"), "secondary", "check"),
    "ignore": (N_("no opinion"), "secondary", "minus"),
    "ok": (N_("so far"), "info", "arrow-down"),
    "stop": (N_("decides"), "info", "gavel"),
    "error": (N_("failed"), "danger", "alert-triangle"),
}
"""Words, kind of badge and icon of what a step says."""


def explain(services: Services) -> ResponseReturnValue:
    """Show the form; an address that names a client has its answer, too, so that others can link to it."""
    asked = {name: request.args.get(name, "") for name in ASKED}
    found = services.explain.explain(_given(asked)) if asked["clientid"] else None
    return _shown(asked, found)


def ask(services: Services) -> ResponseReturnValue:
    """Answer what the form asks; it may hold a password."""
    asked = {name: request.form.get(name, "") for name in (*ASKED, "password")}
    found = services.explain.explain(_given(asked))
    return _shown(asked, found)


def _given(asked: Mapping[str, str]) -> dict[str, object]:
    return {name: text for name, text in asked.items() if text}


def _shown(asked: Mapping[str, str], found: Explanation | None) -> ResponseReturnValue:
    return show(
        "pages/explain.html",
        {"explanation": "pages/explanation.html"},
        asked=asked,
        found=found,
        actions=ACTIONS,
        checks=CHECKS,
        answers=ANSWERS,
        verdicts=VERDICTS,
    )


PAGES = (
    Page(
        name="explain",
        title=N_("Explain"),
        path="/explain",
        view=explain,
        section=Section.ACCESS,
        icon="help-hexagon",
        order=30,
        # Somebody who may only look must not try passwords.
        right=Right.OPERATE,
        routes=(Route("POST", "/explain/ask", ask, Right.OPERATE),),
    ),
)
