"""The kinds of actions in the words of the fourth generation."""

from __future__ import annotations

from app.api import rule_rows

ENDPOINTS = rule_rows.endpoints(
    "v4",
    (
        ("GET", "/actions", rule_rows.list_actions, "A list of all actions"),
        ("GET", "/actions/:action_name", rule_rows.show_action, "Show an action"),
    ),
)
