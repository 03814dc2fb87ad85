"""Everything that somebody can read in a page is said in his language: every page of a node where much has happened."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pytest

from app.dashboard.pages import all_pages
from app.dashboard.texts import COOKIE
from tests.browser.chromium import assert_accessible, at, opened
from tests.browser.chromium import log_in as log_in_at
from tests.harness.node import NodeProcess, eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NODE = "godwit@127.0.0.1"
PHONE = {"width": 390, "height": 844}
CLIENT = "press-07"
READ = """(html) => {
  const read = html ? new DOMParser().parseFromString(html, "text/html") : document;
  const data = "code, pre, textarea, script, noscript, style, datalist, .font-monospace, .cell-id, .topic, "
    + ".log-said, .code-lines, .cm-editor";
  const found = [];
  const walker = read.createTreeWalker(read.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (!parent.closest(data)) found.push(node.textContent);
  }
  for (const one of read.querySelectorAll("[aria-label], [title], [placeholder], [alt], [hx-confirm]")) {
    for (const name of ["aria-label", "title", "placeholder", "alt", "hx-confirm"]) {
      if (one.hasAttribute(name) && !one.closest(data)) found.push(one.getAttribute(name));
    }
  }
  return found.concat(read.title).map((text) => text.replace(/\\s+/g, " ").trim()).filter(Boolean);
}"""
"""All that stands in a page for people: its texts, hidden ones included, and what is said of its elements."""
SENTENCE = re.compile(r"(?<![\w./-])[A-Za-z][a-z'’]+(?: [a-z][a-z'’]+){1,}(?![\w./-])")
"""Two words of English in a row, of which the second is no name."""
ALLOWED = re.compile(
    r"`make compiled`|godwit ctl|systemctl stop godwit|create table if not exists t|insert into t"
    # What others have said, or named.
    r"|Application user|clientid loud|flapping detector|Cannot connect to host .*\]",
)
PAGES_OF_ONE = (
    f"/clients/client?clientid={CLIENT}",
    "/clients/client?clientid=nobody",
    "/settings/setting?key=mqtt.max_topic_levels",
    "/settings/setting?key=node.name",
    "/settings?limit=100",
    "/settings?limit=100&page=2",
    "/settings?limit=100&page=3",
    "/http_api?limit=100",
    "/http_api?limit=100&page=2",
    "/http_api?limit=100&page=3",
    "/rules/rule?id=warm",
    "/rules/edit?id=warm",
    "/resources/edit?id=shop",
    "/applications/application?id=grafana",
    "/users/user?name=admin",
    "/retained/message?topic=site/state",
    "/topic_metrics?topic=site/value",
    f"/explain?clientid={CLIENT}&action=publish&topic=site/value",
    "/explain?clientid=stranger&action=connect",
    "/explain?clientid=loud&action=connect",
    "/traces/follow?name=press",
    "/clients?clientid=nobody-has-this-name",
    "/nowhere",
)
WRONG: tuple[tuple[str, dict[str, str]], ...] = (
    ("/settings/change", {"key": "mqtt.max_topic_levels", "value": "many"}),
    ("/settings/change", {"key": "node.name", "value": "x"}),
    ("/settings/change", {"key": "no.such", "value": "x"}),
    ("/clients/kick", {"clientid": "nobody"}),
    ("/clients/ban", {"clientid": "", "as": "x"}),
    ("/clients/subscribe", {"clientid": CLIENT, "topic": "a/#/b", "qos": "0"}),
    ("/clients/subscribe", {"clientid": CLIENT, "topic": "a", "qos": "7"}),
    ("/bans/add", {"kind": "peerhost", "who": "nowhere"}),
    ("/users/add", {"username": "x", "password": "short", "role": "viewer"}),
    ("/users/add", {"username": "two words", "password": "good-enough-1", "role": "viewer"}),
    ("/users/delete", {"name": "admin"}),
    ("/account/password", {"password": "wrong", "new_password": "a", "repeated": "b"}),
    ("/applications/add", {"app_id": "two words", "name": "x"}),
    ("/applications/add", {"app_id": "", "name": ""}),
    ("/rules/save", {"is_new": "true", "id": "x", "rawsql": "SELECT FRM t"}),
    ("/rules/save", {"id": "nowhere", "rawsql": 'SELECT * FROM "t"'}),
    ("/rules/delete", {"id": "nowhere"}),
    ("/resources/save", {"is_new": "true", "type": "web_hook", "id": "y"}),
    ("/resources/delete", {"id": "nowhere"}),
    ("/resources/test", {"is_new": "true", "type": "web_hook", "p.url": "http://127.0.0.1:9/"}),
    ("/plugins/load", {"name": "emqx_auth_jwt"}),
    ("/plugins/load", {"name": "nothing"}),
    ("/plugins/unload", {"name": "emqx_management"}),
    ("/plugins/configure", {"name": "emqx_auth_http", "p.auth.http.timeout": "long"}),
    ("/plugins/configure", {"name": "emqx_auth_mongo", "p.auth.mongo.type": "rs"}),
    ("/traces/create", {"name": "press", "type": "topic", "filter": "a/#"}),
    ("/traces/create", {"name": "a b", "type": "topic", "filter": "a/#"}),
    ("/traces/create", {"name": "ok", "type": "ip_address", "filter": "nowhere"}),
    ("/topic_metrics/register", {"topic": "a/#/b"}),
    ("/retained/delete", {"topic": "not/there"}),
    ("/data/delete", {"filename": "nothing.json"}),
    ("/data/import", {"filename": "nothing.json"}),
    ("/listeners/stop", {"identifier": "tcp:nothing"}),
    ("/alarms/deactivate", {"name": "nothing", "node": NODE}),
    ("/authentication/add", {"kind": "username", "login": "", "password": ""}),
    ("/acl/database/add", {"kind": "username", "login": "", "topic": "", "action": "pub"}),
    ("/delayed/cancel", {"id": "nothing"}),
)
"""What the node refuses, and by which form."""


def make(node: NodeProcess, path: str, body: Any = None, method: str = "POST") -> None:
    answer = node.api(method, f"/api/v4/{path}", body)
    assert answer.status == 200, answer


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node that has something on every page."""
    given = {"rule_engine.recorder.max_len": "5", "bridge.mqtt.cloud.address": "127.0.0.1:9"}
    with NodeProcess(tmp_path_factory.mktemp("lived-in"), **given) as node:
        for module in ("topic_metrics", "slow_subs", "trace", "delayed", "acl_internal"):
            node.api("PUT", f"/api/v4/modules/emqx_mod_{module}/load")
        for plugin in ("emqx_auth_mnesia", "emqx_bridge_mqtt", "emqx_web_hook"):
            node.api("PUT", f"/api/v4/nodes/{NODE}/plugins/{plugin}/load")
        make(node, "topic-metrics", {"topic": "site/value"})
        make(node, "trace", {"name": "press", "type": "clientid", "clientid": CLIENT})
        make(node, "banned", {"who": "loud", "as": "clientid", "reason": "太吵", "by": "ada"})
        make(node, "auth_clientid", {"clientid": CLIENT, "password": "public"})
        make(node, "acl", {"topic": "secret", "action": "pub", "access": "deny"})
        make(node, "apps", {"app_id": "grafana", "name": "Grafana", "status": True})
        shop = {"id": "shop", "type": "web_hook", "config": {"url": "http://127.0.0.1:9/"}}
        make(node, "resources", shop)
        action = {"name": "data_to_webserver", "params": {"$resource": "shop", "max_retries": 0}}
        statement = 'SELECT payload.t AS t FROM "site/#"'
        make(node, "rules", {"id": "warm", "rawsql": statement, "actions": [action]})
        make(
            node,
            "rules",
            {"id": "who", "rawsql": 'SELECT * FROM "t"', "enabled": False, "actions": []},
        )
        make(node, "data/export")
        make(node, "mqtt/publish", {"topic": "$delayed/600/site/later", "payload": "x"})
        make(node, "mqtt/publish", {"topic": "site/state", "payload": "on", "retain": True})
        device = paho.Client(paho.CallbackAPIVersion.VERSION2, CLIENT, reconnect_on_failure=False)
        device.username_pw_set("anybody", "public")
        device.connect(*node.tcp)
        device.loop_start()
        eventually(device.is_connected, "the client connects")
        device.subscribe("site/+", 1)
        for payload in ("no JSON", '{"t": 50}'):
            device.publish("site/value", payload, 1).wait_for_publish(10)
        device.publish("secret", "x", 1)
        eventually(lambda: node.data("rule_dead_letters"), "a result is given up", 20)
        yield node
        device.disconnect()
        device.loop_stop()


