"""`/api/docs`: a page to read about the calls and to try them, and the OpenAPI documents that it shows.

Anybody may read it: it says nothing about this node. The page is one file of HTML, one of CSS and one of JavaScript,
which ask nobody else for anything. Documents are made when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import orjson
from flask import Blueprint, Response, request
from markupsafe import escape

from app.api.describing import Row
from app.api.endpoint import EndpointTable
from app.api.v2.descriptions import REFUSED as REFUSED_V2
from app.api.v3.descriptions import REFUSED as REFUSED_V3
from app.api.v4.descriptions import REFUSED as REFUSED_V4

BASE = "/api/docs"
TITLE = "Godwit's management API"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_STATIC = Path(__file__).parent / "static"
_FILES = {"docs.css": "text/css", "docs.js": "text/javascript", "godwit.svg": "image/svg+xml"}

VERSIONS: Mapping[str, tuple[str, Row]] = {
    "v4": ("4.4", REFUSED_V4),
    "v3": ("3.2", REFUSED_V3),
    "v2": ("2.3", REFUSED_V2),
}
"""The EMQX whose calls a generation has, and how it says no; the newest first, as the page shows them."""


def create_blueprint(tables: Mapping[str, EndpointTable], *, is_strict: bool) -> Blueprint:
    """Return the blueprint.

    Args:
        tables: The generations' calls, by the generation's name.
        is_strict: Whether errors are told by HTTP statuses too.
    """
    blueprint = Blueprint("docs", __name__)

    @cache
    def document(name: str) -> bytes:
        # apispec is loaded by those who read documents, not by every start.
        from app.api.openapi.document import Document, Generation
        from app.api.openapi.outside import OUTSIDE

        wanted = [name] if name else list(VERSIONS)
        made = Document(TITLE, VERSIONS[wanted[0]][0], is_strict=is_strict)
        for one in wanted:
            version, refused = VERSIONS[one]
            made.add(Generation(one, version, tables[one], refused), with_name=not name)
        if not name:
            made.add_plain(OUTSIDE)
        return orjson.dumps(made.finished())

    def json_of_all() -> Response:
        return Response(document(""), content_type="application/json")

    def json_of_one(generation: str) -> Response:
        if generation not in VERSIONS:
            return Response("Not found.", 404, content_type="text/plain")
        return Response(document(generation), content_type="application/json")

    _add(blueprint, "/openapi.json", json_of_all)
    _add(blueprint, "/<generation>/openapi.json", json_of_one)
    _add(blueprint, "", _page())
    for name, media in _FILES.items():
        _add(blueprint, f"/{name}", _file(name, media))
    return blueprint


def _add(blueprint: Blueprint, path: str, view: Callable[..., Response]) -> None:
    # Dots are not for the names of Flask's endpoints.
    blueprint.add_url_rule(
        BASE + path,
        endpoint=path.replace(".", "_") or "page",
        view_func=view,
        provide_automatic_options=False,
    )


def _page() -> Callable[[], Response]:
    html = (_STATIC / "docs.html").read_text("utf-8")

    def page() -> Response:
        # Below a proxy's path the page's files are there too.
        text = html.replace("{base}", str(escape(request.script_root + BASE)))
        response = Response(text, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        response.headers["Cache-Control"] = "no-cache"
        return response

    return page


def _file(name: str, media: str) -> Callable[[], Response]:
    body = (_STATIC / name).read_bytes()

    def file() -> Response:
        response = Response(body, content_type=f"{media}; charset=utf-8")
        response.headers["Cache-Control"] = "no-cache"
        return response

    return file
