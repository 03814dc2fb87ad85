"""Rules in the words of the fourth generation."""

from __future__ import annotations

import orjson

from app.api import rule_rows
from app.api.endpoint import Answer, Call
from app.api.v4.dialect import page, success
from app.node.proxy import RowsPage
from app.services import Services
from app.services.rules import RuleQuery


def list_rules(services: Services, call: Call) -> Answer:
    """List the rules that fit, the newest of them first within a page; `enable_paging=false` lists them all."""
    query = rule_rows.rule_query(call)
    found = services.rules.list(query)
    if call.params.get("enable_paging") in (False, "false"):
        return success([rule_rows.rule_row(services.rules, one) for one in found])
    asked = call.page()
    shown = found[asked.start : asked.end]
    rows = b",".join(orjson.dumps(rule_rows.rule_row(services.rules, one)) for one in shown)
    total = len(found) if query == RuleQuery() else -1
    return page(RowsPage(rows, total, hasnext=len(found) > asked.end), asked)


ENDPOINTS = rule_rows.endpoints(
    "v4",
    (
        ("POST", "/rules", rule_rows.create_rule, "Create a rule"),
        ("PUT", "/rules/:rule_id", rule_rows.update_rule, "Update a rule"),
        ("GET", "/rules", list_rules, "A list of all rules"),
        ("GET", "/rules/:rule_id", rule_rows.show_rule, "Show a rule"),
        ("DELETE", "/rules/:rule_id", rule_rows.delete_rule, "Delete a rule"),
        (
            "PUT",
            "/rules/:rule_id/reset_metrics",
            rule_rows.reset_metrics,
            "Reset the metrics of a rule",
        ),
    ),
)
