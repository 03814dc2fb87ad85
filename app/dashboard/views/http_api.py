"""HTTP API: every call of the three generations, with a way to each in `/api/docs`, to read about it and try it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from flask import current_app, request
from flask.typing import ResponseReturnValue

from app.dashboard.answers import show
from app.dashboard.pages import Page, Section
from app.dashboard.tables import Column, Filter, Table, TableView
from app.dashboard.texts import N_
from app.services import Services

DOCUMENTS = "docs./<generation>/openapi_json"
"""The view with the OpenAPI document of a generation; an application without the APIs has none."""
GENERATIONS = {"v4": "v4 · EMQX 4", "v3": "v3 · EMQ X 3", "v2": "v2 · EMQ 2"}
METHODS = ("GET", "POST", "PUT", "DELETE")
TABLE = Table(
    id="calls-table",
    path="/http_api",
    columns=(
        Column("method", N_("Method"), sortable=True),
        Column("call", N_("Path"), sortable=True),
        Column("summary", N_("What it does"), on_phone=False),
        Column("tag", N_("About"), sortable=True, on_phone=False),
    ),
    filters=(
        Filter("generation", N_("Version"), tuple(GENERATIONS.items())),
        Filter("method", N_("Method"), tuple((one, one) for one in METHODS)),
        Filter("call", N_("Path"), placeholder="clients"),
        Filter("summary", N_("What it does"), placeholder=N_("Part of it")),
    ),
    empty=N_("This process serves no management API."),
)


def http_api(_services: Services) -> ResponseReturnValue:
    """Show the calls."""
    state = TABLE.asked()
    return show(
        "pages/http_api.html",
        {TABLE.id: "pages/http_api_table.html"},
        view=TableView.in_memory(TABLE, state, calls()),
        docs=f"{request.script_root}/api/docs",
        kinds={"GET": "success", "POST": "info", "PUT": "warning", "DELETE": "danger"},
    )


def calls() -> list[dict[str, Any]]:
    """Return every call as its OpenAPI document has it."""
    view: Any = current_app.view_functions.get(DOCUMENTS)
    if view is None:
        return []
    return [
        row
        for generation in GENERATIONS
        for row in _rows(generation, orjson.loads(view(generation).data))
    ]


def _rows(generation: str, document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "generation": generation,
            "method": method.upper(),
            "call": path,
            "summary": operation.get("summary", ""),
            "tag": ", ".join(operation.get("tags", ())),
            "id": operation["operationId"],
        }
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method.upper() in METHODS
    ]


PAGES = (
    Page(
        name="http_api",
        title=N_("HTTP API"),
        path="/http_api",
        view=http_api,
        section=Section.TOOLS,
        icon="api",
        order=60,
    ),
)
