"""The list of rules, one rule, and what is done to them."""

from __future__ import annotations

import pytest

from app.errors import ServiceError
from app.services.audit import AuditQuery

SQL = 'SELECT payload.x AS x FROM "line/+/temperature"'


@pytest.fixture
def rules(browser):
    """Somebody who may act, at a node with a rule that runs and one that does not."""
    browser.services.rule_node.start()
    browser.services.rules.create(
        {"id": "hot", "rawsql": SQL, "description": "Too hot", "actions": [{"name": "inspect"}]}
    )
    browser.services.rules.create(
        {
            "id": "gone",
            "rawsql": 'SELECT * FROM "$events/client_disconnected"',
            "actions": [],
            "enabled": False,
        }
    )
    browser.log_in("operator")
    return browser


def test_the_list_tells_what_each_rule_is_about(rules):
    page = rules.get("/rules").text
    assert "line/+/temperature" in page
    assert "Too hot" in page
    assert "Inspect (debug)" in page
    assert "1 to 2 of 2" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("id=ho", ["hot"]),
        ("topic=temperature", ["hot"]),
        ("topic=line/%23&how=matches", ["hot"]),
        ("topic=line/%23&how=contains", []),
        ("description=too", []),
        ("description=Too", ["hot"]),
        ("state=on", ["hot"]),
        ("state=off", ["gone"]),
        ("sort=id", ["gone", "hot"]),
        ("sort=id&desc=1", ["hot", "gone"]),
    ],
)
def test_filters_and_orders_are_those_of_the_api(rules, query, found):
    page = rules.get(f"/rules?{query}").text
    places = {name: page.find(f'id={name}">{name}<') for name in ("hot", "gone")}
    listed = sorted((name for name in places if places[name] >= 0), key=places.__getitem__)
    assert listed == found


def test_a_rule_is_switched_off_and_on_and_it_is_written_down(rules):
    rules.get("/rules")
    headers = {"HX-Request": "true"}
    answer = rules.post("/rules/enable", {"id": "hot", "enabled": "false"}, headers=headers)
    assert "hot is disabled." in answer.headers["HX-Trigger"]
    assert not rules.services.rules.get("hot").enabled
    rules.post("/rules/enable", {"id": "hot", "enabled": "true"})
    assert rules.services.rules.get("hot").enabled
    entries, _total = rules.services.audit.list(AuditQuery(action="rule.update"), 1, 10)
    assert len(entries) == 2


def test_a_rule_is_deleted_from_the_list_and_from_its_own_page(rules):
    rules.get("/rules")
    headers = {"HX-Request": "true"}
    listed = rules.post("/rules/delete", {"id": "gone"}, headers=headers)
    assert "rules-table" in listed.headers["HX-Trigger"]
    alone = rules.post("/rules/delete", {"id": "hot", "from": "rule"}, headers=headers)
    assert alone.headers["HX-Redirect"] == "/dashboard/rules"
    with pytest.raises(ServiceError):
        rules.services.rules.get("hot")


def test_metrics_are_reset(rules):
    counted, _actions = rules.services.rules.figures("hot")
    counted.matched = 7
    rules.get("/rules")
    assert rules.post("/rules/reset", {"id": "hot"}).status_code == 303
    assert rules.services.rules.figures("hot")[0].matched == 0
    assert rules.post("/rules/reset", {"id": "none"}).status_code == 404


def test_one_rule_shows_its_statement_its_actions_and_its_latest_errors(rules):
    engine = rules.services.rule_node.rules.engine
    running = engine._rules["hot"]
    running.complaints.note("no JSON")
    running.actions[0].complaints.note("nobody there")
    page = rules.get("/rules/rule?id=hot").text
    assert "line/+/temperature" in page
    assert "no JSON" in page
    assert "nobody there" in page


def test_the_figures_of_one_rule_are_fetched_alone(rules):
    headers = {"HX-Request": "true", "HX-Target": "rule-now"}
    fragment = rules.get("/rules/rule?id=hot", headers=headers).text
    assert fragment.lstrip().startswith("<div")
    assert "<html" not in fragment


def test_a_rule_that_is_not_there_is_not_found(rules):
    assert rules.get("/rules/rule?id=none").status_code == 404


def test_who_may_not_act_sees_states_and_no_switches(rules):
    viewer = rules.another()
    viewer.log_in("viewer")
    page = viewer.get("/rules").text
    assert 'role="switch"' not in page
    assert "/rules/edit" not in page
    assert viewer.get("/rules/edit").status_code == 403


def test_without_the_engine_pages_offer_to_start_it(browser):
    browser.log_in("operator")
    for path in ("/rules", "/rules/edit", "/resources", "/dead_letters"):
        page = browser.get(path).text
        assert "The rule engine does not run." in page
        assert "/plugins/load" in page
    refused = browser.post("/rules/save", {"rawsql": SQL})
    assert refused.status_code == 400
    headers = {"HX-Request": "true", "HX-Target": "rules-table"}
    assert browser.get("/rules", headers=headers).headers["HX-Refresh"] == "true"
