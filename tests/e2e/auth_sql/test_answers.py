"""emqx_auth_mysql and emqx_auth_pgsql at real servers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

import argon2
import bcrypt
import pytest
import uvloop

from app.backends.breaker import State
from app.mqtt.reason_codes import ReasonCode
from app.plugins import ExtensionError
from tests.e2e.auth_sql.conftest import Admission

OK = ReasonCode.SUCCESS
REFUSED = ReasonCode.BAD_USER_NAME_OR_PASSWORD
UNKNOWN = ReasonCode.NOT_AUTHORIZED
"""What `allow_anonymous = false` says to whom nobody knows."""
NO_SERVER = ReasonCode.SERVER_UNAVAILABLE
SALTED = "select password, salt from mqtt_user where username = '%u' limit 1"
PUBLIC = hashlib.sha256(b"public").hexdigest()
BCRYPT = bcrypt.hashpw(b"public", bcrypt.gensalt(4)).decode()
ARGON2 = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(b"public")
TURNS = 3
"""Of the loop, in which closed connections come to their end."""
NASTY = [
    "u1' or '1'='1",
    "' or 1=1 -- ",
    "' or 1=1 # ",
    "\\' or 1=1 -- ",
    "u1'; drop table mqtt_user; -- ",
    "' union select 'public' -- ",
    "%u",
    "%s",
    "u1%",
    "$1",
    "¿' or ''='",
]


def play(scene: Callable[[Admission], Coroutine[Any, Any, None]], admission: Admission) -> None:
    """Run a scene, and unload the plugin behind it."""

    async def whole() -> None:
        try:
            await scene(admission)
        finally:
            admission.host.unload(admission.plugin)
            for _ in range(TURNS):
                await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(whole())


def test_right_wrong_and_missing_passwords_and_unknown_names(admission: Admission) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_user("u1", PUBLIC)
        admission.has_user("u2", "")
        admission.load()
        assert (await admission.enters("u1")).reason is OK
        assert (await admission.enters("u1", b"wrong")).reason is REFUSED
        assert (await admission.enters("u1", None)).reason is REFUSED
        assert (await admission.enters("u2", b"")).reason is REFUSED
        assert (await admission.enters("stranger")).reason is UNKNOWN
        assert (await admission.enters(None)).reason is UNKNOWN
        assert admission.plugin.counters.snapshot() == {
            "auth.success": 1,
            "auth.ignore": 2,
            "auth.failure": 3,
            "acl.allow": 0,
            "acl.deny": 0,
            "acl.ignore": 0,
        }

    play(scene, admission)


FORMS = [
    ("plain", "public", None),
    ("md5", hashlib.md5(b"public").hexdigest(), None),
    ("sha", hashlib.sha1(b"public").hexdigest(), None),
    ("sha512", hashlib.sha512(b"public").hexdigest(), None),
    ("salt,sha256", hashlib.sha256(b"saltpublic").hexdigest(), "salt"),
    ("sha256,salt", hashlib.sha256(b"publicsalt").hexdigest(), "salt"),
    (
        "pbkdf2,sha256,1000,20",
        hashlib.pbkdf2_hmac("sha256", b"public", b"salt", 1000, 20).hex(),
        "salt",
    ),
    ("salt,bcrypt", BCRYPT, BCRYPT[:29]),
    ("argon2", ARGON2, None),
]


# Salts are new with every run: names of tests must not tell them.
@pytest.mark.parametrize(("form", "stored", "salt"), FORMS, ids=[form for form, *_ in FORMS])
def test_every_form_of_a_password(
    admission: Admission, form: str, stored: str, salt: str | None
) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_user("u1", stored, salt)
        admission.load(password_hash=form, auth_query=SALTED)
        assert (await admission.enters("u1")).reason is OK
        assert (await admission.enters("u1", b"Public")).reason is REFUSED

    play(scene, admission)


def test_superusers(admission: Admission) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_user("boss", PUBLIC, superuser=True)
        admission.has_user("u1", PUBLIC)
        admission.load()
        assert (await admission.enters("boss")).is_superuser
        assert not (await admission.enters("u1")).is_superuser
        admission.host.unload(admission.plugin)
        admission.load(super_query="select nothing from mqtt_user where username = '%u'")
        verdict = await admission.enters("boss")
        assert (verdict.reason, verdict.is_superuser) == (OK, False)

    play(scene, admission)


@pytest.mark.parametrize("name", NASTY)
def test_no_user_name_gets_more_out_of_the_database_than_its_own_row(
    admission: Admission, name: str
) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_user("u1", PUBLIC)
        admission.has_user("odd", PUBLIC)
        admission.has_rule(1, {"username": "u1"}, 3, "secret")
        admission.load()
        assert (await admission.enters(name)).reason is UNKNOWN
        assert (await admission.enters("u1", clientid=name)).reason is OK
        client = admission.client(name, name)
        admission.core.access.allow_unmatched = False
        assert not await admission.may(client, "subscribe", "secret")
        admission.has_user(name, PUBLIC)
        assert (await admission.enters(name)).reason is OK
        assert admission.plugin.breaker is not None
        assert admission.plugin.breaker.failed == 0

    play(scene, admission)


@pytest.mark.parametrize("topic", NASTY)
def test_no_topic_gets_more_than_what_a_rule_says_of_it(admission: Admission, topic: str) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_user("u1", PUBLIC)
        admission.has_rule(1, {"username": "u1"}, 3, "mine")
        admission.load()
        admission.core.access.allow_unmatched = False
        client = admission.client("u1")
        for action in ("publish", "subscribe"):
            assert await admission.may(client, action, "mine")
            assert not await admission.may(client, action, topic)

    play(scene, admission)


def test_a_name_with_nul_is_refused_before_it_is_asked_about(admission: Admission) -> None:
    async def scene(admission: Admission) -> None:
        admission.load()
        assert (await admission.enters("u\0")).reason is REFUSED
        client = admission.client("u\0")
        assert not await admission.may(client, "publish", "t")

    play(scene, admission)


def test_the_last_row_that_fits_decides_and_nobody_else_is_concerned(admission: Admission) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_rule(0, {"username": "$all"}, 3, "#")
        admission.has_rule(1, {"username": "u1"}, 2, "dev/%c/up")
        admission.has_rule(1, {"clientid": "c1"}, 1, "dev/+/down")
        admission.has_rule(1, {"ipaddr": "127.0.0.1"}, 1, "local")
        admission.has_rule(1, {"username": "u1", "clientid": "other"}, 3, "both")
        admission.has_rule(1, {"username": "u1"}, 1, "eq dev/#")
        order = " order by id"
        admission.load(acl_query=admission.plugin.rows.acl_query.default + order)
        client = admission.client("u1")
        expected = {
            ("publish", "dev/c1/up"): True,
            ("subscribe", "dev/c1/up"): False,
            ("publish", "dev/c2/up"): False,
            ("subscribe", "dev/x/down"): True,
            ("publish", "dev/x/down"): False,
            ("subscribe", "local"): True,
            ("publish", "both"): False,
            ("subscribe", "dev/#"): True,
            ("subscribe", "dev/x"): False,
        }
        found = {asked: await admission.may(client, *asked) for asked in expected}
        assert found == expected
        admission.empty()
        admission.core.access.drain_caches()
        assert await admission.may(client, "publish", "both")
        assert admission.plugin.counters.acl_ignore == 1

    play(scene, admission)


def test_networks_in_rules(admission: Admission) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_rule(0, {"ipaddr": "127.0.0.0/8", "username": "u1"}, 3, "t")
        admission.load()
        assert not await admission.may(admission.client("u1"), "publish", "t")

    play(scene, admission)


@pytest.mark.parametrize(
    ("allow", "who", "access"),
    [(2, {"username": "u1"}, 3), (1, {"username": "u1"}, 4), (1, {"username": "u1", "ipaddr": "x"}, 3)],
)  # fmt: skip
def test_a_row_that_is_no_rule_refuses(
    admission: Admission, allow: int, who: dict[str, str], access: int
) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_rule(allow, who, access, "t")
        admission.load()
        assert not await admission.may(admission.client("u1"), "publish", "t")

    play(scene, admission)


def test_a_query_that_the_server_refuses_lets_nobody_in_and_opens_no_breaker(
    admission: Admission, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(admission: Admission) -> None:
        admission.load(
            auth_query="select password from nowhere where username = '%u'",
            acl_query="select 1, 2 from nowhere",
        )
        for _ in range(5):
            assert (await admission.enters("u1")).reason is NO_SERVER
            assert not await admission.may(admission.client("u1"), "publish", "t")
        assert admission.plugin.breaker is not None
        assert admission.plugin.breaker.state is State.CLOSED

    play(scene, admission)
    said = [one.getMessage() for one in caplog.records if "answers with an error" in one.message]
    assert len(said) == 1
    assert "public" not in caplog.text


def test_a_query_may_have_percent_signs_of_its_own_and_no_placeholder(admission: Admission) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_user("u1", PUBLIC)
        admission.load(auth_query="select password from mqtt_user where username like 'u%' limit 1")
        assert (await admission.enters("anybody")).reason is OK

    play(scene, admission)


def test_queries_that_are_empty_are_not_asked(admission: Admission) -> None:
    async def scene(admission: Admission) -> None:
        admission.load(auth_query="", acl_query="")
        assert admission.core.hooks.point("client.authenticate").callbacks == ()
        assert admission.core.hooks.point("client.check_acl").callbacks == ()
        await admission.settle()

    play(scene, admission)


def test_more_clients_than_connections_all_get_their_answer(admission: Admission) -> None:
    async def scene(admission: Admission) -> None:
        admission.has_user("u1", PUBLIC)
        admission.load(pool="2")
        verdicts = await asyncio.gather(*(admission.enters("u1") for _ in range(60)))
        assert {verdict.reason for verdict in verdicts} == {OK}

    play(scene, admission)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"auth_query": "select password from t where u = %u"}, "Write '%u' with its quotes"),
        ({"acl_query": "select 1 where %C = 'x'"}, "Write '%C' with its quotes"),
        ({"ssl__enable": "on", "ssl__cacertfile": "/nowhere.pem"}, "ssl.cacertfile"),
        ({"server": "a b"}, "server"),
        ({"password_hash": "rot13"}, "password_hash"),
    ],
)
def test_parameters_that_cannot_be_meant_are_refused_with_what_to_do(
    admission: Admission, parameters: dict[str, str], said: str
) -> None:
    with pytest.raises(ExtensionError) as caught:
        admission.load(**parameters)
    assert said in str(caught.value)
