"""The fourth generation of the management API: EMQX 4's, under `/api/v4`.

A table, a dialect, and one file per resource. This room wires them to Flask; what calls do is in `app.services`.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import Rule

from app.api.auth import application_auth
from app.api.endpoint import Endpoint, Principal
from app.api.v4 import dialect
from app.api.v4.table import TABLE
from app.config import Settings
from app.errors import ServiceError
from app.services import Services
from app.services.nodes import UnknownNode

__all__ = ["TABLE", "create_blueprint"]


def create_blueprint(services: Services, settings: Settings) -> Blueprint:
    """Return the blueprint; `app.api.raw_path.install` must have prepared the application.

    Args:
        services: What the handlers call.
        settings: Of these, the limits of pages and bodies.
    """
    blueprint = Blueprint("v4", __name__)
    auth = application_auth(services.apps)
    guard: Callable[[Callable[..., Response]], Callable[..., Response]] = auth.login_required
    for endpoint in TABLE:
        if Principal.APP in endpoint.audience:
            view = guard(_view(endpoint, services, settings))
            for number, rule in enumerate(endpoint.rules):
                blueprint.add_url_rule(
                    TABLE.base + rule.rstrip("/"),
                    endpoint=f"{endpoint.method}_{endpoint.name}_{number}",
                    view_func=view,
                    methods=[endpoint.method],
                    provide_automatic_options=False,
                )
    _catch_the_rest(blueprint, guard)
    blueprint.register_error_handler(ServiceError, dialect.refusal)
    blueprint.register_error_handler(UnknownNode, _unknown_node)
    blueprint.register_error_handler(dialect.NotJson, _not_json)
    blueprint.register_error_handler(Exception, dialect.crash)
    return blueprint


def _view(endpoint: Endpoint, services: Services, settings: Settings) -> Callable[..., Response]:
    handler, management = endpoint.handler, settings.management

    def view(**path_params: str) -> Response:
        call = dialect.read_call(request, management.max_row_limit, management.max_body_size)
        return dialect.response(handler(services, call, **path_params))

    return view


def _catch_the_rest(
    blueprint: Blueprint, guard: Callable[[Callable[..., Response]], Callable[..., Response]]
) -> None:
    """Answer what the table does not have; a wrong method is as unknown to EMQX as a wrong path."""

    def unknown(rest: str = "") -> Response:
        return dialect.response(dialect.not_found() if rest else dialect.bad_request())

    def add(state: BlueprintSetupState) -> None:
        state.app.view_functions["v4.unknown"] = guard(unknown)
        for rule in (TABLE.base, TABLE.base + "/<rest:rest>"):
            state.app.url_map.add(Rule(rule, endpoint="v4.unknown"))

    blueprint.record(add)


def _unknown_node(_error: UnknownNode) -> Response:
    return dialect.response(dialect.not_found())


def _not_json(_error: dialect.NotJson) -> Response:
    return dialect.response(dialect.bad_request())
