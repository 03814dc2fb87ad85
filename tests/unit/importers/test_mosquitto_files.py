"""Mosquitto's password and ACL files and dynamic-security.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from app.importers.mosquitto_files import plan_acl, plan_dynamic_security, plan_passwords
from app.importers.plan import ImportPlan, ImportRefusedError, Outcome
from app.plugins.acl_internal.language import parse_rules
from app.plugins.auth_mnesia.mosquitto import stored_form
from app.plugins.auth_mnesia.passwords import fits

NOW_MS = 1_700_000_000_000


def a_file(folder: Path, text: str) -> Path:
    (folder / "file").write_text(text, "utf-8")
    return folder / "file"


def left_out(plan: ImportPlan) -> list[str]:
    return [one.source for one in plan.findings if one.outcome is Outcome.NO_COUNTERPART]


class TestPasswords:
    def test_hashes_are_taken_as_they_are_and_passwords_are_hashed(self, tmp_path: Path) -> None:
        kept = stored_form(b"geheim")
        plan = plan_passwords(a_file(tmp_path, f"# users\nalice:{kept}\nbob:open sesame\n"))
        alice, bob = plan.logins
        assert alice == {"login": "alice", "type": "username", "password_hash": kept}
        assert fits(str(bob["password_hash"]), b"open sesame", "sha256")
        assert "open sesame" not in "".join(plan.report())

    def test_what_cannot_be_checked_here_is_told(self, tmp_path: Path) -> None:
        hashes = ["$5$a$b", "$7$5000$YWE=$YWE=", "$argon2id$v=19$x$y"]
        lines = [f"u{number}:{one}" for number, one in enumerate(hashes)]
        plan = plan_passwords(a_file(tmp_path, "\n".join([*lines, "nobody", "ok:pw"])))
        assert [one["login"] for one in plan.logins] == ["ok"]
        assert left_out(plan) == [f"file, line {number}" for number in (1, 2, 3, 4)]

    def test_a_file_without_logins_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ImportRefusedError, match="no line"):
            plan_passwords(a_file(tmp_path, "# nothing\n"))


class TestAcl:
    TEXT = """\
topic read $SYS/#
user alice
topic home/#
topic read $SYS/broker/+
topic deny home/secret
topic write with space
# a comment
pattern write devices/%c/up
pattern deny x
topic a#
nonsense
"""

    def test_rules_of_users_and_patterns_are_taken_and_denials_come_first(
        self, tmp_path: Path
    ) -> None:
        plan = plan_acl(a_file(tmp_path, self.TEXT))
        rules: Any = plan.document(NOW_MS)["acl_mnesia"]
        newest_first = sorted(rules, key=lambda rule: -rule["created_at"])
        assert [
            (one["access"], one.get("type_value"), one["action"], one["topic"])
            for one in newest_first
        ] == [
            ("deny", "alice", "sub", "home/secret"),
            ("deny", "alice", "pub", "home/secret"),
            ("allow", "alice", "sub", "home/#"),
            ("allow", "alice", "pub", "home/#"),
            ("allow", "alice", "sub", "$SYS/broker/+"),
            ("allow", "alice", "pub", "with space"),
            ("allow", None, "pub", "devices/%c/up"),
        ]
        assert plan.settings == {"acl_nomatch": "deny"}
        # The shipped rules end with one that allows all.
        assert parse_rules(plan.files["acl.conf"]) == ()

    def test_what_rules_here_cannot_say_is_told(self, tmp_path: Path) -> None:
        told = left_out(plan_acl(a_file(tmp_path, self.TEXT)))
        assert told == [*(f"file, line {number}" for number in (1, 9, 10, 11)), "file, read"]

    def test_a_file_without_rules_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ImportRefusedError, match="no rule"):
            plan_acl(a_file(tmp_path, "user a\n"))


class TestDynamicSecurity:
    CONFIG: ClassVar[Any] = {
        "defaultACLAccess": {"publishClientSend": True, "subscribe": False},
        "clients": [
            {
                "username": "alice",
                "password": "YQ==" * 22,
                "salt": "YWE=",
                "iterations": 101,
                "roles": [{"rolename": "low"}, {"rolename": "high", "priority": 5}],
            },
            {"username": "gone", "disabled": True},
        ],
        "groups": [
            {
                "groupname": "g",
                "clients": [{"username": "alice"}],
                "roles": [{"rolename": "group"}],
            }
        ],
        "roles": [
            {"rolename": "low", "acls": [{"acltype": "publishClientSend", "topic": "l"}]},
            {
                "rolename": "high",
                "acls": [
                    {"acltype": "subscribePattern", "topic": "h/#", "allow": True},
                    {"acltype": "publishClientReceive", "topic": "h/#", "allow": True},
                    {
                        "acltype": "publishClientSend",
                        "topic": "l",
                        "allow": True,
                        "priority": 9,
                    },
                ],
            },
            {
                "rolename": "group",
                "acls": [{"acltype": "unsubscribePattern", "topic": "#", "allow": True}],
            },
        ],
    }

    def planned(self, folder: Path, **changes: object) -> ImportPlan:
        text = json.dumps({**self.CONFIG, **changes})
        return plan_dynamic_security(a_file(folder, text))

    def test_roles_become_rules_of_their_users_the_highest_priority_first(
        self, tmp_path: Path
    ) -> None:
        rules: Any = self.planned(tmp_path).document(NOW_MS)["acl_mnesia"]
        # Of two rules about one topic, the first decides.
        assert [(one["access"], one["action"], one["topic"]) for one in rules] == [
            ("allow", "pub", "l"),
            ("allow", "sub", "h/#"),
        ]
        assert {one["type_value"] for one in rules} == {"alice"}

    def test_the_stricter_default_is_taken(self, tmp_path: Path) -> None:
        assert self.planned(tmp_path).settings == {"acl_nomatch": "deny"}
        assert parse_rules(self.planned(tmp_path).files["acl.conf"]) == ()
        both = {"publishClientSend": True, "subscribe": True}
        assert self.planned(tmp_path, defaultACLAccess=both).settings == {"acl_nomatch": "allow"}
        assert self.planned(tmp_path, defaultACLAccess=both).files == {}

    def test_what_has_no_counterpart_is_told(self, tmp_path: Path) -> None:
        told = left_out(self.planned(tmp_path))
        assert {"clients.gone", "roles.high.publishClientReceive"} <= set(told)

    @pytest.mark.parametrize("text", ["{", "[]", "{}", '{"clients":1}', "[" * 100_000])
    def test_what_is_no_such_file_is_refused(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ImportRefusedError):
            plan_dynamic_security(a_file(tmp_path, text))
