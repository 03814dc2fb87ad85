"""Plugins and modules: their lists, switching them, their settings."""

from __future__ import annotations

import pytest

from app.dashboard.views.extensions import PURPOSES

HTTP = "emqx_auth_http"
SASL = "emqx_sasl"


@pytest.fixture
def plugins(browser):
    """Somebody who may act."""
    browser.services.rule_node.start()
    browser.services.modules = browser.services.rule_node.modules
    browser.log_in("operator")
    browser.get("/plugins")
    return browser


def test_lists_tell_states_and_purposes(plugins):
    page = plugins.get("/plugins?type=auth&limit=50").text
    assert "Asks a web service who may come in" in page
    assert "Keeps retained messages" not in page
    assert "who connects and disconnects" in plugins.get("/modules").text


def test_every_extension_of_ours_says_what_it_is_for_in_both_languages(plugins):
    registry = plugins.services.rule_node.extensions.states.registry
    assert {one.name for one in registry} <= PURPOSES.keys()


def test_a_plugin_is_started_read_again_and_stopped(plugins):
    headers = {"HX-Request": "true"}
    started = plugins.post("/plugins/load", {"name": SASL}, headers=headers)
    assert "plugins-table" in started.headers["HX-Trigger"]
    assert plugins.services.plugins.is_active(SASL)
    assert plugins.post("/plugins/reload", {"name": SASL}).status_code == 303
    assert plugins.post("/plugins/load", {"name": SASL}).status_code != 303
    assert plugins.post("/plugins/unload", {"name": SASL}).status_code == 303
    assert not plugins.services.plugins.is_active(SASL)


def test_a_module_is_switched(plugins):
    plugins.post("/modules/unload", {"name": "emqx_mod_presence"})
    assert not plugins.services.modules.is_active("emqx_mod_presence")


def test_one_that_there_is_not_is_not_found(plugins):
    assert plugins.get("/plugins/settings?name=none").status_code == 404
    assert plugins.post("/plugins/load", {"name": "none"}).status_code == 404


def settings(browser, name=HTTP):
    return {one.key: one.value for one in browser.services.plugins.config(name)}


def test_settings_are_fields_of_their_kinds(plugins):
    page = plugins.get(f"/plugins/settings?name={HTTP}").text
    assert '<option value="ignore"' in page
    assert 'name="p.auth.http.pool_size"' in page
    assert "auth.success" in page


def test_what_is_changed_holds_and_what_is_emptied_goes_back(plugins):
    form = {f"p.{key}": value for key, value in settings(plugins).items()}
    changed = {**form, "name": HTTP, "p.auth.http.pool_size": "7"}
    assert plugins.post("/plugins/configure", changed).status_code == 303
    assert settings(plugins)["auth.http.pool_size"] == "7"
    emptied = {**form, "name": HTTP, "p.auth.http.pool_size": ""}
    plugins.post("/plugins/configure", emptied)
    assert settings(plugins)["auth.http.pool_size"] == "32"


def test_a_value_that_is_none_is_refused_by_its_key(plugins):
    answer = plugins.post("/plugins/configure", {"name": HTTP, "p.auth.http.pool_size": "many"})
    assert answer.status_code == 400
    assert "auth.http.pool_size" in answer.text


def test_settings_with_names_of_their_own_can_be_added(plugins):
    key = "auth.http.auth_req.headers.x-key"
    form = {"name": HTTP, "new_key": key, "new_value": "v"}
    assert plugins.post("/plugins/configure", form).status_code == 303
    assert settings(plugins)[key] == "******"
    plugins.post("/plugins/configure", {"name": HTTP, f"p.{key}": ""})
    assert key not in settings(plugins)


def test_a_secret_is_hidden_and_stays(plugins):
    name, key = "emqx_auth_jwt", "auth.jwt.secret"
    plugins.services.plugins.set_config(name, {key: "s3cret"})
    page = plugins.get(f"/plugins/settings?name={name}").text
    assert "s3cret" not in page
    plugins.post("/plugins/configure", {"name": name, f"p.{key}": "******"})
    assert settings(plugins, name)[key] == "******"


def test_who_may_not_act_sees_no_buttons(plugins):
    viewer = plugins.another()
    viewer.log_in("viewer")
    assert "/plugins/load" not in viewer.get("/plugins").text
    assert "Save the settings" not in viewer.get(f"/plugins/settings?name={HTTP}").text


def test_only_what_is_one_of_some_words_is_a_list_to_choose_from(browser):
    browser.log_in("viewer")
    page = browser.get("/plugins/settings?name=emqx_auth_mysql").text
    field = page.partition('name="p.auth.mysql.ssl.server_name_indication"')
    assert field[0].rpartition("<")[2].startswith("input")
