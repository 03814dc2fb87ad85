"""Paths as EMQX reads them."""

from __future__ import annotations

import pytest
from flask import Flask

from app.api.raw_path import BadPath, RawPath, install, rebuild

PREFIX = ("/api/v3/routes",)


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/api/v4/clients", "/api/v4/clients"),
        ("//api//v4/clients//", "/api/v4/clients"),
        ("/api/v4/clients/a%2Fb", "/api/v4/clients/a%2Fb"),
        ("/api/v4/clients/a%2fb", "/api/v4/clients/a%2Fb"),
        ("/api/v4/clients/a%252Fb", "/api/v4/clients/a%252Fb"),
        ("/api/v4/clients/100%25", "/api/v4/clients/100%25"),
        ("/api/v4/clients/a+b%20c", "/api/v4/clients/a+b c"),
        ("/api/v4/clients/%C3%BC", "/api/v4/clients/\u00c3\u00bc"),
        ("/api/v3/routes", "/api/v3/routes"),
        ("/api/v3/routes/", "/api/v3/routes"),
        ("/api/v3/routes//World", "/api/v3/routes/%2FWorld"),
        ("//api/v3//routes//World//", "/api/v3/routes/%2FWorld%2F%2F"),
        ("/api/v3/routes/a%2Fb/c", "/api/v3/routes/a%2Fb%2Fc"),
        ("/api/v3/routesx//World", "/api/v3/routesx/World"),
    ],
)
def test_a_path_is_split_first_and_decoded_once(raw, path):
    assert rebuild(raw, PREFIX) == path


@pytest.mark.parametrize("raw", ["/api/%zz", "/api/%", "/api/%2", "/api/%%41"])
def test_a_percent_sign_that_begins_no_escape_is_refused(raw):
    with pytest.raises(BadPath):
        rebuild(raw)


@pytest.fixture
def echo():
    """An application that answers the values it took from a path."""
    app = Flask(__name__, static_folder=None)
    install(app, (("api", "v3", "routes"),))
    app.add_url_rule("/api/v4/<segment:a>/<segment:b>", "pair", lambda a, b: [a, b])
    app.add_url_rule("/api/v3/routes", "list", list)
    app.add_url_rule("/api/v3/routes/<topic:topic>", "topic", lambda topic: [topic])
    app.add_url_rule("/other/<path:rest>", "other", lambda rest: [rest])
    return app.test_client()


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        ("/api/v4/a%2Fb/100%25", ["a/b", "100%"]),
        ("/api/v4//a%252Fb//c/", ["a%2Fb", "c"]),
        ("/api/v4/%C3%BC/a+b?x=/y", ["ü", "a+b"]),
        ("http://host:8081/api/v4/a/b", ["a", "b"]),
        ("/api/v3/routes//World", ["/World"]),
        ("/api/v3/routes/", []),
        ("/api/v3/routes/a/%23", ["a/#"]),
    ],
)
def test_values_are_whole_again(echo, raw, values):
    answer = echo.get("/", environ_overrides={"RAW_URI": raw, "REQUEST_URI": ""})
    assert answer.json == values


def test_a_mount_point_is_not_part_of_the_path(echo):
    environ = {"RAW_URI": "/godwit/api/v4/a%2Fb/c", "SCRIPT_NAME": "/godwit"}
    assert echo.get("/", environ_overrides=environ).json == ["a/b", "c"]


def test_paths_outside_the_api_pass_untouched(echo):
    assert echo.get("/other/a%2Fb//c").json == ["a/b//c"]


def test_without_a_raw_uri_the_server_s_path_stands():
    seen = []
    step = RawPath(lambda environ, _start: seen.append(environ["PATH_INFO"]) or [])
    step({"PATH_INFO": "/api/v4/x"}, lambda *_: None)
    assert seen == ["/api/v4/x"]
