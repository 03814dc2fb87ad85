"""Applications over the fourth generation."""

from __future__ import annotations

APP = {"app_id": "tool", "name": "Tool", "status": True}


def test_a_new_application_gets_a_secret_and_can_log_in(api):
    secret = api.post("/apps", APP)["data"]["secret"]
    assert api.get("/brokers", auth=("tool", secret))["code"] == 0


def test_what_a_form_leaves_empty_is_not_given(api):
    """EMQX's own dashboard sends an empty secret for a new application, and has one made up."""
    secret = api.post("/apps", {**APP, "secret": "", "expired": ""})["data"]["secret"]
    assert len(secret) > 20
    assert api.put("/apps/tool", {**APP, "expired": "", "desc": "other"}) == {"code": 0}
    app = api.get("/apps/tool")["data"]
    assert (app["secret"], app["expired"], app["desc"]) == (secret, "undefined", "other")
    # It sends back what it was shown, the secret among it.
    assert api.put("/apps/tool", app) == {"code": 0}
    last = api.get("/audit?action=app.update")["data"][0]
    assert "secret" not in last["after"]


def test_the_list_shows_no_secrets(api):
    api.post("/apps", {**APP, "secret": "s3cret"})
    rows = {row["app_id"]: row for row in api.get("/apps")["data"]}
    assert rows["tool"] == {
        "app_id": "tool",
        "name": "Tool",
        "desc": "",
        "status": True,
        "expired": "undefined",
    }


def test_a_single_application_shows_its_secret(api):
    api.post("/apps", {**APP, "secret": "s3cret"})
    assert api.get("/apps/tool")["data"]["secret"] == "s3cret"


def test_an_unknown_application_is_an_empty_object(api):
    assert api.get("/apps/nobody") == {"code": 0, "data": {}}


def test_an_id_that_is_taken_is_refused_without_a_code(api):
    api.post("/apps", APP)
    assert api.post("/apps", APP) == {"message": "already_existed"}


def test_changing_makes_undefined_what_is_left_out(api):
    api.post("/apps", {**APP, "desc": "a tool"})
    assert api.put("/apps/tool", {"name": "New", "status": False}) == {"code": 0}
    row = api.get("/apps/tool")["data"]
    assert (row["name"], row["status"], row["desc"]) == ("New", False, "undefined")


def test_changing_an_unknown_application_is_refused_without_a_code(api):
    assert api.put("/apps/nobody", {"name": "x"}) == {"message": "not_found"}


def test_the_secret_of_the_default_application_can_be_changed(api):
    assert api.put("/apps/admin", {"secret": "another"}) == {"code": 0}
    assert api.ask("GET", "/api/v4/brokers").status_code == 401
    assert api.get("/brokers", auth=("admin", "another"))["code"] == 0


def test_deleting_is_no_error_whoever_it_is(api):
    api.post("/apps", APP)
    assert api.delete("/apps/tool") == {"code": 0}
    assert api.delete("/apps/tool") == {"code": 0}
    assert api.get("/apps/tool")["data"] == {}
