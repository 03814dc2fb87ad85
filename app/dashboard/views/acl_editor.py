"""The editor of `acl.conf`: says what is wrong while somebody types, and tries drafts on clients."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.heard import heard
from app.dashboard.pages import Page, Route
from app.dashboard.texts import N_, _
from app.dashboard.views.explain import ACTIONS, CHECKS
from app.errors import ResultCode, ServiceError
from app.services import Services
from app.services.acl_file import MAX_BYTES, RuleFileRefused, Trial

PATH = "/acl/edit"
# A browser's form says each character in three bytes at most; the rest of the form is short.
_FORM_MAX_BYTES = 3 * MAX_BYTES + 64 * 1024
ASKED = ("clientid", "username", "peerhost", "action", "topic")
WANTED = {name: ACTIONS[name] for name in ("publish", "subscribe")}
_PARTS = {"acl-problem": "pages/acl_problem.html", "acl-trial": "pages/acl_trial.html"}


def edit(services: Services) -> ResponseReturnValue:
    """Show the file in an editor."""
    file = services.acl_file.file()
    if file.text is None:
        raise ServiceError(ResultCode.NOT_FOUND, _("The file cannot be read."))
    return _shown(services, file.text, file.digest)


def check(services: Services) -> ResponseReturnValue:
    """Say where a text stops being rules."""
    text = request.form.get("text", "")
    try:
        count = services.acl_file.check(text)
    except RuleFileRefused as error:
        return _shown(services, text, request.form.get("seen", ""), problem=error)
    return _shown(services, text, request.form.get("seen", ""), count=count)


def try_out(services: Services) -> ResponseReturnValue:
    """Say what a text would decide for somebody."""
    text = request.form.get("text", "")
    asked = {name: value for name in ASKED if (value := request.form.get(name, "").strip())}
    trial = services.acl_file.try_out(text, asked)
    return _shown(services, text, request.form.get("seen", ""), trial=trial)


def save(services: Services) -> ResponseReturnValue:
    """Replace the file; its rules hold at once."""
    try:
        services.acl_file.save(request.form.get("text", ""), request.form.get("seen", ""))
    except RuleFileRefused as error:
        what = heard(error.sentence)
        message = _(
            "line {line}, column {column}: {what}", line=error.line, column=error.column, what=what
        )
        raise ServiceError(error.code, message) from None
    return done(_("The rules of the file are in force."), to="/acl")


def _shown(
    services: Services,
    text: str,
    seen: str,
    *,
    problem: RuleFileRefused | None = None,
    count: int | None = None,
    trial: Trial | None = None,
) -> ResponseReturnValue:
    lines = text.splitlines()
    return show(
        "pages/acl_edit.html",
        _PARTS,
        file=services.acl_file.file(),
        text=text,
        seen=seen,
        problem=problem,
        wrong_line=lines[problem.line - 1] if problem and problem.line <= len(lines) else "",
        count=count,
        trial=trial,
        asked={name: request.form.get(name, "") for name in ASKED},
        wanted=WANTED,
        checks=CHECKS,
        nomatch=services.configs.get("acl_nomatch").value,
    )


PAGES = (
    Page(
        name="acl_edit",
        title=N_("Change the rules"),
        path=PATH,
        view=edit,
        right=Right.ADMINISTER,
        parent="acl",
        routes=(
            Route("POST", "/acl/check", check, Right.ADMINISTER, _FORM_MAX_BYTES),
            Route("POST", "/acl/try", try_out, Right.ADMINISTER, _FORM_MAX_BYTES),
            Route("POST", "/acl/save", save, Right.ADMINISTER, _FORM_MAX_BYTES),
        ),
    ),
)
