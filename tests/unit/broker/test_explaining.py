"""Explanations say what a real client would meet, and leave no trace."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.auth.metrics import AuthCounters
from app.broker.access_control import AccessControl, Credentials, Verdict
from app.broker.acl_cache import AclCacheLimits
from app.broker.explaining import Explanation, Question, explain
from app.broker.hooks import Ok, Stop
from app.broker.reasons import because
from app.broker.records import BanRecord
from app.config import AllowAnonymous, Policy
from app.mqtt.packets import Publish
from app.mqtt.reason_codes import ReasonCode
from app.plugins.acl_internal import AclInternal
from app.plugins.auth_mnesia import AclEntry, AuthMnesia, Credential, MnesiaTables
from app.plugins.auth_mnesia.passwords import stored_form
from app.plugins.base import Extension
from app.plugins.host import ExtensionHost
from tests.harness.playbook import Playbook, connect_packet

MNESIA = {"auth.mnesia.password_hash": "sha256"}
RULES = """\
{allow, {user, "dashboard"}, subscribe, ["$SYS/#"]}.
{deny, {client, "locked"}, publish,
   ["plant/#"]}.
{deny, all, subscribe, ["$SYS/#", {eq, "#"}]}.
"""


class Asked:
    """A broker that is asked for reasons."""

    def __init__(self, **settings: Any) -> None:
        self.playbook = Playbook(**settings)
        self.core = self.playbook.core
        self.host = ExtensionHost(self.core)
        self.tables = MnesiaTables()

    def loads(self, extension: Extension, config: Mapping[str, Any]) -> None:
        self.host.load(extension, config, extension.prepare(config))

    def knows(self, username: str, password: bytes, *, is_superuser: bool = False) -> None:
        stored = Credential(stored_form(password, "sha256"), is_superuser)
        self.tables.put_credentials({("username", username): stored})

    def why(self, clientid: str, **question: Any) -> Explanation:
        return asyncio.run(explain(self.core, Question(clientid, **question)))


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    """Return a broker with the internal database, and rules in a file."""
    made = Asked(allow_anonymous=AllowAnonymous.FALSE)
    made.loads(AuthMnesia(made.tables, lambda *_: None), MNESIA)
    file = tmp_path / "acl.conf"
    file.write_text(RULES, "utf-8")
    made.loads(AclInternal(file), {"acl_file": ""})
    return made


def steps(found: Explanation) -> list[tuple[str, str, str, str]]:
    return [(one.check, one.by, one.answer, one.verdict) for one in found.steps]


def test_the_internal_database_lets_in_refuses_and_passes_over(asked: Asked) -> None:
    asked.knows("u1", b"right")
    found = asked.why("c1", username="u1", password=b"right")
    assert (found.is_allowed, found.reason) == (True, "success")
    assert steps(found) == [
        ("banned", "broker", "pass", ""),
        ("client.authenticate", "emqx_auth_mnesia", "stop", "success"),
    ]
    found = asked.why("c1", username="u1", password=b"wrong")
    assert (found.is_allowed, found.reason) == (False, "bad_user_name_or_password")
    assert found.decided_by.why == ("the login is in the tables, with another password",)
    found = asked.why("c1", username="stranger", password=b"any")
    assert [step[2] for step in steps(found)] == ["pass", "ignore", "stop"]
    assert found.decided_by.check == "allow_anonymous"
    assert found.reason == "not_authorized"


def test_a_superuser_is_held_by_no_rule(asked: Asked) -> None:
    asked.knows("boss", b"right", is_superuser=True)
    asked_for = {"username": "boss", "action": "publish", "topic": "plant/1"}
    found = asked.why("locked", password=b"right", **asked_for)
    assert (found.is_allowed, found.is_superuser) == (True, True)
    assert found.decided_by.check == "superuser"
    assert not asked.why("locked", **asked_for).is_allowed  # nobody has said that it is he


def test_a_rule_of_the_file_is_named_by_its_line_and_text(asked: Asked) -> None:
    found = asked.why("locked", action="publish", topic="plant/1")
    assert (found.is_allowed, found.reason) == (False, "deny")
    assert found.decided_by.by == "emqx_mod_acl_internal"
    assert found.decided_by.why == (
        'line 2 of acl.conf: {deny, {client, "locked"}, publish, ["plant/#"]}.',
    )
    assert asked.why("c1", action="subscribe", topic="$share/g/#").decided_by.why[0].startswith(
        "line 4"
    )  # fmt: skip


def test_a_rule_of_the_database_is_named_with_its_login(asked: Asked) -> None:
    asked.tables.put_rules({("username", "u1"): [AclEntry("plant/%u", "pub", True)]})
    asked.tables.put_rules({("all", ""): [AclEntry("#", "pub", False)]})
    found = asked.why("locked", username="u1", action="publish", topic="plant/u1")
    assert found.decided_by.why == ("the rule of username u1: allow pub plant/%u",)
    found = asked.why("locked", username="u1", action="publish", topic="plant/u2")
    assert found.decided_by.why == ("the rule of all: deny pub #",)


@pytest.mark.parametrize("nomatch", ["allow", "deny"])
def test_where_no_rule_is_about_it_the_policy_decides(nomatch: str) -> None:
    asked = Asked(acl_nomatch=nomatch)
    found = asked.why("c1", action="publish", topic="t")
    assert (found.is_allowed, found.reason) == (nomatch == "allow", nomatch)
    assert found.decided_by.check == "acl_nomatch"


def test_rules_that_cannot_change_anything_have_their_reasons_too(tmp_path: Path) -> None:
    asked = Asked()
    file = tmp_path / "acl.conf"
    file.write_text("{allow, all}.", "utf-8")
    asked.loads(AclInternal(file), {"acl_file": ""})
    assert asked.core.hooks.point("client.check_acl").callbacks == ()
    found = asked.why("c1", action="publish", topic="t")
    assert found.decided_by.why == ("line 1 of acl.conf: {allow, all}.",)


def test_a_ban_comes_before_everybody_else(asked: Asked) -> None:
    asked.core.banned.add(BanRecord("username", "u1", "ops", "floods us", 0, None))
    found = asked.why("c1", username="u1", password=b"any")
    assert (found.is_allowed, found.reason) == (False, "banned")
    assert found.decided_by.why == ("username u1 is banned for ever by ops: floods us",)
    assert len(found.steps) == 1
    assert asked.why("c1", username="u1", action="publish", topic="t").reason == "banned"


def test_the_address_decides_where_only_this_machine_is_let_in() -> None:
    asked = Asked(allow_anonymous=AllowAnonymous.LOOPBACK)
    assert asked.why("c1").is_allowed
    found = asked.why("c1", peerhost="192.0.2.7")
    assert (found.is_allowed, found.reason) == (False, "not_authorized")
    assert "192.0.2.7 is not this machine" in found.decided_by.why[0]


def test_whoever_answers_later_is_waited_for() -> None:
    asked = Asked(allow_anonymous=AllowAnonymous.FALSE)

    async def authenticate(_credentials: Credentials, _verdict: object) -> Stop:
        await asyncio.sleep(0)
        because("row %s", 7)
        return Stop(Verdict(ReasonCode.SUCCESS))

    async def check_acl(*_: object) -> Ok:
        await asyncio.sleep(0)
        return Ok(False)

    asked.core.hooks.point("client.authenticate").add(authenticate, owner="theirs")
    asked.core.hooks.point("client.check_acl").add(check_acl, owner="theirs")
    found = asked.why("c1", password=b"x", action="subscribe", topic="t")
    assert steps(found) == [
        ("banned", "broker", "pass", ""),
        ("client.authenticate", "theirs", "stop", "success"),
        ("superuser", "broker", "pass", ""),
        ("client.check_acl", "theirs", "ok", "deny"),
    ]
    assert found.steps[1].why == ("row 7",)


@pytest.mark.parametrize(
    ("point", "action", "reason"),
    [
        ("client.authenticate", "connect", "server_unavailable"),
        ("client.check_acl", "publish", "deny"),
        ("client.check_acl_subscribe", "subscribe", "deny"),
    ],
)
def test_whoever_fails_or_is_late_refuses(point: str, action: str, reason: str) -> None:
    asked = Asked(hook_timeout_s=0.001)

    async def late(*_: object) -> None:
        await asyncio.Event().wait()

    def crash(*_: object) -> None:
        raise ValueError("the password is hunter2")

    for callback in (late, crash):
        asked.core.hooks.point(point).add(callback, owner="theirs")
        found = asked.why("c1", action=action, topic="t")
        asked.core.hooks.point(point).remove(callback)
        assert (found.is_allowed, found.reason) == (False, reason)
        assert (found.decided_by.by, found.decided_by.answer) == ("theirs", "error")
        assert "hunter2" not in str(found)


def test_nothing_is_counted_or_remembered(asked: Asked) -> None:
    asked.knows("u1", b"right")
    plugin = next(one for one in asked.host.loaded() if isinstance(one, AuthMnesia))
    before = asked.core.metrics.snapshot()
    for action in ("connect", "publish", "subscribe"):
        asked.why("c1", username="u1", password=b"wrong", action=action, topic="t")
        asked.why("c1", username="u1", password=b"right", action=action, topic="t")
    assert asked.core.metrics.snapshot() == before
    assert plugin.counters == AuthCounters()
    assert asked.core.cm.channels == {}


def test_a_connected_client_is_judged_by_what_is_known_of_it(asked: Asked) -> None:
    asked.knows("boss", b"right", is_superuser=True)
    client = asked.playbook.client()
    client.sends(connect_packet("locked", username="boss", password=b"right"))
    asked_for = {"action": "publish", "topic": "plant/1"}
    found = asked.why("locked", **asked_for)
    assert (found.is_connected, found.is_superuser, found.is_allowed) == (True, True, True)
    found = asked.why("locked", username="other", **asked_for)
    assert (found.is_connected, found.is_allowed) == (False, False)
    found = asked.why("locked", password=b"wrong")
    assert (found.is_connected, found.reason) == (True, "bad_user_name_or_password")
    assert asked.core.cm.channels["locked"].client.is_superuser


def test_what_is_remembered_of_a_connected_client_counts_first() -> None:
    asked = Asked()
    access: AccessControl = asked.core.access
    access._cache = AclCacheLimits(32, 60_000)
    verdicts = [Stop(True), Stop(False)]
    asked.core.hooks.point("client.check_acl").add(lambda *_: verdicts[0], owner="theirs")
    client = asked.playbook.connect("c1")
    client.sends(Publish("t", b"", 0))
    del verdicts[0]
    found = asked.why("c1", action="publish", topic="t")
    assert found.is_allowed
    assert steps(found)[-2:] == [
        ("acl_cache", "broker", "stop", "allow"),
        ("client.check_acl", "theirs", "stop", "deny"),
    ]
    assert found.decided_by.check == "acl_cache"


def test_an_address_that_failed_too_often_is_told_and_how_restless_a_client_is() -> None:
    zone = {"enable_flapping_detect": True, "enable_auth_failure_limit": True}
    asked = Asked(
        zone=zone,
        allow_anonymous=AllowAnonymous.LOOPBACK,
        auth_failure_policy=Policy(1, 60.0, 300.0),
    )
    found = asked.why("c1", peerhost="192.0.2.7")
    assert [step.check for step in found.steps][1:3] == ["flapping", "auth_failures"]
    asked.playbook.client(peerhost="192.0.2.7").sends(connect_packet("c1"))
    found = asked.why("c1", peerhost="192.0.2.7")
    assert (found.is_allowed, found.reason) == (False, "connection_rate_exceeded")
    assert found.decided_by.check == "auth_failures"
