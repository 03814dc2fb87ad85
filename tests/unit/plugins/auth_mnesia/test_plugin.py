"""The internal database at the broker: who comes in, and what he may do."""

from __future__ import annotations

import pytest

from app.config import AllowAnonymous
from app.mqtt.packets import Publish, Suback, Subscribe, SubscribeFilter
from app.mqtt.reason_codes import ReasonCode
from app.plugins import ExtensionError
from app.plugins.auth_mnesia import AclEntry, AuthMnesia, Credential, MnesiaTables
from app.plugins.auth_mnesia.passwords import stored_form
from app.plugins.host import ExtensionHost
from tests.harness.playbook import Playbook, connect_packet, only

REFUSED = ReasonCode.BAD_USER_NAME_OR_PASSWORD


class Admission:
    """A broker with the plugin loaded, and its tables."""

    def __init__(self, policy: AllowAnonymous = AllowAnonymous.FALSE) -> None:
        self.playbook = Playbook(allow_anonymous=policy)
        self.tables = MnesiaTables()
        self.host = ExtensionHost(self.playbook.core)
        self.plugin = AuthMnesia(self.tables, lambda *_: None)
        self.host.load(self.plugin, {"auth.mnesia.password_hash": "sha256"}, None)

    def knows(self, kind: str, login: str, password: bytes, *, is_superuser: bool = False) -> None:
        credential = Credential(stored_form(password, "sha256"), is_superuser)
        self.tables.put_credentials({(kind, login): credential})

    def answers(
        self, clientid: str, username: str | None = None, password: bytes | None = None
    ) -> int:
        client = self.playbook.client()
        client.sends(connect_packet(clientid, username=username, password=password))
        return only(client.receives()).reason_code


@pytest.mark.parametrize(
    ("clientid", "username", "password", "expected"),
    [
        ("c1", None, b"id", ReasonCode.SUCCESS),
        ("c1", "u1", b"id", ReasonCode.SUCCESS),
        ("c1", "u1", b"name", ReasonCode.SUCCESS),
        ("x", "u1", b"name", ReasonCode.SUCCESS),
        ("c1", "u1", b"wrong", REFUSED),
        ("x", "u1", None, REFUSED),
        ("x", "u1", b"id", REFUSED),
        ("x", "x", b"id", ReasonCode.NOT_AUTHORIZED),
        ("x", None, None, ReasonCode.NOT_AUTHORIZED),
    ],
)
def test_one_match_of_client_id_or_user_name_suffices(
    clientid: str, username: str | None, password: bytes | None, expected: int
) -> None:
    admission = Admission()
    admission.knows("clientid", "c1", b"id")
    admission.knows("username", "u1", b"name")
    assert admission.answers(clientid, username, password) == expected


def test_who_is_not_in_the_tables_is_left_to_the_policy() -> None:
    admission = Admission(AllowAnonymous.TRUE)
    admission.knows("username", "u1", b"name")
    assert admission.answers("x", "stranger", b"any") == ReasonCode.SUCCESS
    assert admission.answers("x", "u1", b"wrong") == REFUSED


def test_a_change_counts_for_the_next_client_and_unloading_ends_it_all() -> None:
    admission = Admission()
    admission.knows("username", "u1", b"old")
    admission.knows("username", "u1", b"new")
    assert admission.answers("a", "u1", b"old") == REFUSED
    assert admission.answers("a", "u1", b"new") == ReasonCode.SUCCESS
    admission.tables.remove_credential(("username", "u1"))
    assert admission.answers("b", "u1", b"new") == ReasonCode.NOT_AUTHORIZED
    admission.host.unload(admission.plugin)
    assert admission.playbook.core.hooks.point("client.authenticate").callbacks == ()


def test_the_parameters_sow_logins() -> None:
    sown: list[object] = []
    plugin = AuthMnesia(MnesiaTables(), lambda *what: sown.extend(what))
    config = {
        "auth.mnesia.password_hash": "md5",
        "auth.client.1.clientid": "c1",
        "auth.client.1.password": "p1",
        "auth.user.admin.username": "u1",
        "auth.user.admin.password": "p2",
    }
    plugin.prepare(config)
    assert sown == [{("clientid", "c1"): b"p1", ("username", "u1"): b"p2"}, "md5"]
    del config["auth.client.1.password"]
    with pytest.raises(ExtensionError, match=r"Set auth\.client\.1\.clientid and"):
        plugin.prepare(config)


