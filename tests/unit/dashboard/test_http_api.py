"""The list of calls, and the page of help."""

from __future__ import annotations

import orjson
import pytest
from flask import Response

from app.dashboard.views import http_api

DOCUMENT = {
    "paths": {
        "/api/v4/clients": {
            "get": {"operationId": "list_clients", "summary": "Clients", "tags": ["a"]}
        },
        "/api/v4/banned": {
            "post": {"operationId": "ban", "summary": "Ban somebody"},
            "parameters": {},
        },
    }
}


@pytest.fixture
def reading(browser):
    browser.log_in("viewer")
    return browser


def test_calls_of_every_generation_lead_to_their_descriptions(reading, monkeypatch):
    document = Response(orjson.dumps(DOCUMENT))
    views = reading.app.view_functions
    monkeypatch.setitem(views, http_api.DOCUMENTS, lambda generation: generation and document)
    page = reading.get("/http_api").text
    assert 'href="/api/docs#v4/list_clients"' in page
    assert page.count("/api/v4/banned<") == 3
    assert "list_clients" not in reading.get("/http_api?method=POST&generation=v3").text
    page = reading.get("/http_api?call=banned&generation=v2").text
    assert page.count("/api/v4/banned<") == 1


def test_without_the_apis_it_says_so(reading):
    assert "serves no management API" in reading.get("/http_api").text


def test_help_names_versions_licences_and_documents(reading):
    page = reading.get("/about").text
    assert "Flask" in page
    assert "MIT" in page
    assert "docs/configuration.md" in page
    assert 'href="/api/docs"' in page
