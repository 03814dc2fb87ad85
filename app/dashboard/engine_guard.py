"""Pages about rules while the rule engine is not loaded: they say so, and offer to start it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from flask import Response, request
from flask.typing import ResponseReturnValue

from app.dashboard.answers import is_htmx, show
from app.dashboard.texts import _
from app.errors import ResultCode, ServiceError
from app.rules.registry import ENGINE
from app.services import Services

View = Callable[[Services], ResponseReturnValue]


def needs_engine(view: View) -> View:
    """Return a view that is not reached while the rule engine is not loaded, as the API's calls are not there then."""

    @wraps(view)
    def guarded(services: Services) -> ResponseReturnValue:
        if services.plugins.is_active(ENGINE):
            return view(services)
        if request.method != "GET":
            raise ServiceError(
                ResultCode.BAD_REQUEST, _("the rule engine does not run; start its plugin first")
            )
        if is_htmx():
            # A part of a page that was open when the engine ended; the whole page says what has happened.
            return Response(status=204, headers={"HX-Refresh": "true"})
        return show("pages/engine_off.html", plugin=ENGINE)

    return guarded
