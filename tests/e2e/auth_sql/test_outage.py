"""A server that is killed, frozen or not there: new clients are refused at once, and nobody else notices."""

from __future__ import annotations

import asyncio
import hashlib
import time

import pytest

from app.backends.breaker import State
from app.broker.access_control import Credentials, Verdict
from app.broker.hooks import Stop
from app.mqtt.reason_codes import ReasonCode
from tests.e2e.auth_sql.conftest import Admission
from tests.e2e.auth_sql.test_answers import NO_SERVER, OK, PUBLIC, UNKNOWN, play

DEADLINE_S = 20


async def _fails_until_open(admission: Admission) -> None:
    breaker = admission.plugin.breaker
    assert breaker is not None
    while breaker.state is not State.OPEN:
        assert (await admission.enters("u1")).reason is NO_SERVER
    await admission.settle()


def test_killed_and_back(admission: Admission, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_user("u1", PUBLIC)
        admission.load()
        client = admission.client("u1")
        assert (await admission.enters("u1")).reason is OK
        assert await admission.may(client, "publish", "known")
        admission.server.kill()
        try:
            await _fails_until_open(admission)
            began_s = time.monotonic()
            verdicts = await asyncio.gather(*(admission.enters("u1") for _ in range(200)))
            assert {verdict.reason for verdict in verdicts} == {NO_SERVER}
            assert time.monotonic() - began_s < 1.0
            assert await admission.may(client, "publish", "known"), "the cache answers meanwhile"
            assert not await admission.may(client, "publish", "new")
            assert admission.core.alarms.is_active(f"{admission.plugin.name}_unavailable")
        finally:
            admission.server.start()
        # The node looks by itself, without any client.
        admission.playbook.advance(2.0)
        await admission.settle()
        assert not admission.core.alarms.is_active(f"{admission.plugin.name}_unavailable")
        assert (await admission.enters("u1")).reason is OK
        assert await admission.may(client, "publish", "new"), "what was said without an answer"

    play(scene, admission)
    breaker_said = [one for one in caplog.records if one.name == "app.backends.breaker"]
    assert len(breaker_said) == 2
    assert hashlib.sha256(b"public").hexdigest() not in caplog.text


def test_connections_that_the_server_closed_while_they_lay_idle_are_nobody_s_loss(
    admission: Admission,
) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_user("u1", PUBLIC)
        admission.load()
        await asyncio.gather(*(admission.enters("u1") for _ in range(8)))
        admission.server.stop()
        admission.server.start()
        for _ in range(8):
            assert (await admission.enters("u1")).reason is OK
        assert admission.plugin.breaker is not None
        assert admission.plugin.breaker.failed == 0

    play(scene, admission)


def test_a_frozen_server_stalls_nobody_but_those_who_ask_it_first(admission: Admission) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_user("u1", PUBLIC)
        admission.load(query_timeout="300ms")
        assert (await admission.enters("u1")).reason is OK
        others = 0

        def knows(credentials: Credentials, _verdict: object) -> Stop | None:
            is_ours = credentials.client.clientid == "ours"
            return Stop(Verdict(ReasonCode.SUCCESS)) if is_ours else None

        admission.playbook.hook("client.authenticate", knows, 10)
        admission.server.freeze()
        try:
            asked = asyncio.gather(*(admission.enters("u1") for _ in range(50)))
            while not asked.done():
                assert (await admission.enters(None, clientid="ours")).reason is OK
                others += 1
                await asyncio.sleep(0.01)
            assert {verdict.reason for verdict in await asked} == {NO_SERVER}
        finally:
            admission.server.thaw()
        assert others > 10
        admission.playbook.advance(2.0)
        await admission.settle()
        assert (await admission.enters("u1")).reason is OK

    play(scene, admission)


def test_a_server_that_is_not_there_is_known_before_any_client_comes(admission: Admission) -> None:
    async def scene(admission: Admission) -> None:
        admission.load(server="127.0.0.1:1")
        for _ in range(3):
            await admission.settle()
            admission.playbook.advance(1.0)
        await admission.settle()
        assert admission.core.alarms.is_active(f"{admission.plugin.name}_unavailable")
        admission.host.unload(admission.plugin)
        assert not admission.core.alarms.is_active(f"{admission.plugin.name}_unavailable")

    play(scene, admission)


def test_by_policy_clients_are_left_to_the_next(admission: Admission) -> None:
    async def scene(admission: Admission) -> None:
        admission.load(server="127.0.0.1:1", unavailable="ignore")
        assert (await admission.enters("u1")).reason is UNKNOWN
        assert await admission.may(admission.client("u1"), "publish", "t")

    play(scene, admission)


def test_a_wrong_login_at_the_server_refuses_and_shows_no_password(
    admission: Admission, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(admission: Admission) -> None:
        admission.load(password="n0t-the-0ne")
        await _fails_until_open(admission)

    play(scene, admission)
    assert "n0t-the-0ne" not in caplog.text


def test_unloading_in_the_midst_of_questions_ends_them_all(admission: Admission) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_user("u1", PUBLIC)
        admission.load(pool="1")
        asked = [asyncio.get_running_loop().create_task(admission.enters("u1")) for _ in range(5)]
        await asyncio.sleep(0)
        admission.host.unload(admission.plugin)
        assert (await admission.enters("u1")).reason is UNKNOWN
        async with asyncio.timeout(DEADLINE_S):
            verdicts = await asyncio.gather(*asked)
        assert {verdict.reason for verdict in verdicts} <= {OK, NO_SERVER}

    play(scene, admission)