@pytest.fixture(scope="module")
def reader(browser: Browser, lived_in: NodeProcess) -> Iterator[Page]:
    """Somebody who reads Chinese."""
    context = opened(browser, lived_in, locale="zh-CN")
    context.add_cookies([{"name": COOKIE, "value": "zh", "url": at(lived_in)}])
    page = context.new_page()
    log_in_at(page, lived_in)
    yield page
    context.close()


def english_in(texts: list[str]) -> list[str]:
    """Return the texts in which there is English."""
    return [text for text in texts if SENTENCE.search(ALLOWED.sub("", text))]


def addresses(node: NodeProcess) -> list[str]:
    """Return all pages, and those of one thing for each thing that there is."""
    found = [page.path for page in all_pages()]
    found += PAGES_OF_ONE
    found += [f"/resources/edit?type={one['name']}" for one in node.data("resource_types")]
    found += [f"/plugins/settings?name={one['name']}" for one in node.data(f"nodes/{NODE}/plugins")]
    found += [f"/modules/settings?name={one['name']}" for one in node.data("modules")[0]["modules"]]
    found += [f"/dead_letters/letter?number={one['id']}" for one in node.data("rule_dead_letters")]
    found += [f"/data/compare?filename={one['filename']}" for one in node.data("data/export")]
    found += [f"/rules/edit?event={one['event']}" for one in node.data("rule_events")]
    return found


