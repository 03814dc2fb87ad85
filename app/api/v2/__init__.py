"""The second generation of the management API: EMQ 2.3's, under `/api/v2`.

A table, a dialect, and one file per resource. What calls do is in `app.services`.
"""

from __future__ import annotations

from flask import Blueprint

from app.api import blueprint
from app.api.auth import Refusal
from app.api.endpoint import EndpointTable
from app.api.security import Guard
from app.api.v2.dialect import DIALECT
from app.api.v2.listing import listing
from app.api.v2.table import TABLE
from app.config import Settings
from app.services import Services

__all__ = ["TABLE", "create_blueprint", "table_for"]

REFUSAL = Refusal(realm="emqx control center", body="")


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
    guard = Guard(services, settings, REFUSAL, users_everywhere=True)
    wired = blueprint.create_blueprint("v2", table, DIALECT, guard, services, settings.management)
    wired.add_url_rule("/", endpoint="listing", view_func=listing(table))
    return wired
