"""Listeners: where clients come in, how many did, and until when the certificates hold."""

from __future__ import annotations

import time

from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError
from app.services import Services

PATH = "/listeners"
LIST = "listeners-list"
SOON_MS = 30 * 86_400_000
"""A certificate that ends before is shown as a warning."""


def listeners(services: Services) -> ResponseReturnValue:
    """Show the listeners of all nodes."""
    return show(
        "pages/listeners.html",
        {LIST: "pages/listeners_list.html"},
        nodes=services.listeners.list(),
        ends=services.insight.certificates.end_at_ms(),
        now_ms=time.time() * 1000,
        soon_ms=SOON_MS,
    )


def stop(services: Services) -> ResponseReturnValue:
    """Close a listener's socket."""
    identifier = _noted(services, "listener.stop")
    services.listeners.stop(identifier)
    return _done(_("{listener} takes nobody in any more.", listener=identifier))


def start(services: Services) -> ResponseReturnValue:
    """Open a listener's socket again."""
    identifier = _noted(services, "listener.start")
    services.listeners.start(identifier)
    return _done(_("{listener} listens.", listener=identifier))


def restart(services: Services) -> ResponseReturnValue:
    """Close a listener's socket and open it anew, which reads its certificates again."""
    identifier = _noted(services, "listener.restart")
    services.listeners.restart(identifier)
    return _done(_("{listener} listens anew.", listener=identifier))


def _noted(services: Services, action: str) -> str:
    identifier = request.form.get("identifier", "")
    if not identifier:
        raise ServiceError(ResultCode.NOT_FOUND)
    services.audit.note(action, identifier)
    return identifier


def _done(message: str) -> ResponseReturnValue:
    return done(message, to=PATH, refresh=[LIST])


PAGES = (
    Page(
        name="listeners",
        title=N_("Listeners"),
        path=PATH,
        view=listeners,
        section=Section.MANAGE,
        icon="broadcast",
        order=30,
        routes=(
            Route("POST", f"{PATH}/stop", stop, Right.OPERATE),
            Route("POST", f"{PATH}/start", start, Right.OPERATE),
            Route("POST", f"{PATH}/restart", restart, Right.OPERATE),
        ),
    ),
)
