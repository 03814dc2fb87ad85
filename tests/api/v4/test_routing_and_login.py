"""What is answered before any handler is asked: login, paths, methods, bodies."""

from __future__ import annotations

import base64
import io
import logging

import pytest

ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Basic"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()},
        {"Authorization": "Bearer " + base64.b64encode(b"admin:public").decode()},
        basic("admin:wrong"),
        basic("nobody:public"),
        basic(":"),
        basic("admin:"),
    ],
)
@pytest.mark.parametrize("path", ["/api/v4", "/api/v4/clients", "/api/v4/no/such/path"])
def test_without_good_credentials_it_is_401(api, path, headers):
    answer = api.ask("GET", path, auth=None, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic Realm="minirest-server"'
    assert "Content-Type" not in answer.headers
    assert answer.data == b"UNAUTHORIZED"


def test_the_scheme_may_be_written_in_small_letters(api):
    header = {"Authorization": basic("admin:public")["Authorization"].replace("Basic", "basic")}
    assert api.ask("GET", "/api/v4", auth=None, headers=header).status_code == 200


def test_the_shipped_secret_is_refused_from_elsewhere_with_a_hint(api, caplog):
    with caplog.at_level(logging.WARNING):
        answers = [api.ask("GET", "/api/v4", environ_base=ELSEWHERE) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {401}
    assert answers[0].data.startswith(b"UNAUTHORIZED\nThe application admin still has the secret")
    assert len(caplog.records) == 1
    assert "public" not in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.0.2.7"},
        {"Forwarded": "for=192.0.2.7"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_proxy_on_this_machine_does_not_make_the_world_local(api, headers):
    assert api.ask("GET", "/api/v4", headers=headers).status_code == 401


@pytest.mark.parametrize("address", ["::1", "127.8.8.8", "::ffff:127.0.0.1"])
def test_every_loopback_address_is_this_machine(api, address):
    assert api.ask("GET", "/api/v4", environ_base={"REMOTE_ADDR": address}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nope"),
        ("GET", "/clients/c1/nope"),
        ("PATCH", "/clients"),
        ("OPTIONS", "/clients"),
        ("PROPFIND", "/clients/c1"),
        ("DELETE", "/clients"),
        ("DELETE", "/nodes/godwit@127.0.0.1/clients/c1"),
        ("GET", "/mqtt/publish"),
        ("GET", "/.."),
        ("GET", "/nope%0A/x%0D%0Ay"),
        ("GET", "/nope/%2F%00"),
    ],
)
def test_an_unknown_path_or_method_is_404(api, method, path):
    answer = api.ask(method, "/api/v4" + path)
    assert (answer.status_code, answer.content_type) == (404, "text/plain")
    assert answer.data == b"Not found."


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_anything_but_get_on_the_base_path_is_400(api, method):
    answer = api.ask(method, "/api/v4")
    assert (answer.status_code, answer.data) == (400, b"Bad Request")


@pytest.mark.parametrize(
    "path", ["/api/v4/", "//api//v4//", "/api/v4/clients/", "/api//v4//clients//c1//"]
)
def test_doubled_and_trailing_slashes_are_ignored(api, path):
    assert api.ask("GET", path).status_code == 200


@pytest.mark.parametrize("segment", ["%zz", "%", "a%2", "%u1234"])
def test_a_broken_escape_is_400(api, segment):
    environ = {"RAW_URI": f"/api/v4/clients/{segment}", "REQUEST_URI": ""}
    answer = api.ask("GET", "/api/v4/clients/x", environ_overrides=environ)
    assert (answer.status_code, answer.data) == (400, b"Bad Request")


@pytest.mark.parametrize("body", [b"{", b"topic=a&qos=1", b"\xff", b"{} {}", b"nul"])
def test_a_body_that_is_no_json_is_400(api, body):
    answer = api.ask("POST", "/api/v4/mqtt/publish", data=body)
    assert (answer.status_code, answer.content_type) == (400, "text/plain")
    assert answer.data == b"Bad Request"


@pytest.mark.parametrize("depth", [300, 900, 5_000])
def test_a_body_that_is_nested_too_deep_is_400(api, depth):
    body = b'{"topic":"a","payload":' + b"[" * depth + b"]" * depth + b"}"
    assert api.ask("POST", "/api/v4/mqtt/publish", data=body).status_code == 400


def test_a_body_may_have_many_brackets_side_by_side(api):
    body = b'{"topic":"a","payload":[' + b"[]," * 1_000 + b"1]}"
    assert api.ask("POST", "/api/v4/mqtt/publish", data=body).json == {"code": 0}


def test_bytes_that_are_no_utf8_are_replaced(api):
    api.ask("POST", "/api/v4/mqtt/publish", data=b'{"topic":"a","payload":"\xff"}')
    assert api.node.commands[0][1].payload == "\ufffd".encode()


def test_a_body_is_read_whatever_the_method(api):
    answer = api.get("/clients", data=b'{"_limit": 1, "_page": "2"}')
    assert answer["meta"] == {"page": 2, "limit": 1, "count": 2, "hasnext": False}


MAX_BODY = 8 * 1024 * 1024
STREAMED = {
    "wsgi.input_terminated": True,
    "HTTP_TRANSFER_ENCODING": "chunked",
    "CONTENT_LENGTH": "",
}


@pytest.mark.parametrize("environ", [{}, STREAMED])
def test_a_body_that_is_just_not_too_large_is_read(api, environ):
    body = b'{"topic":"a"}'.ljust(MAX_BODY)
    answer = api.ask("POST", "/api/v4/mqtt/publish", data=body, environ_overrides=environ)
    assert answer.json == {"code": 0}


@pytest.mark.parametrize("environ", [{}, STREAMED])
@pytest.mark.parametrize("excess", [1, 2, 1_000_000])
def test_a_body_that_is_too_large_is_413_and_read_away(api, environ, excess):
    stream = io.BytesIO(b'{"topic":"a"}'.ljust(MAX_BODY + excess))
    answer = api.ask(
        "POST",
        "/api/v4/mqtt/publish",
        input_stream=stream,
        content_length=MAX_BODY + excess,
        environ_overrides=environ,
    )
    assert stream.read() == b""
    assert (answer.status_code, answer.content_type) == (413, "text/plain")
    assert b"management.max_body_size" in answer.data


def test_a_crash_is_logged_and_not_told(api, caplog):
    api.node.failure = RuntimeError("a secret of ours")
    answer = api.ask("GET", "/api/v4/clients")
    assert (answer.status_code, answer.content_type) == (500, "text/plain")
    assert answer.data == b"Internal Error"
    assert "a secret of ours" in caplog.text


def test_status_needs_no_login(api):
    answer = api.ask("GET", "/status", auth=None)
    assert (answer.status_code, answer.content_type) == (200, "text/plain")
    assert answer.data == b"Node godwit@127.0.0.1 is started\nemqx is running"


def test_status_is_503_while_the_broker_does_not_run(api):
    api.node.running = False
    answer = api.ask("GET", "/status", auth=None)
    assert (answer.status_code, answer.data) == (
        503,
        b"Node godwit@127.0.0.1 is started\nemqx is not_running",
    )


def test_another_method_on_status_is_400(api):
    answer = api.ask("POST", "/status", auth=None)
    assert (answer.status_code, answer.data) == (400, b"Not found.")
