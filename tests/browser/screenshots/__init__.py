"""Photographs of the dashboard: `make screenshots`."""
