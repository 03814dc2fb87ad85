"""Resources in the words of the fourth generation."""

from __future__ import annotations

from app.api import rule_rows

ENDPOINTS = rule_rows.endpoints(
    "v4",
    (
        ("POST", "/resources", rule_rows.create_resource, "Create a resource"),
        ("GET", "/resources", rule_rows.list_resources, "A list of all resources"),
        ("GET", "/resources/:resource_id", rule_rows.show_resource, "Show a resource"),
        (
            "GET",
            "/resource_status/:resource_id",
            rule_rows.show_resource_status,
            "Tell whether a resource is alive",
        ),
        ("PUT", "/resources/:resource_id", rule_rows.update_resource, "Update a resource"),
        ("POST", "/resources/:resource_id", rule_rows.start_resource, "Start a resource"),
        ("DELETE", "/resources/:resource_id", rule_rows.delete_resource, "Delete a resource"),
    ),
)
