"""Backups: the whole instance in one file, made while the node serves; and how to go back to one."""

from __future__ import annotations

from flask import request, send_file
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.answers import done, show
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Table, TableView
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError
from app.services import Services
from app.services.backups import CHECK, KeptBackup

PROTECTIONS = {
    "passphrase": N_("encrypted under a passphrase"),
    "same-key": N_("only its secrets, under the key of this instance"),
}
NOW = "backups-now"
TABLE = Table(
    id="backups-table",
    path="/backups",
    columns=(
        Column("name", N_("File")),
        Column("made", N_("Made"), on_phone=False),
        Column("size", N_("Size"), is_number=True),
        Column("rows", N_("Rows"), is_number=True, on_phone=False),
        Column("protection", N_("Encrypted"), on_phone=False),
    ),
    empty=N_("Make the first one above."),
)


def backups(services: Services) -> ResponseReturnValue:
    """Show the files, what is being done, and how to restore the newest or the one that is asked for."""
    found = services.backups.list()
    state = TABLE.asked()
    first = (state.page - 1) * state.limit
    shown = found[first : first + state.limit]
    job = services.backups.job
    return show(
        "pages/backups.html",
        {NOW: "pages/backups_now.html", TABLE.id: "pages/backups_table.html"},
        view=TableView(TABLE, state, shown, len(found), first + state.limit < len(found)),
        job=job,
        is_check=job is not None and job.kind == CHECK,
        protections=PROTECTIONS,
        command=services.backups.restore_command(_chosen(found)),
    )


def _chosen(found: list[KeptBackup]) -> KeptBackup | None:
    wanted = request.args.get("restore", "")
    whole = [one for one in found if not one.problem]
    return next((one for one in whole if one.name == wanted), whole[0] if whole else None)


def make(services: Services) -> ResponseReturnValue:
    """Begin to make one."""
    is_open = request.form.get("protection") == "same-key"
    passphrase = request.form.get("passphrase", "")
    if is_open and passphrase:
        raise ServiceError(
            ResultCode.BAD_PARAMETER,
            _("A passphrase encrypts the whole backup: choose that, or leave it empty"),
        )
    job = services.backups.make(None if is_open else passphrase)
    return done(_("{name} is being made.", name=job.name), to=TABLE.path, refresh=[NOW])


def check(services: Services) -> ResponseReturnValue:
    """Begin to read one to its end."""
    passphrase = request.form.get("passphrase") or None
    job = services.backups.check(request.form.get("name", ""), passphrase)
    return done(_("{name} is being checked.", name=job.name), to=TABLE.path, refresh=[NOW])


def download(services: Services) -> ResponseReturnValue:
    """Hand one out."""
    path = services.backups.path(request.args.get("name", ""))
    return send_file(
        path, mimetype="application/octet-stream", as_attachment=True, download_name=path.name
    )


def delete(services: Services) -> ResponseReturnValue:
    """Delete one."""
    name = request.form.get("name", "")
    services.backups.delete(name)
    return done(_("{name} is deleted.", name=name), to=TABLE.path, refresh=[NOW])


PAGES = (
    Page(
        name="backups",
        title=N_("Backups"),
        path="/backups",
        view=backups,
        section=Section.SYSTEM,
        icon="archive",
        order=45,
        right=Right.ADMINISTER,
        routes=(
            Route("GET", "/backups/download", download, Right.ADMINISTER),
            Route("POST", "/backups/make", make, Right.ADMINISTER),
            Route("POST", "/backups/check", check, Right.ADMINISTER),
            Route("POST", "/backups/delete", delete, Right.ADMINISTER),
        ),
    ),
)
