"""Logs: the last lines of this node, and how much it says."""

from __future__ import annotations

import logging

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.texts import N_, _
from app.services import Services

PATH = "/logs"
LINES = "log-lines"
SHOWN = 300
LEVELS = ("debug", "info", "warning", "error", "critical")
KINDS = {"WARNING": "warning", "ERROR": "danger", "CRITICAL": "danger", "DEBUG": "secondary"}
"""Colours of the levels; the others are `info`."""


def logs(services: Services) -> ResponseReturnValue:
    """Show the last lines."""
    least = request.args.get("least", "")
    search = request.args.get("search", "").strip()
    weight = getattr(logging, least.upper()) if least in LEVELS else logging.NOTSET
    found = services.insight.log.lines(weight, search)
    return show(
        "pages/logs.html",
        {LINES: "pages/logs_lines.html"},
        lines=found[:SHOWN],
        number=len(found),
        least=least,
        search=search,
        levels=LEVELS,
        kinds=KINDS,
        level=services.operation.log_levels.primary(),
    )


def set_level(services: Services) -> ResponseReturnValue:
    """Say more, or less."""
    level = services.operation.log_levels.set_primary({"level": request.form.get("level", "")})
    return done(_("The log says {level} and what weighs more.", level=level), to=PATH)


PAGES = (
    Page(
        name="logs",
        title=N_("Logs"),
        path=PATH,
        view=logs,
        section=Section.DIAGNOSE,
        icon="file-text",
        order=60,
        routes=(Route("POST", f"{PATH}/level", set_level, Right.OPERATE),),
    ),
)
