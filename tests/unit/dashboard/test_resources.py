"""The list of resources, their forms, and what is done to them."""

from __future__ import annotations

import pytest

from app.errors import ServiceError

HOOK = {"type": "web_hook", "p.url": "http://127.0.0.1:9/a", "is_new": "true"}


@pytest.fixture
def resources(browser):
    """Somebody who may act, at a node without resources."""
    browser.services.rule_node.start()
    browser.log_in("operator")
    browser.get("/resources")
    return browser


def config(browser, resource_id: str = "web"):
    return browser.services.resources.get(resource_id).config


def test_the_kinds_to_choose_from_speak_the_language_of_the_reader(resources):
    assert "WebHook" in resources.get("/resources/edit").text
    assert 'name="p.url"' in resources.get("/resources/edit?type=web_hook").text


def test_a_resource_is_made_from_its_form(resources):
    form = {**HOOK, "id": "web", "description": "shop", "p.pool_size": "3", "p.verify": "true"}
    assert resources.post("/resources/save", form).status_code == 303
    assert config(resources)["pool_size"] == 3
    assert config(resources)["verify"] is True
    page = resources.get("/resources").text
    assert "http://127.0.0.1:9/a" in page
    assert "shop" in page


def test_a_certificate_may_be_pasted(resources):
    pem = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----"
    resources.post("/resources/save", {**HOOK, "id": "web", "p.cacertfile": pem})
    assert config(resources)["cacertfile"] == {"filename": "pasted.pem", "file": pem}


def test_secrets_are_hidden_and_stay_as_they_are(resources):
    kept = {"address": "127.0.0.1:9", "password": "s3cret", "other": {"token": "t0ken"}}
    resources.services.resources.create({"id": "mqtt", "type": "bridge_mqtt", "config": kept})
    page = resources.get("/resources/edit?id=mqtt").text
    assert "s3cret" not in page
    assert "******" in page
    params = resources.services.resources.type("bridge_mqtt").params
    form = {
        **{f"p.{one.name}": str(one.default) for one in params if one.has_default},
        "type": "bridge_mqtt",
        "id": "mqtt",
        "is_new": "false",
        "p.address": "127.0.0.1:10",
        "p.clientid": "c",
        "p.password": "******",
    }
    assert resources.post("/resources/save", form).status_code == 303
    after = config(resources, "mqtt")
    assert (after["address"], after["password"]) == ("127.0.0.1:10", "s3cret")
    assert after["other"] == {"token": "t0ken"}


def test_one_that_rules_need_stays_and_they_are_named(resources):
    resources.post("/resources/save", {**HOOK, "id": "web"})
    action = {"name": "data_to_webserver", "params": {"$resource": "web"}}
    resources.services.rules.create(
        {"id": "orders", "rawsql": 'SELECT * FROM "t"', "actions": [action]}
    )
    answer = resources.post("/resources/delete", {"id": "web"})
    assert answer.status_code == 400
    assert "orders" in answer.text
    assert "orders" in resources.get("/resources/edit?id=web").text
    resources.services.rules.update("orders", {"enabled": False})
    assert resources.post("/resources/delete", {"id": "web"}).status_code == 303
    with pytest.raises(ServiceError):
        config(resources)


def test_a_target_that_is_not_there_is_told(resources):
    tried = resources.post("/resources/test", HOOK)
    assert tried.status_code == 400
    assert "resource_down" in tried.text
    resources.post("/resources/save", {**HOOK, "id": "web"})
    again = resources.post("/resources/reconnect", {"id": "web"})
    assert again.status_code == 400
    assert "web cannot be reached" in again.text


@pytest.mark.parametrize(
    ("query", "is_found"), [("status=down", True), ("status=up", False), ("id=we", True)]
)
def test_the_list_can_be_narrowed_down(resources, query, is_found):
    resources.post("/resources/save", {**HOOK, "id": "web"})
    assert ('fw-medium cell-id">web<' in resources.get(f"/resources?{query}").text) is is_found
