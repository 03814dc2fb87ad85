"""Resources: what rules talk to, whether it is there, and the form of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson
from flask import request
from flask.typing import ResponseReturnValue

from app.dashboard.access import Right
from app.dashboard.action_forms import TLS, parameters_sent, said
from app.dashboard.answers import done, show
from app.dashboard.engine_guard import needs_engine
from app.dashboard.forms import Field, fields_of
from app.dashboard.pages import Page, Route, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_, _
from app.errors import ResultCode, ServiceError
from app.rules.params import rows
from app.rules.resources.base import ResourceType
from app.services import Services
from app.services.masking import masked
from app.services.resources import ResourceRecord

TABLE = Table(
    id="resources-table",
    path="/resources",
    columns=(
        Column("id", N_("Resource"), sortable=True),
        Column("title", N_("Type"), sortable=True, on_phone=False),
        Column("target", N_("Target"), on_phone=False),
        Column("status", N_("State"), sortable=True),
        Column("rules", N_("Enabled rules"), on_phone=False),
        Column("created_at", N_("Created"), sortable=True, on_phone=False),
    ),
    filters=(
        Filter("id", N_("Resource ID"), placeholder=N_("Part of it")),
        Filter("description", N_("Description"), placeholder=N_("Part of it")),
        Filter("status", N_("State"), (("up", N_("connected")), ("down", N_("down")))),
    ),
    empty=N_("A resource is a server that actions of rules send results to."),
)
_TARGETS = ("url", "address", "server", "servers", "host")
"""Members of configurations that say where the target is."""


@needs_engine
def resources(services: Services) -> ResponseReturnValue:
    """Show the list."""
    found = [_row(services, one) for one in services.resources.list()]
    view = TableView.in_memory(TABLE, TABLE.asked(), found)
    return show("pages/resources.html", {TABLE.id: "pages/resources_table.html"}, view=view)


def _row(services: Services, resource: ResourceRecord) -> dict[str, Any]:
    config = masked(resource.config)
    return {
        "id": resource.id,
        "description": resource.description,
        "title": _title(services, resource.type),
        "target": next((str(config[name]) for name in _TARGETS if config.get(name)), ""),
        "status": "up" if services.resources.is_alive(resource.id) else "down",
        "rules": services.resources.users_of(resource.id),
        "created_at": resource.created_at,
    }


def _title(services: Services, type_name: str) -> str:
    found = next((one for one in services.resources.types() if one.name == type_name), None)
    return said(found.title) if found is not None else type_name


@needs_engine
def edit(services: Services) -> ResponseReturnValue:
    """Show the form of a resource, or of a new one; before that, the kinds to choose from."""
    resource_id, type_name = request.args.get("id", ""), request.args.get("type", "")
    if resource_id:
        found = services.resources.get(resource_id)
        kind = services.resources.type(found.type)
        fields = fields_of(rows(kind.params), masked(found.config))
        return _form(services, kind, fields, found)
    if type_name:
        kind = services.resources.type(type_name)
        return _form(services, kind, fields_of(rows(kind.params)), None)
    kinds = [
        (one.name, said(one.title), said(one.description)) for one in services.resources.types()
    ]
    return show("pages/resource_types.html", kinds=kinds)


def _form(
    services: Services, kind: ResourceType, fields: list[Field], resource: ResourceRecord | None
) -> str:
    return show(
        "pages/resource_edit.html",
        kind=kind.name,
        title=said(kind.title),
        about=said(kind.description),
        plain=[_named(one) for one in fields if one.name not in TLS],
        tls=[_named(one) for one in fields if one.name in TLS],
        resource=resource,
        users=services.resources.users_of(resource.id) if resource is not None else (),
    )


def _named(field: Field) -> Field:
    # So that no parameter is taken for a field of the form itself, such as its description.
    return replace(field, name=f"p.{field.name}")


def _sent(services: Services) -> dict[str, Any]:
    form = request.form
    kind = services.resources.type(form.get("type", ""))
    resource_id = form.get("id", "").strip()
    known = services.resources.exists(resource_id)
    kept = masked(services.resources.get(resource_id).config) if known else {}
    sent = {name.removeprefix("p."): text for name, text in form.items() if name.startswith("p.")}
    values = parameters_sent(fields_of(rows(kind.params), kept), sent)
    files = {one.name for one in kind.params if one.type == "file"}
    config = {name: _file(text) if name in files else text for name, text in values.items()}
    # What an import or an older release brought, and no field shows, stays.
    unseen = {
        name: value for name, value in kept.items() if name not in {p.name for p in kind.params}
    }
    params: dict[str, Any] = {
        "type": kind.name,
        "config": {**unseen, **config},
        "description": form.get("description", ""),
    }
    return {**params, "id": resource_id} if resource_id else params


def _file(text: object) -> object:
    """Return a file as resources take it: a path, or what was pasted in its place."""
    if not isinstance(text, str):
        return text
    if text.lstrip().startswith("-----BEGIN "):
        return {"filename": "pasted.pem", "file": text}
    if text.startswith("{"):
        try:
            given = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        return given if isinstance(given, Mapping) and "file" in given else text
    return text


@needs_engine
def save(services: Services) -> ResponseReturnValue:
    """Make a resource, or change it."""
    params = _sent(services)
    if request.form.get("is_new") == "true":
        resource_id = services.resources.create(params).id
    else:
        resource_id = params["id"]
        _refuse_if_used(services, resource_id)
        changes = {name: params[name] for name in ("config", "description")}
        services.resources.update(resource_id, changes)
    message = _("{resource} is saved.", resource=resource_id)
    return done(message, to=f"/resources?id={quote(resource_id)}")


@needs_engine
def try_out(services: Services) -> ResponseReturnValue:
    """Connect once by what the form says, and keep nothing."""
    params = _sent(services)
    if request.form.get("is_new") == "true" and services.resources.exists(params.get("id", "")):
        # A new one does not mean the secrets of another.
        del params["id"]
    services.resources.test(params)
    return done(_("The target answered."), to="/resources", refresh=["tested"])


@needs_engine
def reconnect(services: Services) -> ResponseReturnValue:
    """Connect anew, now."""
    resource_id = request.form.get("id", "")
    services.audit.note("resource.reconnect", resource_id)
    try:
        services.resources.reconnect(resource_id)
    except ServiceError as error:
        if error.code is not ResultCode.INTERNAL_ERROR:
            raise
        message = _("{resource} cannot be reached", resource=resource_id)
        raise ServiceError(ResultCode.BAD_REQUEST, message) from None
    message = _("{resource} is connected.", resource=resource_id)
    return done(message, to="/resources", refresh=[TABLE.id])


@needs_engine
def delete(services: Services) -> ResponseReturnValue:
    """Remove a resource that no enabled rule needs."""
    resource_id = services.resources.get(request.form.get("id", "")).id
    _refuse_if_used(services, resource_id)
    services.resources.delete(resource_id)
    message = _("{resource} is deleted.", resource=resource_id)
    return done(message, to="/resources", refresh=[TABLE.id])


def _refuse_if_used(services: Services, resource_id: str) -> None:
    users = services.resources.users_of(resource_id)
    if users:
        message = _(
            "enabled rules need {resource}: {rules}; disable them first",
            resource=resource_id,
            rules=", ".join(users),
        )
        raise ServiceError(ResultCode.BAD_REQUEST, message)


PAGES = (
    Page(
        name="resources",
        title=N_("Resources"),
        path="/resources",
        view=resources,
        section=Section.RULES,
        icon="database",
        order=20,
        routes=(
            Route("POST", "/resources/reconnect", reconnect, Right.OPERATE),
            Route("POST", "/resources/delete", delete, Right.OPERATE),
        ),
    ),
    Page(
        name="resource_edit",
        title=N_("Create or change a resource"),
        path="/resources/edit",
        view=edit,
        parent="resources",
        right=Right.OPERATE,
        routes=(
            Route("POST", "/resources/save", save, Right.OPERATE),
            Route("POST", "/resources/test", try_out, Right.OPERATE),
        ),
    ),
)
