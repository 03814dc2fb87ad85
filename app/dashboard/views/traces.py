"""Traces: the log of one client, topic or address, followed while it is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Response, request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError
from app.services import Services

MODULE = "emqx_mod_trace"
PATH = "/traces"
LIST = "traces-list"
TAIL_BYTES = 65_536
TYPES = {
    "clientid": N_("Client ID"),
    "topic": N_("Topic filter"),
    "ip_address": N_("Address"),
}
MINUTES = {
    10: N_("10 minutes"),
    30: N_("30 minutes"),
    60: N_("1 hour"),
    360: N_("6 hours"),
    1440: N_("24 hours"),
}
"""How long a trace may be asked to run."""
STATES = {"running": ("success", N_("running")), "waiting": ("info", N_("waiting"))}
STOPPED = ("secondary", N_("stopped"))


def traces(services: Services) -> ResponseReturnValue:
    """Show the traces."""
    is_on = services.modules.is_active(MODULE)
    return show(
        "pages/traces.html",
        {LIST: "pages/traces_list.html"},
        is_on=is_on,
        traces=services.observers.traces.list() if is_on else [],
        types=TYPES,
        minutes=MINUTES,
        states=STATES,
        stopped=STOPPED,
        wanted_type=request.args.get("type", "clientid"),
        wanted=request.args.get("filter", ""),
        suggested=datetime.now(UTC).strftime("trace-%m%d-%H%M%S"),
    )


def follow(services: Services) -> ResponseReturnValue:
    """Show the newest lines of a trace, and go on."""
    name = request.args.get("name", "")
    service = services.observers.traces
    trace = next((one for one in service.list() if one.name == name), None)
    if trace is None:
        raise ServiceError(ResultCode.NOT_FOUND)
    size, _written_s = service.detail(name)
    part = service.log_part(name, {"position": max(0, size - TAIL_BYTES), "bytes": TAIL_BYTES})
    lines = part.text.splitlines()
    if size > TAIL_BYTES:
        # The first may have been cut through.
        del lines[:1]
    return show(
        "pages/trace.html",
        {"trace-lines": "pages/trace_lines.html"},
        trace=trace,
        lines=lines[::-1],
        is_cut=size > TAIL_BYTES,
        types=TYPES,
        states=STATES,
        stopped=STOPPED,
    )


def download(services: Services) -> ResponseReturnValue:
    """Hand a trace's log out."""
    name = request.args.get("name", "")
    packed = services.observers.traces.zipped(name)
    headers = {"Content-Disposition": f"attachment; filename={name}.zip"}
    return Response(packed, headers=headers, content_type="application/zip")


def create(services: Services) -> ResponseReturnValue:
    """Begin a trace."""
    kind, name = request.form.get("type", ""), request.form.get("name", "")
    minutes = request.form.get("minutes", 10, type=int)
    ends = datetime.now(UTC) + timedelta(minutes=min(max(minutes, 1), max(MINUTES)))
    services.observers.traces.create(
        {
            "name": name,
            "type": kind,
            kind: request.form.get("filter", "").strip(),
            "end_at": ends.isoformat(timespec="seconds"),
        }
    )
    return done(_("The trace {name} runs.", name=name), to=PATH)


def stop(services: Services) -> ResponseReturnValue:
    """End a trace."""
    name = request.form.get("name", "")
    services.observers.traces.stop(name)
    return done(
        _("The trace {name} is stopped.", name=name), to=PATH, refresh=[LIST, "trace-lines"]
    )


def delete(services: Services) -> ResponseReturnValue:
    """Forget a trace with its log."""
    name = request.form.get("name", "")
    services.observers.traces.delete(name)
    return done(_("The trace {name} is deleted.", name=name), to=PATH)


def switch_on(services: Services) -> ResponseReturnValue:
    """Switch the module on."""
    services.modules.load(MODULE)
    return done(_("The module is switched on."), to=PATH)


PAGES = (
    Page(
        name="traces",
        title=N_("Traces"),
        path=PATH,
        view=traces,
        section=Section.DIAGNOSE,
        icon="list-search",
        order=50,
        routes=(
            Route("GET", f"{PATH}/follow", follow),
            Route("GET", f"{PATH}/download", download),
            Route("POST", f"{PATH}/create", create, Right.OPERATE),
            Route("POST", f"{PATH}/stop", stop, Right.OPERATE),
            Route("POST", f"{PATH}/delete", delete, Right.OPERATE),
            Route("POST", f"{PATH}/switch_on", switch_on, Right.OPERATE),
        ),
    ),
)
