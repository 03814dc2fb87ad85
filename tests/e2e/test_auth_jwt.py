"""Keys that somebody publishes and changes, behind a real address; and tokens on the real server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import pytest

from app.config import AllowAnonymous
from app.mqtt.reason_codes import ReasonCode
from app.plugins.auth_jwt import AuthJwt
from app.plugins.auth_jwt.jwks import SOONEST_S
from tests.harness.loaded_plugin import LoadedPlugin
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import MakeNode, eventually
from tests.harness.ports import free_port
from tests.harness.token_issuer import ISSUERS, SECRET, Issuer, issuer
from tests.harness.web_service import Reply, WebService

OLD, NEW = ISSUERS["RS256"], ISSUERS["ES256"]
STRANGER, UNAVAILABLE = ReasonCode.NOT_AUTHORIZED, ReasonCode.SERVER_UNAVAILABLE


def jwks(**issuers: Issuer) -> Reply:
    keys = [one.jwk(kid) for kid, one in issuers.items()]
    return Reply(body=json.dumps({"keys": keys}).encode())


@pytest.fixture
def keys() -> Iterator[WebService]:
    with WebService(lambda _: jwks(old=OLD)) as running:
        yield running


def loaded(url: str, **more: str) -> LoadedPlugin:
    settings = {"jwks": url, **{key.replace("__", "."): text for key, text in more.items()}}
    return LoadedPlugin(
        AuthJwt(),
        {f"auth.jwt.{key}": text for key, text in settings.items()},
        AllowAnonymous.FALSE,
    )


async def answer_to(plugin: LoadedPlugin, by: Issuer, kid: str | None) -> int:
    return await plugin.reason(by.token({}, kid).encode())


def seconds_pass(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the loop's clock jump."""
    loop = asyncio.get_running_loop()
    now_s = loop.time
    monkeypatch.setattr(loop, "time", lambda: now_s() + seconds)


def test_a_token_is_checked_with_the_published_key_that_it_names(keys: WebService) -> None:
    keys.answer = lambda _: jwks(old=OLD, new=NEW)

    async def go() -> None:
        async with loaded(keys.url("/jwks"), secret=SECRET) as plugin:
            assert await answer_to(plugin, OLD, "old") == ReasonCode.SUCCESS
            assert await answer_to(plugin, NEW, "new") == ReasonCode.SUCCESS
            assert await answer_to(plugin, NEW, "old") == STRANGER
            assert plugin.plugin.counters.auth_failure == 1
            assert await answer_to(plugin, ISSUERS["HS256"], "old") == STRANGER
            assert await answer_to(plugin, ISSUERS["HS256"], None) == ReasonCode.SUCCESS
            assert await answer_to(plugin, OLD, None) == STRANGER
        assert len(keys.asked) == 1

    asyncio.run(go())


def test_a_key_that_is_new_is_looked_up_at_once_and_one_that_is_gone_no_longer_counts(
    keys: WebService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        async with loaded(keys.url()) as plugin:
            assert await answer_to(plugin, OLD, "old") == ReasonCode.SUCCESS
            keys.answer = lambda _: jwks(new=NEW)
            seconds_pass(monkeypatch, SOONEST_S)
            assert await answer_to(plugin, NEW, "new") == ReasonCode.SUCCESS
            assert await answer_to(plugin, OLD, "old") == STRANGER
            assert len(keys.asked) == 2

    asyncio.run(go())


def test_keys_that_somebody_makes_up_do_not_make_us_knock_for_each(keys: WebService) -> None:
    async def go() -> None:
        async with loaded(keys.url()) as plugin:
            stranger = issuer("ES256")
            asked = [answer_to(plugin, stranger, f"made-up-{n}") for n in range(50)]
            assert set(await asyncio.gather(*asked)) == {STRANGER}
            assert await answer_to(plugin, stranger, "another") == STRANGER
            assert plugin.plugin.counters.auth_ignore == 51
            assert len(keys.asked) == 1

    asyncio.run(go())


def test_keys_are_looked_up_again_by_the_clock(keys: WebService) -> None:
    async def go() -> None:
        async with loaded(keys.url(), jwks__refresh_interval="1s") as plugin:
            assert await answer_to(plugin, OLD, "old") == ReasonCode.SUCCESS
            keys.answer = lambda _: jwks(old=NEW)
            await asyncio.to_thread(eventually, lambda: len(keys.asked) >= 2)
            for _ in range(500):
                if await answer_to(plugin, NEW, "old") == ReasonCode.SUCCESS:
                    break
                await asyncio.sleep(0.01)
            assert await answer_to(plugin, NEW, "old") == ReasonCode.SUCCESS
            assert await answer_to(plugin, OLD, "old") == STRANGER

    asyncio.run(go())


@pytest.mark.parametrize(
    "reply", [Reply(500), Reply(302, location="/"), Reply(body=b"x"), Reply(body=b"{}" * 600_000)]
)
def test_keys_that_are_known_hold_while_the_service_fails(
    keys: WebService, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        async with loaded(keys.url()) as plugin:
            assert await answer_to(plugin, OLD, "old") == ReasonCode.SUCCESS
            keys.answer = lambda _: reply
            seconds_pass(monkeypatch, SOONEST_S)
            assert await answer_to(plugin, NEW, "new") == UNAVAILABLE
            assert await answer_to(plugin, OLD, "old") == ReasonCode.SUCCESS

    asyncio.run(go())


def test_without_any_keys_nobody_is_let_in_and_nobody_waits_long() -> None:
    async def go() -> None:
        began = time.monotonic()
        async with loaded(f"http://127.0.0.1:{free_port()}/") as plugin:
            assert await answer_to(plugin, OLD, "old") == UNAVAILABLE
            assert await answer_to(plugin, OLD, "old") == UNAVAILABLE
        assert time.monotonic() - began < 3

    asyncio.run(go())


def test_a_slow_service_keeps_only_those_waiting_who_need_it(
    keys: WebService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.plugins.auth_jwt.jwks.TIMEOUT_S", 0.5)
    keys.may_answer.clear()

    async def go() -> None:
        async with loaded(keys.url(), secret=SECRET) as plugin:
            waiting = asyncio.gather(*(answer_to(plugin, OLD, "old") for _ in range(20)))
            await asyncio.sleep(0)
            assert await answer_to(plugin, ISSUERS["HS256"], None) == ReasonCode.SUCCESS
            assert not waiting.done()
            assert set(await waiting) == {UNAVAILABLE}
            assert len(keys.asked) == 1

    asyncio.run(go())


def test_the_real_server_takes_tokens_and_loses_nobody_to_a_reload(
    make_node: MakeNode, keys: WebService
) -> None:
    node = make_node(allow_anonymous="false", **{"auth.jwt.jwks": keys.url("/jwks")})
    plugins = "/api/v4/nodes/godwit@127.0.0.1/plugins/emqx_auth_jwt"
    assert node.api("PUT", f"{plugins}/load").body == {"code": 0}

    def reason(token: str) -> int:
        with MqttClient(node.tcp) as client:
            answer = client.connect("c1", username="u", password=token.encode())
            return answer.reason_code

    good = OLD.token({"acl": {"all": ["t/#"]}, "exp": time.time() + 600}, "old")
    for _ in range(2):
        assert reason(good) == 0
        assert reason(good[:-2]) == 0x87
        assert reason(OLD.token({"exp": time.time() - 1}, "old")) == 0x87
        assert node.api("PUT", f"{plugins}/reload").body == {"code": 0}
    assert node.api("PUT", f"{plugins}/unload").body == {"code": 0}
    assert reason(good) == 0x87
