"""Rules, actions and resources in the words of the third generation, which has no pages of them (EMQ X 3.1)."""

from __future__ import annotations

from app.api import rule_rows
from app.api.endpoint import Answer, Call
from app.api.minirest import success
from app.services import Services
from app.services.rules import RuleQuery


def list_all_rules(services: Services, _call: Call) -> Answer:
    """List the rules."""
    found = services.rules.list(RuleQuery())
    return success([rule_rows.rule_row(services.rules, one) for one in found])


ENDPOINTS = rule_rows.endpoints(
    "v3",
    (
        ("POST", "/rules", rule_rows.create_rule, "Create a rule"),
        ("PUT", "/rules/:rule_id", rule_rows.update_rule, "Update a rule"),
        ("GET", "/rules", list_all_rules, "A list of all rules"),
        ("GET", "/rules/:rule_id", rule_rows.show_rule, "Show a rule"),
        ("DELETE", "/rules/:rule_id", rule_rows.delete_rule, "Delete a rule"),
        ("GET", "/actions", rule_rows.list_actions, "A list of all actions"),
        ("GET", "/actions/:action_name", rule_rows.show_action, "Show an action"),
        ("POST", "/resources", rule_rows.create_resource, "Create a resource"),
        ("GET", "/resources", rule_rows.list_resources, "A list of all resources"),
        ("GET", "/resources/:resource_id", rule_rows.show_resource, "Show a resource"),
        ("POST", "/resources/:resource_id", rule_rows.start_resource, "Start a resource"),
        ("DELETE", "/resources/:resource_id", rule_rows.delete_resource, "Delete a resource"),
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