def may_publish(admission: Admission, clientid: str, topic: str, **login: str) -> bool:
    watcher = admission.playbook.connect("watcher")
    watcher.subscribes("#")
    watcher.receives()
    client = admission.playbook.connect(clientid, **login)
    client.sends(Publish(topic, b"x"))
    return bool(watcher.receives())


def rule(topic: str, *, allows: bool, action: str = "pub") -> AclEntry:
    return AclEntry(topic, action, allows)


def test_rules_of_the_client_id_go_before_those_of_the_user_name_before_those_of_all() -> None:
    admission = Admission(AllowAnonymous.TRUE)
    admission.tables.put_rules(
        {
            ("all", ""): [rule("t/#", allows=False)],
            ("username", "u1"): [rule("t/user", allows=True)],
            ("clientid", "c1"): [rule("t/mine", allows=True), rule("t/user", allows=False)],
        }
    )
    assert may_publish(admission, "c1", "t/mine")
    assert not may_publish(admission, "c1", "t/user", username="u1")
    assert may_publish(admission, "c2", "t/user", username="u1")
    assert not may_publish(admission, "c2", "t/mine")
    assert may_publish(admission, "c2", "elsewhere")


def test_a_change_of_rules_is_not_outlived_by_what_was_remembered() -> None:
    admission = Admission(AllowAnonymous.TRUE)
    admission.tables.put_rules({("all", ""): [rule("t", allows=False)]})
    assert not may_publish(admission, "c1", "t")
    admission.tables.put_rules({("all", ""): []})
    assert may_publish(admission, "c1", "t")


def test_names_stand_in_rules_and_wildcards_in_names_do_not_widen_them() -> None:
    admission = Admission(AllowAnonymous.TRUE)
    admission.tables.put_rules(
        {("all", ""): [rule("of/%c/#", allows=True), rule("of/#", allows=False)]}
    )
    assert may_publish(admission, "c1", "of/c1/x")
    assert not may_publish(admission, "c1", "of/c2/x")
    assert not may_publish(admission, "+", "of/c2/x")


def test_what_allows_must_cover_the_whole_filter() -> None:
    admission = Admission(AllowAnonymous.TRUE)
    admission.tables.put_rules(
        {("all", ""): [rule("a/+", allows=True, action="sub"), rule("#", allows=False, action="sub")]}
    )  # fmt: skip
    client = admission.playbook.connect("c1")
    client.sends(Subscribe(1, (SubscribeFilter("a/b", 0), SubscribeFilter("a/#", 0))))
    assert only(client.receives()) == Suback(1, (0, ReasonCode.NOT_AUTHORIZED))


def test_a_superuser_is_asked_nothing() -> None:
    admission = Admission()
    admission.knows("username", "root", b"pw", is_superuser=True)
    admission.tables.put_rules({("all", ""): [rule("#", allows=False)]})
    client = admission.playbook.client()
    client.sends(connect_packet("c1", username="root", password=b"pw"))
    client.receives()
    assert client.channel.client.is_superuser


def test_answers_are_counted_for_the_plugin_and_what_it_passed_over_in_the_sum() -> None:
    admission = Admission(AllowAnonymous.TRUE)
    admission.knows("username", "u1", b"right")
    admission.answers("a", "u1", b"right")
    admission.answers("b", "u1", b"wrong")
    admission.answers("c", "stranger", b"x")
    admission.tables.put_rules({("all", ""): [AclEntry("yes", "pub", True)]})
    admission.tables.put_rules({("username", "u1"): [AclEntry("no", "pub", False)]})
    client = admission.playbook.client()
    client.sends(connect_packet("d", username="u1", password=b"right"))
    for topic in ("yes", "no", "other"):
        client.sends(Publish(topic, b"", 0))
    assert admission.plugin.metrics() == {
        "auth.success": 2,
        "auth.ignore": 1,
        "auth.failure": 1,
        "acl.allow": 1,
        "acl.deny": 1,
        "acl.ignore": 1,
    }
    admission.host.unload(admission.plugin)
    counted = admission.playbook.core.metrics.snapshot()
    assert (counted["client.auth.ignore"], counted["client.acl.ignore"]) == (1, 1)
