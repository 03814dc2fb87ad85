"""The databases that this suite runs on, each in turn."""

from tests.harness.databases import backend, database, empty_settings, migrated_settings

__all__ = ["backend", "database", "empty_settings", "migrated_settings"]
