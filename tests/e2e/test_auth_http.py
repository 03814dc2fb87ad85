"""A real web service decides who comes in, and what happens when it does not."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from app.config import AllowAnonymous
from app.mqtt.packets import Publish
from app.mqtt.reason_codes import ReasonCode
from app.plugins import ExtensionError
from app.plugins.auth_http import AuthHttp
from app.plugins.registry import read_config
from tests.harness.loaded_plugin import LoadedPlugin
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, eventually
from tests.harness.ports import free_port
from tests.harness.web_service import Asked, Reply, WebService

ALARM = "emqx_auth_http_auth_req_unavailable"


@pytest.fixture
def service() -> Iterator[WebService]:
    with WebService() as running:
        yield running


def settings(service: WebService, **more: str) -> dict[str, str]:
    given = {"auth_req.url": service.url("/auth"), "acl_req.url": "", "timeout": "2s"}
    given |= {key.replace("__", "."): text for key, text in more.items()}
    return {f"auth.http.{key}": text for key, text in given.items()}


def loaded(
    service: WebService, policy: AllowAnonymous = AllowAnonymous.FALSE, **more: str
) -> LoadedPlugin:
    return LoadedPlugin(AuthHttp(), settings(service, **more), policy)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"", ReasonCode.SUCCESS),
        (200, b"ignored", ReasonCode.SUCCESS),
        (200, b"ignore", ReasonCode.NOT_AUTHORIZED),
        (201, b"", ReasonCode.SERVER_UNAVAILABLE),
        (204, b"", ReasonCode.SERVER_UNAVAILABLE),
        (302, b"", ReasonCode.SERVER_UNAVAILABLE),
        (400, b"", ReasonCode.BAD_USER_NAME_OR_PASSWORD),
        (401, b"ignore", ReasonCode.BAD_USER_NAME_OR_PASSWORD),
        (403, b"", ReasonCode.NOT_AUTHORIZED),
        (404, b"", ReasonCode.SERVER_UNAVAILABLE),
        (429, b"", ReasonCode.BANNED),
        (503, b"", ReasonCode.SERVER_UNAVAILABLE),
        (504, b"", ReasonCode.SERVER_BUSY),
        (200, b"x" * 70_000, ReasonCode.SERVER_UNAVAILABLE),
    ],
)
def test_the_status_decides(
    service: WebService, status: int, body: bytes, expected: ReasonCode
) -> None:
    service.answer = lambda _: Reply(status, body, location="/elsewhere")

    async def go() -> None:
        async with loaded(service) as plugin:
            assert await plugin.reason(b"p", username="u") == expected
        assert [one.path for one in service.asked] == ["/auth"]

    asyncio.run(go())


def test_what_the_service_does_not_know_is_left_to_the_policy(service: WebService) -> None:
    service.answer = lambda _: Reply(body=b"ignore")

    async def go() -> None:
        async with loaded(service, AllowAnonymous.TRUE) as plugin:
            assert (await plugin.verdict(plugin.client())).anonymous
            assert plugin.plugin.counters.auth_ignore == 1

    asyncio.run(go())


NASTY = "u&password=x\r\nX-Admin: 1 ü%41+#?"


def test_what_a_client_says_adds_neither_parameters_nor_headers(service: WebService) -> None:
    expected = [("clientid", "c/1&x=y"), ("username", NASTY), ("password", "p=&ä")]

    async def ask(**more: str) -> Asked:
        async with loaded(service, **more) as plugin:
            await plugin.reason("p=&ä".encode(), "c/1&x=y", NASTY)
        return service.asked[-1]

    form = asyncio.run(ask())
    assert form.method == "POST"
    assert form.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(form.body.decode()) == expected
    in_json = asyncio.run(ask(auth_req__headers__content_type="application/json"))
    assert in_json.headers["content-type"] == "application/json"
    assert json.loads(in_json.body) == dict(expected)
    url = service.url("/auth?key=1")
    got = asyncio.run(ask(auth_req__method="get", auth_req__url=url))
    assert (got.method, got.body) == ("GET", b"")
    assert "content-type" not in got.headers
    assert parse_qsl(urlsplit(got.path).query) == [("key", "1"), *expected]
    assert "x-admin" not in {*form.headers, *in_json.headers, *got.headers}


def test_parameters_and_headers_are_the_operators(service: WebService) -> None:
    async def go() -> None:
        params = "a=%a,r=%r,p=%p,u=%u,P=%P,c=%c,cn=%C,dn=%d,fixed=text,A=%A"
        more = {"auth_req__params": params, "auth_req__headers__x-key": "secret"}
        async with loaded(service, **more) as plugin:
            client = plugin.client()
            client.cert_cn = "device 7"
            await plugin.verdict(client)

    asyncio.run(go())
    assert service.asked[0].headers["x-key"] == "secret"
    assert dict(parse_qsl(service.asked[0].body.decode())) == {
        "a": "127.0.0.1",
        "r": "mqtt",
        "p": "1883",
        "u": "undefined",
        "P": "undefined",
        "c": "c1",
        "cn": "device 7",
        "dn": "undefined",
        "fixed": "text",
        "A": "%A",
    }


@pytest.mark.parametrize(("username", "password"), [("u\0", b"p"), ("u", b"\0"), ("u", b"\xff")])
def test_what_is_no_text_is_refused_without_asking(
    service: WebService, username: str, password: bytes
) -> None:
    async def go() -> None:
        async with loaded(service) as plugin:
            refused = ReasonCode.BAD_USER_NAME_OR_PASSWORD
            assert await plugin.reason(password, username=username) == refused
        assert service.asked == []

    asyncio.run(go())


def test_superusers_and_mountpoints_are_the_services_to_give(service: WebService) -> None:
    def answer(asked: Asked) -> Reply:
        username = parse_qs(asked.body.decode())["username"][0]
        if asked.path == "/super":
            return Reply(200 if username == "root" else 403)
        bodies = {"tenant": b'{"mountpoint": "tenant/7/"}', "broken": b'{"mountpoint": "#"}'}
        return Reply(200, bodies.get(username, b"{}"))

    service.answer = answer

    async def go() -> None:
        async with loaded(service, super_req__url=service.url("/super")) as plugin:
            assert (await plugin.verdict(plugin.client("c", "root"))).is_superuser
            tenant = plugin.client("c", "tenant")
            assert not (await plugin.verdict(tenant)).is_superuser
            assert tenant.mountpoint == "tenant/7/"
            broken = plugin.client("c", "broken")
            unavailable = ReasonCode.SERVER_UNAVAILABLE
            assert (await plugin.verdict(broken)).reason == unavailable
            assert broken.mountpoint == ""

    asyncio.run(go())


def test_access_rules_are_asked_once_for_a_while(service: WebService) -> None:
    answers = {"yes": Reply(), "no": Reply(403), "other": Reply(body=b"ignore")}

    def answer(asked: Asked) -> Reply:
        return answers[parse_qs(asked.body.decode())["topic"][0].partition("/")[0]]

    service.answer = answer

    async def go() -> None:
        async with loaded(service, acl_req__url=service.url("/acl")) as plugin:
            client = plugin.client("c1", "u1")
            for _ in range(2):
                assert await plugin.may(client, "publish", "yes/t")
                assert not await plugin.may(client, "subscribe", "no/#")
                assert await plugin.may(client, "publish", "other")
            assert len(service.asked) == 3
            first, second = (dict(parse_qsl(one.body.decode())) for one in service.asked[:2])
            assert first == {
                "access": "2",
                "username": "u1",
                "clientid": "c1",
                "ipaddr": "127.0.0.1",
                "topic": "yes/t",
            }
            assert (second["access"], second["topic"]) == ("1", "no/#")
            counters = plugin.plugin.counters
            assert (counters.acl_allow, counters.acl_deny, counters.acl_ignore) == (1, 1, 1)

    asyncio.run(go())


def test_a_slow_service_refuses_in_time_and_then_at_once_until_it_answers(
    service: WebService,
) -> None:
    service.may_answer.clear()

    async def go() -> None:
        async with loaded(service, timeout="200ms") as plugin:
            began = time.monotonic()
            found = await asyncio.gather(*(plugin.reason(clientid=f"c{n}") for n in range(5)))
            assert set(found) == {ReasonCode.SERVER_UNAVAILABLE}
            assert 0.15 < time.monotonic() - began < 2
            asked = len(service.asked)
            alarms = plugin.core.alarms
            assert [one.name for one in alarms.activated()] == [ALARM]
            assert await plugin.reason() == ReasonCode.SERVER_UNAVAILABLE
            assert len(service.asked) == asked
            service.may_answer.set()
            plugin.playbook.clock.advance(1)
            assert await plugin.reason() == ReasonCode.SUCCESS
            assert alarms.activated() == []

    asyncio.run(go())


def test_who_waits_for_a_slow_service_keeps_nobody_else_waiting(service: WebService) -> None:
    service.may_answer.clear()

    async def go() -> None:
        async with loaded(service) as plugin:
            waiting = asyncio.gather(*(plugin.reason(clientid=f"c{n}") for n in range(20)))
            await asyncio.sleep(0)
            other = plugin.playbook.client()
            assert await plugin.may(other.channel.client, "publish", "t")
            assert not waiting.done()
            service.may_answer.set()
            assert set(await waiting) == {ReasonCode.SUCCESS}

    asyncio.run(go())


def test_without_an_answer_about_an_action_it_is_denied_until_there_is_one(
    service: WebService,
) -> None:
    dead = f"http://127.0.0.1:{free_port()}/acl"

    async def go() -> None:
        async with loaded(service, acl_req__url=dead) as plugin:
            client = plugin.client()
            assert not await plugin.may(client, "publish", "t")
            plugin.reload(auth__http__acl_req__url=service.url("/acl"))
            assert await plugin.may(client, "publish", "t")
            service.may_answer.clear()
            plugin.reload(auth__http__timeout="50ms")
            assert not await plugin.may(client, "publish", "t")
            service.may_answer.set()
            assert not await plugin.may(client, "publish", "t")
            plugin.playbook.advance(1.5)
            assert await plugin.may(client, "publish", "t")

    asyncio.run(go())


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    "raw", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", b"HTTP/9 200\r\n"]
)
def test_an_answer_that_is_none_refuses_and_the_log_has_no_password(
    service: WebService, method: str, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    service.answer = lambda _: Reply(raw=raw)

    async def go() -> None:
        async with loaded(service, auth_req__method=method) as plugin:
            for _ in range(4):
                assert await plugin.reason(b"s3cret") == ReasonCode.SERVER_UNAVAILABLE

    asyncio.run(go())
    assert "does not answer" in caplog.text
    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("unavailable", ["deny", "ignore"])
def test_who_is_not_answered_for_may_be_left_to_the_others(unavailable: str) -> None:
    dead = f"http://127.0.0.1:{free_port()}/"
    settings = {"auth.http.auth_req.url": dead, "auth.http.acl_req.url": dead}
    settings["auth.http.unavailable"] = unavailable

    async def go() -> None:
        async with LoadedPlugin(AuthHttp(), settings, AllowAnonymous.TRUE) as plugin:
            is_left = unavailable == "ignore"
            assert (await plugin.reason() == ReasonCode.SUCCESS) is is_left
            assert await plugin.may(plugin.client(), "publish", "t") is is_left

    asyncio.run(go())


def test_a_question_ends_before_the_broker_ends_it(service: WebService) -> None:
    service.may_answer.clear()

    async def go() -> None:
        plugin = loaded(service, timeout="1h", super_req__url=service.url("/super"))
        plugin.core.config = replace(plugin.core.config, hook_timeout_s=0.4)
        async with plugin:
            asked = (plugin.reason(clientid=f"c{n}") for n in range(5))
            assert set(await asyncio.gather(*asked)) == {ReasonCode.SERVER_UNAVAILABLE}
            assert len(plugin.core.alarms.activated()) == 1

    asyncio.run(go())


def test_a_request_is_made_again_where_the_connection_broke_off(service: WebService) -> None:
    service.breaks_off = 2

    async def go() -> None:
        async with loaded(service) as plugin:
            assert await plugin.reason() == ReasonCode.SUCCESS
            service.breaks_off = 9
            plugin.reload(auth__http__request__retry_times="0")
            assert await plugin.reason() == ReasonCode.SERVER_UNAVAILABLE

    asyncio.run(go())


def test_unloading_ends_what_is_under_way(service: WebService) -> None:
    service.may_answer.clear()

    async def go() -> None:
        async with loaded(service) as plugin:
            waiting = asyncio.gather(plugin.reason())
            await asyncio.to_thread(eventually, lambda: service.asked)
            plugin.host.unload(plugin.plugin)
            assert await waiting == [ReasonCode.SERVER_UNAVAILABLE]
            assert plugin.core.hooks.point("client.authenticate").callbacks == ()

    asyncio.run(go())


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("auth_req.params", "clientid", "NAME=VALUE"),
        ("auth_req.headers.content-type", "text/xml", "application/json"),
        ("auth_req.headers.x-key", "a\r\nb", "control characters"),
        ("auth_req.url", "ftp://x/", "is not an HTTP address"),
        ("ssl.cacertfile", "/nowhere.pem", "usable PEM files"),
        ("pool_size", "0", "whole number"),
    ],
)
def test_what_cannot_work_is_told_before_it_is_kept(key: str, text: str, sentence: str) -> None:
    plugin = AuthHttp()
    with pytest.raises(ExtensionError, match=sentence):
        plugin.prepare(read_config(plugin, {f"auth.http.{key}": text}))


def test_the_real_server_asks_and_a_dead_service_stops_nobody_who_is_connected(
    make_node: MakeNode, service: WebService
) -> None:
    service.answer = lambda asked: Reply(200 if b"good" in asked.body else 401)
    given = settings(service, acl_req__url="", timeout="500ms")
    node = make_node(allow_anonymous="false", **given)
    plugins = "/api/v4/nodes/godwit@127.0.0.1/plugins/emqx_auth_http"
    assert node.api("PUT", f"{plugins}/load").body == {"code": 0}

    def reason(clientid: str) -> int:
        with MqttClient(node.tcp) as client:
            return client.connect(clientid).reason_code

    with MqttClient(node.tcp) as staying:
        assert staying.connect("good-1").reason_code == 0
        staying.subscribe("t")
        assert reason("bad") == ReasonCode.BAD_USER_NAME_OR_PASSWORD
        service.may_answer.clear()
        assert reason("good-2") == ReasonCode.SERVER_UNAVAILABLE
        staying.send(Publish("t", b"still here"))
        told = staying.receive()
        assert isinstance(told, Publish) and told.payload == b"still here"
    service.may_answer.set()
    assert node.api("PUT", f"{plugins}/unload").body == {"code": 0}
    assert reason("good-3") == ReasonCode.NOT_AUTHORIZED
