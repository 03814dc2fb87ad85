"""Traces: asking for one, following it, taking it away."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from app.dashboard.views.traces import MODULE, TAIL_BYTES


@pytest.fixture
def tracing(browser, monkeypatch):
    browser.log_in("operator")
    browser.services.modules.active.add(MODULE)
    engine = SimpleNamespace(
        is_running=True,
        flush=lambda: None,
        add=lambda _spec: None,
        end=lambda _name: None,
        remove=lambda _name, path: path.unlink(missing_ok=True),
    )
    monkeypatch.setattr(browser.services.observers.traces, "engine", engine)
    browser.get("/traces")
    return browser


@pytest.fixture
def trace(tracing):
    form = {"name": "one", "type": "clientid", "filter": "press-07", "minutes": "30"}
    assert tracing.post("/traces/create", form).status_code == 303
    (spec,) = tracing.services.observers.traces.stored()
    return tracing, spec


def test_a_trace_runs_for_as_long_as_was_asked(trace):
    tracing, spec = trace
    assert (spec.type, spec.filter) == ("clientid", "press-07")
    page = tracing.get("/traces").text
    assert ">one<" in page
    assert ">running<" in page


def test_a_mistake_is_said(tracing):
    form = {"name": "one", "type": "ip_address", "filter": "here"}
    assert tracing.post("/traces/create", form).status_code == 400


def test_a_log_is_followed_from_its_end(trace):
    tracing, spec = trace
    spec.path.write_text("old line\n" + "x" * TAIL_BYTES + "\nnumber-2\nnumber-3\n")
    page = tracing.get("/traces/follow?name=one").text
    assert page.index("number-3") < page.index("number-2")
    assert "old line" not in page
    assert 'data-poll="2"' in page


def test_a_trace_that_is_none_is_not_found(tracing):
    assert tracing.get("/traces/follow?name=none").status_code == 404


def test_a_log_is_handed_out(trace):
    tracing, _spec = trace
    answer = tracing.get("/traces/download?name=one")
    assert answer.data.startswith(b"PK")


def test_a_trace_is_stopped_and_deleted(trace):
    tracing, _spec = trace
    tracing.post("/traces/stop", {"name": "one"})
    assert ">stopped<" in tracing.get("/traces").text
    assert "data-poll" not in tracing.get("/traces/follow?name=one").text
    tracing.post("/traces/delete", {"name": "one"})
    assert "Nothing is traced yet." in tracing.get("/traces").text


def test_the_module_is_switched_on_by_a_button(browser):
    browser.log_in("operator")
    assert "Switch it on" in browser.get("/traces").text
    browser.post("/traces/switch_on")
    assert MODULE in browser.services.modules.active