def test_no_page_says_anything_in_english_to_who_reads_chinese(reader, lived_in):
    found = {}
    for address in addresses(lived_in):
        answer = reader.request.get(at(lived_in, address))
        assert "text/html" in answer.headers["content-type"], address
        if english := english_in(reader.evaluate(READ, answer.text())):
            found[address] = english
    assert not found, json.dumps(found, ensure_ascii=False, indent=1)


@pytest.mark.parametrize("path", ["/", "/websocket", "/rules/edit", "/topic_metrics", "/clients"])
def test_no_script_says_anything_in_english_to_who_reads_chinese(reader, lived_in, path):
    reader.goto(at(lived_in, path))
    reader.wait_for_load_state("networkidle")
    assert not english_in(reader.evaluate(READ, ""))


def test_every_kind_of_action_has_its_form_in_chinese(reader, lived_in):
    reader.goto(at(lived_in, "/rules/edit"))
    kinds = reader.eval_on_selector_all(
        "[name='add.'] option", "options => options.map((one) => one.value)"
    )
    assert len(kinds) > 5
    found = {}
    for kind in kinds:
        form = {"rawsql": 'SELECT * FROM "t"', "do": "add:", "add.": kind}
        answer = sent(reader, "/rules/draft", form, target="actions")
        if english := english_in(reader.evaluate(READ, answer.text())):
            found[kind] = english
    assert not found, json.dumps(found, ensure_ascii=False, indent=1)


def sent(page: Page, path: str, form: dict[str, str], target: str = "") -> Any:
    """Send a form of the page that is open as its script would."""
    headers = {"HX-Request": "true", "HX-Target": target, "Referer": page.url}
    token = page.locator("[name=csrf_token]").first.get_attribute("value")
    address = page.url.partition("/dashboard")[0] + f"/dashboard{path}"
    return page.request.post(address, headers=headers, form={"csrf_token": token, **form})


def test_what_the_node_refuses_is_said_in_chinese(reader, lived_in):
    reader.goto(at(lived_in, "/account"))
    found = {}
    for path, form in WRONG:
        answer = sent(reader, path, form)
        told = json.loads(answer.headers.get("hx-trigger", "{}")).get("godwit:toast", {})
        if answer.status < 400 or english_in([told.get("text", "nothing at all")]):
            found[f"{path} {form}"] = (answer.status, told)
    assert not found, json.dumps(found, ensure_ascii=False, indent=1)


@pytest.mark.parametrize("path", [page.path for page in all_pages()])
def test_no_page_shuts_a_chinese_reader_out(reader, lived_in, path):
    # On a phone: colours are those of the English pages, widths and labels are not.
    reader.set_viewport_size(PHONE)
    reader.goto(at(lived_in, path))
    reader.wait_for_load_state("networkidle")
    assert_accessible(reader)
    assert reader.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
