"""The third generation of the management API: EMQ X 3's, under `/api/v3`.

A table, a dialect, and one file per resource. What calls do is in `app.services`.
"""

from __future__ import annotations

from flask import Blueprint

from app.api import blueprint, minirest
from app.api.endpoint import EndpointTable
from app.api.security import Guard
from app.api.v3.table import TABLE
from app.config import Settings
from app.services import Services

__all__ = ["TABLE", "create_blueprint", "table_for"]


def table_for(_services: Services) -> EndpointTable:
    """Return the calls; they are the same on every node."""
    return TABLE


def create_blueprint(table: EndpointTable, services: Services, settings: Settings) -> Blueprint:
    """Return the blueprint; `app.api.raw_path.install` must have prepared the application.

    Args:
        table: The calls.
        services: What the handlers call.
        settings: Of these, the ports, and the limits of pages and bodies.
    """
    guard = Guard(services, settings)
    return blueprint.create_blueprint(
        "v3", table, minirest.DIALECT, guard, services, settings.management
    )
