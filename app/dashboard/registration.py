"""Putting the dashboard on a Flask application: routes behind their rights, headers, errors, words for templates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import wraps
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, g, redirect, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.exceptions import HTTPException

from app.dashboard import answers, door, forms, sessions, texts
from app.dashboard.access import Right, allows
from app.dashboard.answers import explained, is_htmx, refused, url
from app.dashboard.assets import Assets
from app.dashboard.pages import DEFAULT_BODY_BYTES, Page, Route, Section, all_pages
from app.dashboard.sessions import ROOT
from app.dashboard.texts import LANGUAGES, _
from app.errors import ServiceError
from app.services import Services
from app.services.nodes import UnknownNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.config import Settings

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "godwit_theme"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "HX-Request, HX-Target",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{nonce}; img-src 'self' data:; font-src 'self'; "
    # The WebSocket client of the tools connects to wherever the operator says.
    "connect-src 'self' ws: wss:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def register_dashboard(
    app: Flask, services: Services, settings: Settings, secret_key: bytes
) -> None:
    """Serve the dashboard below `/dashboard` on every port, and send browsers there that ask for the root.

    Args:
        app: The application; `register_api` has prepared it.
        services: What the pages show and do.
        settings: Which ports are the dashboard's.
        secret_key: What the cookie is signed with.
    """
    sessions.install(app, services.logins, secret_key)
    # Forms of ours are checked by the blueprint; the APIs take no cookie, so nobody can be made to call them.
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    csrf = CSRFProtect(app)
    assets, pages = Assets(), all_pages()
    blueprint = Blueprint("dashboard", __name__, template_folder="templates")
    body_limits = _add_routes(blueprint, services, assets, pages)

    def protect() -> None:
        request.max_content_length = body_limits.get(request.endpoint or "", DEFAULT_BODY_BYTES)
        csrf.protect()

    blueprint.before_request(protect)
    blueprint.after_request(_with_headers)
    for error, answer in _ANSWERS.items():
        blueprint.register_error_handler(error, answer)
    _teach_templates(app, services, assets, pages)
    app.register_blueprint(blueprint, url_prefix=ROOT)
    dashboard_ports = frozenset(str(at.port) for at in settings.dashboard.listeners)
    app.before_request(lambda: _from_the_root(dashboard_ports))


def _add_routes(
    blueprint: Blueprint, services: Services, assets: Assets, pages: Sequence[Page]
) -> dict[str, int]:
    """Add everything; return the largest body of each endpoint."""
    limits: dict[str, int] = {}
    for page in pages:
        for route in page.all_routes():
            name = f"{page.name}-{route.view.__name__}"
            view = _guarded(page, route, services)
            blueprint.add_url_rule(route.path, name, view, methods=[route.method])
            limits[f"{blueprint.name}.{name}"] = route.max_body_bytes
    for path, method, name, view in door.routes(services):
        blueprint.add_url_rule(path, name, view, methods=[method])
    blueprint.add_url_rule("/preferences", "preferences", _prefer, methods=["POST"])
    blueprint.add_url_rule("/texts/<language>.json", "texts", _texts)
    blueprint.add_url_rule("/static/<path:filename>", "static", assets.send)
    blueprint.add_url_rule("/<path:unknown>", "unknown", _unknown)
    return limits


def _guarded(page: Page, route: Route, services: Services) -> Callable[[], ResponseReturnValue]:
    """Return a view that lets nobody through but those who have the route's right."""

    @wraps(route.view)
    def guarded() -> ResponseReturnValue:
        user = sessions.user()
        if user is None:
            return _to_login(page)
        if not allows(user.role, route.right):
            return refused(
                _(
                    "Your role ({role}) does not allow this. Ask an administrator.",
                    role=_(user.role),
                ),
                403,
            )
        g.page = page
        return route.view(services)

    return guarded


def _to_login(page: Page) -> ResponseReturnValue:
    came_from = url(page.path) if request.method != "GET" else request.full_path.rstrip("?")
    there = url("/login", next=came_from)
    if is_htmx():
        return Response(status=401, headers={"HX-Redirect": there})
    return redirect(there, 303)


