"""Putting the API on a Flask application."""

from __future__ import annotations

from flask import Flask, Response

from app.api import docs, metrics, raw_path, requests, status, v2, v3, v4
from app.api.security import Guard
from app.config import Settings
from app.services import Services

GENERATIONS = {"v2": v2, "v3": v3, "v4": v4}


def register_api(app: Flask, services: Services, settings: Settings) -> None:
    """Serve every generation, their description, and `/status`, on `app`.

    Args:
        app: The application; nothing may stand before its WSGI side yet that changes paths.
        services: What the calls do.
        settings: The limits of pages and bodies.
    """
    tables = {name: one.table_for(services) for name, one in GENERATIONS.items()}
    # Converters must be known before the first rule names one.
    raw_path.install(app, [prefix for one in tables.values() for prefix in one.raw_prefixes()])
    requests.install(app, services.audit)
    app.register_blueprint(status.create_blueprint(services.nodes, services.operation.health))
    guard = Guard(services, settings)
    app.register_blueprint(metrics.create_blueprint(services.prometheus, guard))
    for name, generation in GENERATIONS.items():
        app.register_blueprint(generation.create_blueprint(tables[name], services, settings))
    app.register_blueprint(
        docs.create_blueprint(tables, is_strict=settings.management.strict_status)
    )
    app.register_error_handler(404, _not_found)


def _not_found(_error: Exception) -> Response:
    """Answer for paths of nobody as EMQX's listeners do."""
    return Response("Not found.", status=404, content_type="text/plain")
