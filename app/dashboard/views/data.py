"""Data export and import: files with everything that is configured, what they would change, and bringing them in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from urllib.parse import quote

from flask import Response, request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show, url
from app.dashboard.pages import Page, Route, Section, View
from app.dashboard.tables import Column, Table, TableView
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError
from app.services import Services
from app.services.data_files import DocumentRefused, base_name
from app.services.data_import import Difference, UnsupportedVersion
from app.services.data_items import ImportRefused

UPLOAD_MAX_BYTES = 64 * 1024 * 1024
SECTIONS = {
    "rules": N_("Rules"),
    "resources": N_("Resources"),
    "blacklist": N_("Bans"),
    "apps": N_("Applications"),
    "users": N_("Users"),
    "auth_mnesia": N_("MQTT logins"),
    "acl_mnesia": N_("Access rules"),
    "schemas": N_("Schemas"),
}
"""What sections of a file are called for people; others go by their own names."""
CHANGES = {
    "added": (N_("added"), "success"),
    "changed": (N_("changed"), "warning"),
    "conflict": (N_("said twice"), "danger"),
}
TABLE = Table(
    id="files-table",
    path="/data",
    columns=(
        Column("filename", N_("File"), sortable=True),
        Column("created", N_("Made"), sortable=True, on_phone=False),
        Column("size", N_("Size"), sortable=True, is_number=True, on_phone=False),
        Column("node", N_("Node"), on_phone=False),
    ),
    empty=N_("Make an export, or bring a file from another node."),
)


def _telling_why(view: Callable[[Services], ResponseReturnValue]) -> View:
    """Have refusals of files say their reason instead of EMQX's one word for all of them."""

    @wraps(view)
    def telling(services: Services) -> ResponseReturnValue:
        try:
            return view(services)
        except (DocumentRefused, ImportRefused, UnsupportedVersion) as error:
            raise ServiceError(ResultCode.BAD_PARAMETER, error.reason) from error

    return telling


def data(services: Services) -> ResponseReturnValue:
    """Show the files."""
    rows = [
        {
            "filename": file.filename,
            "created": file.created_at_ms,
            "size": file.size,
            "node": file.node,
        }
        for file in reversed(services.data.files.list())
    ]
    return show(
        "pages/data.html",
        {TABLE.id: "pages/data_table.html"},
        view=TableView.in_memory(TABLE, TABLE.asked(), rows),
    )


def export(services: Services) -> ResponseReturnValue:
    """Export everything into a new file."""
    made = services.data.export.run()
    return done(_("{name} is made.", name=made.filename), to="/data", refresh=[TABLE.id])


@_telling_why
def download(services: Services) -> ResponseReturnValue:
    """Return a file."""
    name = request.args.get("filename", "")
    content = services.data.files.content(name)
    attached = f"attachment; filename*=UTF-8''{quote(base_name(name))}"
    return Response(
        content, content_type="application/json", headers={"Content-Disposition": attached}
    )


@_telling_why
def upload(services: Services) -> ResponseReturnValue:
    """Keep a file of the browser's machine."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise ServiceError(ResultCode.BAD_PARAMETER, _("Choose a file first"))
    try:
        text = sent.read().decode("utf-8")
    except UnicodeDecodeError:
        raise ServiceError(ResultCode.BAD_PARAMETER, _("The file is no UTF-8 text")) from None
    kept = services.data.files.upload(base_name(sent.filename), text)
    return done(
        _("{name} is here. Nothing is changed yet.", name=kept.filename),
        to=f"/data/compare?filename={quote(kept.filename)}",
    )


def delete(services: Services) -> ResponseReturnValue:
    """Delete a file."""
    name = request.form.get("filename", "")
    services.data.files.delete(name)
    return done(_("{name} is deleted.", name=name), to="/data", refresh=[TABLE.id])


@_telling_why
def compare(services: Services) -> ResponseReturnValue:
    """Show what a file would change."""
    name = request.args.get("filename", "")
    document = services.data.files.document(name)
    found = services.data.imports.run(document, source=name, dry_run=True)
    return _shown(name, found, is_done=False)


@_telling_why
def bring_in(services: Services) -> ResponseReturnValue:
    """Import a file, all of it or nothing, and show what that has changed."""
    name = request.form.get("filename", "")
    document = services.data.files.document(name)
    return _shown(name, services.data.imports.run(document, source=name), is_done=True)


def _shown(name: str, found: Difference, *, is_done: bool) -> ResponseReturnValue:
    return show(
        "pages/data_compare.html",
        {"difference": "pages/data_difference.html"},
        filename=name,
        sections=found,
        words=SECTIONS,
        changes=CHANGES,
        is_done=is_done,
        differs=any(one.added or one.changed for one in found.values()),
        back=url("/data"),
    )


PAGES = (
    Page(
        name="data",
        title=N_("Export and import"),
        path="/data",
        view=data,
        section=Section.SYSTEM,
        icon="database-export",
        order=40,
        right=Right.ADMINISTER,
        routes=(
            Route("POST", "/data/export", export, Right.ADMINISTER),
            Route("GET", "/data/download", download, Right.ADMINISTER),
            Route("POST", "/data/upload", upload, Right.ADMINISTER, UPLOAD_MAX_BYTES),
            Route("POST", "/data/delete", delete, Right.ADMINISTER),
            Route("POST", "/data/import", bring_in, Right.ADMINISTER),
        ),
    ),
    Page(
        name="data-compare",
        title=N_("What a file would change"),
        path="/data/compare",
        view=compare,
        right=Right.ADMINISTER,
        parent="data",
    ),
)
