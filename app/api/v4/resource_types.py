"""The kinds of resources in the words of the fourth generation."""

from __future__ import annotations

from app.api import rule_rows

ENDPOINTS = rule_rows.endpoints(
    "v4",
    (
        ("GET", "/resource_types", rule_rows.list_resource_types, "List all resource types"),
        (
            "GET",
            "/resource_types/:resource_type_name",
            rule_rows.show_resource_type,
            "Show a resource type",
        ),
        (
            "GET",
            "/resource_types/:resource_type_name/resources",
            rule_rows.list_resources_by_type,
            "List all resources of a resource type",
        ),
    ),
)
