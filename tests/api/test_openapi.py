"""The description of the calls says all of them, and what it says holds."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from app.api.describing import UNDESCRIBED, ByName, Either, Number, Word, row
from app.api.openapi.json_schema import example_of
from app.config import ManagementSettings
from app.errors import ResultCode
from tests.api.contract.check_contract import load
from tests.api.described import TABLES, document

DOCUMENT = document()
OPERATIONS = [
    (method, path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def described_calls():
    """What the document has: method, and path with parameters that have no names."""
    return {(method.upper(), unnamed(path)) for method, path, _ in OPERATIONS}


def unnamed(path):
    return re.sub(r"{\w+}|<[^>]+>", "{}", path).rstrip("/")


def served_calls(app):
    """What Flask routes, but for the rules that catch whatever no table has."""
    return {
        (method, unnamed(rule.rule))
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.endswith(".unknown")
        for method in (rule.methods or set()) - {"HEAD"}
        if not (method == "OPTIONS" and rule.provide_automatic_options)
    }


def test_every_route_is_described_and_every_description_is_routed(api):
    served = served_calls(api.app)
    assert served - described_calls() == set()
    assert described_calls() - served == set()


def test_every_call_of_the_tables_says_what_it_takes_and_answers():
    silent = [
        one.id for table in TABLES.values() for one in table if one.description is UNDESCRIBED
    ]
    assert silent == []


def test_descriptions_are_of_calls_that_there_are():
    from app.api.v2.descriptions import DESCRIPTIONS as V2
    from app.api.v3.descriptions import DESCRIPTIONS as V3
    from app.api.v4.descriptions import DESCRIPTIONS as V4

    for name, descriptions in (("v2", V2), ("v3", V3), ("v4", V4)):
        assert set(descriptions) - {one.id for one in TABLES[name]} == set()


def test_every_operation_has_an_id_of_its_own():
    counted = Counter(operation["operationId"] for _, _, operation in OPERATIONS)
    assert [name for name, count in counted.items() if count > 1] == []


def test_every_parameter_of_a_path_is_described():
    for _, path, operation in OPERATIONS:
        described = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
        assert described == re.findall(r"{(\w+)}", path), path


def test_every_reference_leads_somewhere():
    def references(node):
        if isinstance(node, dict):
            yield from (value for key, value in node.items() if key == "$ref")
            for value in node.values():
                yield from references(value)
        elif isinstance(node, list):
            for value in node:
                yield from references(value)

    for reference in set(references(DOCUMENT)):
        at = DOCUMENT
        for key in reference.removeprefix("#/").split("/"):
            at = at[key]


def test_what_takes_a_body_shows_one():
    for method, path, operation in OPERATIONS:
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["example"], (
                method,
                path,
            )


@pytest.mark.parametrize("generation", ["v2", "v3", "v4"])
def test_the_paging_and_the_filters_of_the_contract_are_described(generation):
    described = {(method.upper(), path): operation for method, path, operation in OPERATIONS}
    for endpoint in load(generation).endpoints.values():
        operation = described.get((endpoint["method"], f"/api/{generation}{endpoint['path']}"))
        if operation is not None:
            names = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
            assert set(endpoint["query"]) - names == set(), endpoint["id"]


def test_the_result_codes_are_told_with_their_texts():
    told = {row["code"]: (row["text"], row["status"]) for row in DOCUMENT["x-result-codes"]}
    assert told == {int(code): (code.text, code.http_status) for code in ResultCode}
    assert "| 112 | not_found | 404 |" in DOCUMENT["info"]["description"]


def test_a_plugins_call_says_that_the_plugin_must_run():
    operation = DOCUMENT["paths"]["/api/v4/auth_clientid"]["get"]
    assert operation["description"] == "While the plugin `emqx_auth_mnesia` runs."


def test_older_spellings_are_marked():
    assert DOCUMENT["paths"]["/api/v4/alarms/present"]["get"]["deprecated"]


def test_a_field_of_a_request_says_its_bounds_and_its_word_for_nothing():
    app = DOCUMENT["components"]["schemas"]["AppCreate"]
    assert app["required"] == ["app_id", "name", "status"]
    assert app["properties"]["name"]["maxLength"] == 256
    integer, word = app["properties"]["expired"]["anyOf"]
    assert integer["type"] == ["integer", "null"]
    assert word == {"enum": ["undefined", ""]}


def test_examples_are_made_of_shapes():
    shape = row("Shape", "left_out", a=Word((1, 2)), left_out=3, b=[Either(("x", 1))])
    assert example_of(shape.hiding("left_out")) == {"a": 1, "b": ["x"]}
    assert example_of(ByName("key", Number(5, 0, 9))) == {"key": 5}


# -- as it is served ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["openapi.json", "v2/openapi.json", "v3/openapi.json", "v4/openapi.json"]
)
def test_documents_are_served_without_a_login(api, path):
    answer = api.ask("GET", f"/api/docs/{path}", auth=None)
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.json["openapi"] == "3.1.0"


def test_a_document_of_one_generation_has_its_calls_alone(api):
    paths = api.ask("GET", "/api/docs/v3/openapi.json").json["paths"]
    assert {path.split("/")[2] for path in paths} == {"v3"}


def test_there_is_no_fifth_generation(api):
    assert api.ask("GET", "/api/docs/v5/openapi.json").status_code == 404


def test_the_page_is_its_own_and_asks_nobody_else_for_anything(api):
    page = api.ask("GET", "/api/docs", auth=None)
    assert (page.status_code, page.content_type) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'; script-src 'self'" in page.headers["Content-Security-Policy"]
    names = re.findall(r'(?:src|href)="([^"#]+(?:css|js|svg))"', page.text)
    assert set(names) == {f"/api/docs/{name}" for name in ("docs.css", "docs.js", "godwit.svg")}
    for name in names:
        answer = api.ask("GET", name, auth=None)
        assert answer.status_code == 200, name
        assert "://" not in answer.text.replace("http://www.w3.org/2000/svg", ""), name
    assert "://" not in page.text


def test_below_a_proxys_path_the_page_finds_its_files_there(api):
    page = api.ask("GET", "/api/docs", environ_overrides={"SCRIPT_NAME": "/mqtt"})
    assert 'href="/mqtt/api/docs/docs.css"' in page.text


class TestStrictStatus:
    @pytest.fixture
    def management(self):
        return ManagementSettings(strict_status=True)

    def test_statuses_of_refusals_are_described_where_they_are_used(self, api):
        paths = api.ask("GET", "/api/docs/v4/openapi.json").json["paths"]
        assert "default" in paths["/api/v4/clients"]["get"]["responses"]
        assert "default" not in DOCUMENT["paths"]["/api/v4/clients"]["get"]["responses"]
