"""Logins and access rules of the internal database, on every database."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker.client_info import ClientInfo
from app.clock import FakeClock
from app.config import ZoneConfig
from app.errors import ServiceError
from app.models import Database
from app.plugins.auth_mnesia import MnesiaTables
from app.plugins.auth_mnesia.passwords import fits
from app.services.acl_rules import AclQuery, AclRulesService
from app.services.credentials import CredentialsService


def run(function: Any, *args: Any) -> Any:
    return function(*args)


def client(clientid: str = "c1", username: str | None = None) -> ClientInfo:
    return ClientInfo(
        ZoneConfig("external"), "mqtt:tcp:external", "10.0.0.1", 1, 1883, clientid, username
    )


@pytest.fixture
def tables() -> MnesiaTables:
    return MnesiaTables()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def logins(database: Database, tables: MnesiaTables, clock: FakeClock) -> CredentialsService:
    service = CredentialsService(database, run, tables, clock)
    service.fill()
    return service


@pytest.fixture
def rules(database: Database, tables: MnesiaTables, clock: FakeClock) -> AclRulesService:
    service = AclRulesService(database, run, tables, clock)
    service.fill()
    return service


def passwords(tables: MnesiaTables, who: ClientInfo) -> list[str]:
    return [one.password for one in tables.credentials_of(who)]


def test_the_loop_s_copy_follows_every_change(
    logins: CredentialsService, tables: MnesiaTables
) -> None:
    logins.create("clientid", {"clientid": "c1", "password": "old"})
    assert fits(*passwords(tables, client()), b"old", "sha256")
    logins.update("clientid", "c1", {"password": "new"})
    assert fits(*passwords(tables, client()), b"new", "sha256")
    logins.delete("clientid", "c1")
    logins.delete("clientid", "c1")
    assert passwords(tables, client()) == []


def test_a_copy_that_is_filled_late_has_everything(
    database: Database, logins: CredentialsService, clock: FakeClock
) -> None:
    logins.create("username", {"username": "u1", "password": "pw", "is_superuser": True})
    other = MnesiaTables()
    CredentialsService(database, run, other, clock).fill()
    (known,) = other.credentials_of(client(username="u1"))
    assert known.is_superuser


def test_what_is_sown_never_overwrites(logins: CredentialsService, tables: MnesiaTables) -> None:
    logins.create("clientid", {"clientid": "c1", "password": "own"})
    seeds = {("clientid", "c1"): b"sown", ("clientid", "c2"): b"sown", ("clientid", "a\0"): b"x"}
    logins.sow(seeds, "md5")
    logins.sow(seeds, "md5")
    assert fits(*passwords(tables, client("c1")), b"own", "sha256")
    assert fits(*passwords(tables, client("c2")), b"sown", "md5")


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({}, "login"),
        ({"clientid": ""}, "login"),
        ({"clientid": "c" * 513}, "login"),
        ({"clientid": "a\0b", "password": "x"}, "login"),
        ({"clientid": "c1"}, "password"),
        ({"clientid": "c1", "password": 5}, "password"),
        ({"clientid": "taken", "password": "x"}, "existed"),
    ],
)
def test_refusals_are_emqx_s_bare_words(
    logins: CredentialsService, params: dict[str, object], word: str
) -> None:
    logins.create("clientid", {"clientid": "taken", "password": "x"})
    with pytest.raises(ServiceError) as refused:
        logins.create("clientid", params)
    assert (refused.value.message, refused.value.bare) == (word, True)


def test_of_many_each_succeeds_or_fails_for_itself(
    logins: CredentialsService, tables: MnesiaTables
) -> None:
    logins.create("clientid", {"clientid": "b", "password": "x"})
    items = [{"clientid": name, "password": "pw"} for name in ("a", "b", "c")]
    assert logins.create_many("clientid", [*items, {"clientid": "d"}, 5]) == {
        "a": "ok",
        "b": "{error,existed}",
        "c": "ok",
        "d": "{error,password}",
        "undefined": "{error,login}",
    }
    assert len(passwords(tables, client("a")) + passwords(tables, client("c"))) == 2


def test_lists_are_paged_newest_first_and_filtered_by_case(
    logins: CredentialsService, clock: FakeClock
) -> None:
    for name in ("dev-1", "dev-2", "Dev-3", "dev_%"):
        logins.create("clientid", {"clientid": name, "password": "x"})
        clock.advance(1)
    page = logins.list("clientid", 1, 3)
    assert [one.login for one in page.records] == ["dev_%", "Dev-3", "dev-2"]
    assert (page.total, page.hasnext) == (4, True)
    found = logins.list("clientid", 1, 10, like="dev-")
    assert [one.login for one in found.records] == ["dev-2", "dev-1"]
    assert (found.total, found.hasnext) == (-1, False)
    assert [one.login for one in logins.list("clientid", 1, 10, like="_%").records] == ["dev_%"]
    assert [one.login for one in logins.list("clientid", 1, 10, exact="dev-1").records] == ["dev-1"]
    assert logins.list("username", 1, 10).total == 0


def test_newer_rules_are_asked_first_and_pubsub_is_two(
    rules: AclRulesService, tables: MnesiaTables, clock: FakeClock
) -> None:
    rules.add({"clientid": "c1", "topic": "t/#", "action": "pubsub", "access": "allow"})
    clock.advance(1)
    rules.add({"clientid": "c1", "topic": "t/1", "action": "pub", "access": "deny"})
    found = [(one.topic, one.action, one.allows) for one in tables.rules_for(client())]
    assert found[0] == ("t/1", "pub", False)
    assert sorted(found[1:]) == [("t/#", "pub", True), ("t/#", "sub", True)]


def test_a_rule_for_the_same_topic_and_action_replaces_the_old_one(
    rules: AclRulesService, tables: MnesiaTables
) -> None:
    rule = {"username": "u1", "topic": "t", "action": "pub"}
    rules.add({**rule, "access": "allow"})
    rules.add({**rule, "access": "deny"})
    assert [one.allows for one in tables.rules_for(client(username="u1"))] == [False]


def test_a_rule_that_is_removed_is_gone_at_once(
    rules: AclRulesService, tables: MnesiaTables
) -> None:
    rules.add({"topic": "t", "action": "pubsub", "access": "deny"})
    rules.delete("all", "", "t")
    rules.delete("all", "", "t")
    assert list(tables.rules_for(client())) == []
    assert rules.of("all", "") == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"action": "write"}, "action"),
        ({"access": "maybe"}, "access"),
        ({"topic": "a/#/b"}, "topic"),
        ({"topic": ""}, "topic"),
        ({"clientid": ""}, "clientid"),
        ({"clientid": "c", "username": "u"}, "clientid and username"),
    ],
)
def test_a_rule_that_is_none_is_refused(
    rules: AclRulesService, change: dict[str, object], word: str
) -> None:
    params = {"topic": "t", "action": "pub", "access": "allow", **change}
    with pytest.raises(ServiceError) as refused:
        rules.add(params)
    assert (refused.value.message, refused.value.bare) == (word, True)


def test_rules_are_filtered(rules: AclRulesService) -> None:
    for number in range(3):
        rules.add({"clientid": f"c{number}", "topic": "t", "action": "sub", "access": "deny"})
    found, total = rules.list("clientid", 1, 2, AclQuery(action="sub"))
    assert (len(found), total) == (2, 3)
    assert rules.list("clientid", 1, 50, AclQuery(login="c1", topic="t"))[1] == 1
    assert rules.list("clientid", 1, 50, AclQuery(like_login="C"))[1] == 0
    assert rules.list("clientid", 1, 50, AclQuery(access="allow"))[1] == 0
    assert rules.list("all", 1, 50, AclQuery())[1] == 0
