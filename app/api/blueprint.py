"""Wiring an endpoint table to Flask, for every generation alike.

What the generations say differently is in their `Dialect`: how a call is read, how an error is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Request, Response, g, request
from flask.blueprints import BlueprintSetupState
from werkzeug.routing import Rule

from app.api.endpoint import Answer, Call, Endpoint, EndpointTable
from app.config import ManagementSettings
from app.errors import ServiceError
from app.services import Services

View = Callable[..., Response]
Guard = Callable[[View], View]
"""Lets nobody through to a view but those who may call it; tells by `g.principal` who they are."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one generation reads calls and tells errors."""

    read_call: Callable[[Request, ManagementSettings], Call]
    unknown: Callable[[str], Answer]
    """Answers what the table does not have, given the path behind the base; EMQX takes a wrong method for that too."""
    errors: Mapping[type[Exception], Callable[[Any], Answer]]


def response(answer: Answer) -> Response:
    """Turn an answer into Flask's."""
    return Response(
        answer.body, answer.status, list(answer.headers), content_type=answer.content_type
    )


def create_blueprint(
    name: str,
    table: EndpointTable,
    dialect: Dialect,
    guard: Guard,
    services: Services,
    limits: ManagementSettings,
) -> Blueprint:
    """Return the blueprint; `app.api.raw_path.install` must have prepared the application.

    Args:
        name: The generation, `v4`.
        table: Its calls.
        dialect: Its words.
        guard: Who may call.
        services: What the handlers call.
        limits: Of pages and bodies.
    """
    blueprint = Blueprint(name, __name__)

    def view_of(endpoint: Endpoint) -> View:
        def view(**path_params: str) -> Response:
            if g.principal not in endpoint.audience:
                return response(dialect.unknown(endpoint.path))
            if endpoint.plugin is not None and not services.plugins.is_active(endpoint.plugin):
                return response(dialect.unknown(endpoint.path))
            call = dialect.read_call(request, limits)
            g.asked = call.params
            return response(endpoint.handler(services, call, **path_params))

        return guard(view)

    for endpoint in table:
        view = view_of(endpoint)
        for number, rule in enumerate(endpoint.rules):
            blueprint.add_url_rule(
                table.base + rule.rstrip("/"),
                endpoint=f"{endpoint.id}#{number}",
                view_func=view,
                methods=[endpoint.method],
                provide_automatic_options=False,
            )
    _catch_the_rest(blueprint, table.base, guard(lambda rest="": response(dialect.unknown(rest))))
    for error, answer in dialect.errors.items():
        blueprint.register_error_handler(error, _told(answer, is_strict=limits.strict_status))
    return blueprint


def _told(answer: Callable[[Any], Answer], *, is_strict: bool) -> Callable[[Exception], Response]:
    """Return the handler of one kind of error; a strict one says by its status what EMQX says in the body alone.

    A refusal that a generation words in its own way has the status of the one that it stands for.
    """

    def tell(error: Exception) -> Response:
        said = answer(error)
        if is_strict and isinstance(error, ServiceError):
            meant = error.__cause__ if isinstance(error.__cause__, ServiceError) else error
            said = replace(said, status=meant.code.http_status)
        return response(said)

    return tell


def _catch_the_rest(blueprint: Blueprint, base: str, unknown: View) -> None:
    def add(state: BlueprintSetupState) -> None:
        endpoint = f"{blueprint.name}.unknown"
        state.app.view_functions[endpoint] = unknown
        for rule in (base, base + "/<rest:rest>"):
            state.app.url_map.add(Rule(rule, endpoint=endpoint))

    blueprint.record(add)