def _prefer() -> ResponseReturnValue:
    """Keep the language or the theme that was chosen, in this browser."""
    response = redirect(door.safe_target(request.form.get("next", "")), 303)
    for field, cookie, allowed in (
        ("language", texts.COOKIE, tuple(LANGUAGES)),
        ("theme", THEME_COOKIE, THEMES),
    ):
        chosen = request.form.get(field)
        if chosen in allowed:
            response.set_cookie(
                cookie,
                chosen,
                max_age=31_536_000,
                path=request.script_root + ROOT,
                samesite="Lax",
                secure=request.is_secure,
            )
    return response


def _texts(language: str) -> ResponseReturnValue:
    """Return the texts of a language, for scripts."""
    if language not in LANGUAGES:
        return Response("Not found.", 404, content_type="text/plain")
    return dict(texts.catalogue(language))


def _unknown(unknown: str) -> ResponseReturnValue:
    return refused(_("There is no page here. Choose one from the menu."), 404)


def _from_the_root(dashboard_ports: frozenset[str]) -> ResponseReturnValue | None:
    """Send a browser that asks for the root to the dashboard; who wants JSON gets the API's answer."""
    if request.path != "/" or request.method not in ("GET", "HEAD"):
        return None
    accepts = request.headers.get("Accept", "*/*")
    is_dashboard = request.environ.get("SERVER_PORT") in dashboard_ports
    if "text/html" in accepts or (is_dashboard and "application/json" not in accepts):
        return redirect(url("/"))
    return None


def _with_headers(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    nonce = f" 'nonce-{g.style_nonce}'" if "style_nonce" in g else ""
    response.headers["Content-Security-Policy"] = _POLICY.format(nonce=nonce)
    return response


def _service_error(error: ServiceError) -> ResponseReturnValue:
    return refused(explained(error), error.code.http_status)


def _unknown_node(error: UnknownNode) -> ResponseReturnValue:
    return refused(_("No node is called {name}. Reload the page.", name=error.name), 404)


def _csrf_error(_error: CSRFError) -> ResponseReturnValue:
    return refused(_("This page is from before you logged in. Reload it and try again."), 400)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    said = {
        405: _("This cannot be done here. Go back and use the buttons of the page."),
        413: _("This is too large. Send less."),
    }
    status = error.code or 500
    return refused(
        said.get(status, _("The request was refused ({status}).", status=status)), status
    )


_ANSWERS: dict[type[Exception], Callable[..., ResponseReturnValue]] = {
    ServiceError: _service_error,
    UnknownNode: _unknown_node,
    CSRFError: _csrf_error,
    HTTPException: _http_error,
}


def _teach_templates(app: Flask, services: Services, assets: Assets, pages: Sequence[Page]) -> None:
    """Give templates, and the macros in them, their words."""
    by_name = {page.name: page for page in pages}

    def menu() -> list[tuple[Section, list[Page]]]:
        user = sessions.user()
        role = user.role if user else ""
        return [
            (section, shown)
            for section in Section
            if (
                shown := [
                    page for page in pages if page.section is section and allows(role, page.right)
                ]
            )
        ]

    def may(right: str) -> bool:
        user = sessions.user()
        return user is not None and allows(user.role, Right(right))

    def theme() -> str:
        chosen = request.cookies.get(THEME_COOKIE, "")
        return chosen if chosen in THEMES else "auto"

    app.jinja_env.globals.update(
        _=_,
        url=url,
        assets=assets,
        icon=assets.icon,
        menu=menu,
        may=may,
        theme=theme,
        themes=THEMES,
        languages=LANGUAGES,
        language=texts.language,
        user=sessions.user,
        page=lambda: g.get("page"),
        page_named=by_name.get,
        node_name=lambda: services.nodes.status()[0],
        style_nonce=answers.style_nonce,
    )
    app.jinja_env.filters.update(forms.FILTERS)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
