"""The tables, the database that holds them, and the steps that brought it to its shape.

Only services and storage may look in here; what leaves them are frozen records, never rows.
"""

from app.models.app import App
from app.models.banned import Banned
from app.models.base import Base
from app.models.database import Database, DatabaseError
from app.models.installation_fact import InstallationFact
from app.models.migration import is_at_head, migrate

__all__ = [
    "App",
    "Banned",
    "Base",
    "Database",
    "DatabaseError",
    "InstallationFact",
    "is_at_head",
    "migrate",
]
