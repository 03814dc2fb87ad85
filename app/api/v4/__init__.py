"""The fourth generation of the management API: EMQX 4's, under `/api/v4`.

A table, a dialect, and one file per resource. What calls do is in `app.services`.
"""

from __future__ import annotations

from flask import Blueprint

from app.api import blueprint, minirest
from app.api.endpoint import EndpointTable
from app.api.security import Guard
from app.api.v4.plugin_endpoints import endpoints_of
from app.api.v4.table import TABLE, table_with
from app.config import Settings
from app.services import Services

__all__ = ["TABLE", "create_blueprint", "table_for"]


def table_for(services: Services) -> EndpointTable:
    """Return the calls, those of the plugins of this node among them."""
    return table_with(endpoints_of(services, TABLE))


def create_blueprint(table: EndpointTable, services: Services, settings: Settings) -> Blueprint:
    """Return the blueprint; `app.api.raw_path.install` must have prepared the application.

    Args:
        table: The calls.
        services: What the handlers call.
        settings: Of these, the limits of pages and bodies.
    """
    guard = Guard(services, settings)
    return blueprint.create_blueprint(
        "v4", table, minirest.DIALECT, guard, services, settings.management
    )
