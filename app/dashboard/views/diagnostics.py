"""Diagnostics: what this node's process is, what it does right now, and all of it as a bundle."""

from __future__ import annotations

import time

from flask import Response
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.texts import N_
from app.services import Services

PATH = "/diagnostics"
NOW = "diagnostics-now"
STORAGE = {
    "groups": N_("Groups of changes written"),
    "bytes": N_("Bytes written"),
    "pending": N_("Bytes that wait to be written"),
    "failures": N_("Failures of writing"),
    "paused": N_("Clients that were made to wait"),
}
"""What is counted of the journal; others are shown by their names."""
SIZES = {"bytes", "pending"}
LATE_MS = 50.0
"""A loop that is later than this is shown as a warning."""


def diagnostics(services: Services) -> ResponseReturnValue:
    """Show the page, or what changes on it."""
    asked = services.insight.diagnostics
    return show(
        "pages/diagnostics.html",
        {NOW: "pages/diagnostics_now.html"},
        asked=asked,
        vm=asked.vm(),
        lag=asked.lag(),
        late_ms=LATE_MS,
        storage=asked.storage(),
        storage_words=STORAGE,
        sizes=SIZES,
        recon=asked.recon(),
    )


def bundle(services: Services) -> ResponseReturnValue:
    """Hand out all of it."""
    services.audit.note("diagnostics.bundle", "")
    name = time.strftime("godwit-%Y%m%d-%H%M%S.zip", time.gmtime())
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    packed = services.insight.diagnostics.bundle()
    return Response(packed, headers=headers, content_type="application/zip")


PAGES = (
    Page(
        name="diagnostics",
        title=N_("Diagnostics"),
        path=PATH,
        view=diagnostics,
        section=Section.DIAGNOSE,
        icon="stethoscope",
        order=70,
        routes=(Route("POST", f"{PATH}/bundle", bundle, Right.ADMINISTER),),
    ),
)
