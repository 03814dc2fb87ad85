"""Export and import of EMQX 4's files, on every database."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest
from sqlalchemy import func, select

from app.clock import FakeClock
from app.models import (
    AclRule,
    App,
    AuditEntry,
    Banned,
    Base,
    Database,
    MqttCredential,
    Resource,
    Rule,
    User,
)
from app.secret_box import SecretBox
from app.services.data_files import DataFilesService, DocumentLimits
from app.services.data_import import Difference, ImportService, UnsupportedVersion
from app.services.data_items import ImportRefused
from app.services.data_sections import BLACKLIST, SECTIONS
from app.services.export import ExportService

NOW_MS = 1_700_000_000_000
LIMITS = DocumentLimits(1_000_000, 32, 10_000)
USER_HASH = base64.b64encode(b"salt" + hashlib.md5(b"saltpublic").digest()).decode()
LOGIN_HASH = base64.b64encode(b"salt" + hashlib.sha256(b"saltp").hexdigest().encode()).decode()


ACL_ITEMS: list[dict[str, Any]] = [
    {
        "type": "clientid",
        "type_value": "c1",
        "topic": "a/+",
        "action": "pub",
        "access": "deny",
        "created_at": 7,
    },
    {"type": "all", "topic": "#", "action": "sub", "access": "allow", "created_at": 8},
]


def a_document(**changes: Any) -> dict[str, Any]:
    """A file as EMQX 4.4 exports it, with one item and more of every section."""
    return {
        "version": "4.4",
        "date": "2021-04-12 10:40:58",
        "resources": [
            {"id": "resource:1", "type": "web_hook", "config": {"url": "http://h", "pw": "geheim"}},
            {"id": "resource:2", "type": "bridge_mqtt", "config": [], "created_at": None},
        ],
        "rules": [
            {
                "id": "rule:1",
                "rawsql": 'SELECT * FROM "t/#"',
                "enabled": True,
                "description": "ü \U0001f985",
                "actions": [
                    {
                        "id": "a1",
                        "name": "data_to_webserver",
                        "fallbacks": [],
                        "args": {"$resource": "resource:1", "body": ""},
                    }
                ],
            }
        ],
        "blacklist": [
            {"who": {"clientid": "c"}, "by": "u", "reason": "r", "at": 1, "until": 2_000_000_000},
            {
                "who": {"peerhost": [49, 50, 55, 46, 48, 46, 48, 46, 49]},
                "by": "u",
                "reason": "r",
                "at": 1,
                "until": 3,
            },
            {
                "who": {"peerhost": "10.0.0.1"},
                "by": "u",
                "reason": "r",
                "desc": "d",
                "at": 1,
                "until": "infinity",
            },
        ],
        "apps": [
            {
                "id": "admin",
                "secret": "plain",
                "name": "Default",
                "desc": "Application user",
                "status": True,
                "expired": "undefined",
            }
        ],
        "users": [{"username": "admin", "password": USER_HASH, "tags": "administrator"}],
        "auth_mnesia": [
            {"login": "c1", "type": "clientid", "password": LOGIN_HASH, "created_at": 5},
            {"login": "c1", "type": "username", "password": LOGIN_HASH},
        ],
        "acl_mnesia": ACL_ITEMS,
        "schemas": [{"name": "s", "schema": {"type": "avro"}}],
        **changes,
    }


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox(tmp_path, "a key that is long enough")


@pytest.fixture
def imports(database: Database, box: SecretBox) -> ImportService:
    return ImportService(database, box, FakeClock(wall_ms=NOW_MS))


@pytest.fixture
def exports(database: Database, box: SecretBox) -> ExportService:
    clock = FakeClock(wall_ms=NOW_MS)
    files = DataFilesService(database, clock, "godwit@127.0.0.1", LIMITS)
    return ExportService(database, box, clock, files)


def run(imports: ImportService, document: dict[str, Any], **options: Any) -> Difference:
    return imports.run(document, source="test.json", **options)


def rows(database: Database, model: type[Base]) -> list[Any]:
    with database.reading() as session:
        return list(session.scalars(select(model).order_by(*model.__table__.primary_key)))


def count(database: Database) -> int:
    with database.reading() as session:
        return sum(
            session.scalar(select(func.count()).select_from(section.model)) or 0
            for section in SECTIONS
        )


def refused(imports: ImportService, **changes: Any) -> str:
    with pytest.raises(ImportRefused) as caught:
        run(imports, a_document(**changes))
    assert caught.value.message == "import_failed"
    return caught.value.reason


class TestImport:
    def test_every_section_becomes_rows(
        self, imports: ImportService, database: Database, box: SecretBox
    ) -> None:
        difference = run(imports, a_document())
        assert {name: one.added for name, one in difference.items()} == {
            "resources": 2,
            "rules": 1,
            "blacklist": 3,
            "apps": 1,
            "users": 1,
            "auth_mnesia": 2,
            "acl_mnesia": 2,
            "schemas": 1,
        }
        (app,) = rows(database, App)
        assert (app.name, box.open(app.secret_encrypted), app.expired) == ("Default", "plain", None)
        assert [(ban.kind, ban.who, ban.until) for ban in rows(database, Banned)] == [
            ("clientid", "c", 2_000_000_000),
            ("peerhost", "10.0.0.1", None),
            ("peerhost", "127.0.0.1", 3),
        ]
        (user,) = rows(database, User)
        assert (user.password_hash, user.role) == ("emqx:" + USER_HASH, "administrator")
        assert [(one.kind, one.created_at) for one in rows(database, MqttCredential)] == [
            ("clientid", 5),
            ("username", NOW_MS),
        ]
        assert [(one.kind, one.login, one.topic) for one in rows(database, AclRule)] == [
            ("clientid", "c1", "a/+"),
            ("all", "", "#"),
        ]
        (rule,) = rows(database, Rule)
        assert rule.actions[0]["args"]["$resource"] == "resource:1"
        assert rule.description == "ü \U0001f985"

    def test_no_secret_is_in_the_database_in_plain_text(
        self, imports: ImportService, database: Database
    ) -> None:
        run(imports, a_document())
        stored = [one.config_encrypted for one in rows(database, Resource)]
        told = orjson.dumps([entry.after for entry in rows(database, AuditEntry)]).decode()
        assert not [text for text in [*stored, told] if "geheim" in text or "plain" in text]

    def test_the_same_file_again_changes_nothing(
        self, imports: ImportService, database: Database
    ) -> None:
        run(imports, a_document())
        again = run(imports, a_document())
        assert {(one.added, one.changed) for one in again.values()} == {(0, 0)}
        assert sum(one.same for one in again.values()) == count(database) == 13

    def test_what_is_there_is_overwritten_and_nothing_is_deleted(
        self, imports: ImportService, database: Database, box: SecretBox
    ) -> None:
        run(imports, a_document())
        app = {"id": "admin", "secret": "newer", "name": "N", "status": False, "expired": 9}
        difference = run(imports, {"version": "4.3", "apps": [app]})
        (change,) = difference["apps"].rows
        assert change.kind == "changed"
        assert change.members["secret_encrypted"] == "changed"
        assert change.members["name"] == {"before": "Default", "after": "N"}
        (row,) = rows(database, App)
        assert (row.name, row.status, row.expired) == ("N", False, 9)
        assert box.open(row.secret_encrypted) == "newer"
        assert count(database) == 13

    def test_a_dry_run_tells_the_same_and_writes_nothing(
        self, imports: ImportService, database: Database
    ) -> None:
        told = run(imports, a_document(), dry_run=True)
        assert count(database) == 0
        assert rows(database, AuditEntry) == []
        assert run(imports, a_document()) == told

    def test_an_application_keeps_what_it_may_do_unless_the_file_says_so(
        self, imports: ImportService, database: Database
    ) -> None:
        app = {"id": "r", "secret": "s", "name": "R", "status": True}
        run(imports, {"version": "4.4", "apps": [{**app, "permission": "read_only"}]})
        run(imports, {"version": "4.4", "apps": [app]})
        assert [one.permission for one in rows(database, App)] == ["read_only"]

    def test_what_a_file_says_twice_is_a_conflict_and_the_last_one_counts(
        self, imports: ImportService, database: Database
    ) -> None:
        first = {"login": "c", "type": "clientid", "password": LOGIN_HASH}
        second = {**first, "is_superuser": True}
        difference = run(imports, {"version": "4.4", "auth_mnesia": [first, second]})
        assert (difference["auth_mnesia"].conflicts, difference["auth_mnesia"].added) == (1, 1)
        assert [one.is_superuser for one in rows(database, MqttCredential)] == [True]

    def test_more_rows_than_one_look_takes(
        self, imports: ImportService, database: Database
    ) -> None:
        logins = [
            {"login": f"c{number}", "type": "clientid", "password": LOGIN_HASH}
            for number in range(450)
        ]
        run(imports, {"version": "4.4", "auth_mnesia": logins})
        again = run(imports, {"version": "4.4", "auth_mnesia": logins})
        assert again["auth_mnesia"].same == len(rows(database, MqttCredential)) == 450

    def test_names_that_differ_in_case_or_trailing_spaces_are_two(
        self, imports: ImportService, database: Database
    ) -> None:
        logins = [
            {"login": login, "type": "clientid", "password": LOGIN_HASH}
            for login in ("a", "A", "a ")
        ]
        run(imports, {"version": "4.4", "auth_mnesia": logins})
        assert len(rows(database, MqttCredential)) == 3

    def test_those_who_keep_copies_hear_of_what_changed_after_the_commit(
        self, imports: ImportService, database: Database
    ) -> None:
        heard: list[Any] = []
        imports.when_changed(BLACKLIST, lambda keys: heard.append((keys, count(database))))
        ban = {"who": {"clientid": "c"}, "until": 5}
        run(imports, {"version": "4.4", "blacklist": [ban]}, dry_run=True)
        run(imports, {"version": "4.4", "blacklist": [ban]})
        run(imports, {"version": "4.4", "blacklist": [ban | {"at": NOW_MS // 1000}]})
        assert heard == [([("clientid", "c")], 1)]


class TestAllOrNothing:
    @pytest.mark.parametrize(
        ("changes", "place"),
        [
            ({"schemas": [{"schema": 1}]}, "schemas[0].id"),
            ({"acl_mnesia": [{"type": "x", "access": "deny"}]}, "acl_mnesia[0].type"),
            ({"acl_mnesia": {}}, "acl_mnesia is no array"),
            ({"auth_mnesia": [1]}, "auth_mnesia[0] is no object"),
            (
                {"auth_mnesia": [{"type": "clientid", "login": "c", "password": "!"}]},
                "auth_mnesia[0].password",
            ),
            ({"users": [{"username": "u", "password": LOGIN_HASH}]}, "users[0].password"),
            ({"apps": [{"id": "-", "secret": "s"}]}, "apps[0].id"),
            ({"apps": [{"id": "a", "secret": "s" * 257}]}, "apps[0].secret"),
            ({"blacklist": [{"who": {"peerhost": [300]}}]}, "blacklist[0].who.peerhost"),
            ({"blacklist": [{"who": {"zone": "z"}}]}, "blacklist[0].who"),
            ({"rules": [{"id": "r", "rawsql": "S", "actions": [1]}]}, "rules[0].actions"),
            ({"resources": [{"id": "r", "type": "t", "config": 1}]}, "resources[0].config"),
            ({"auth.mnesia.as": "email"}, "auth.mnesia.as"),
            ({"version": None}, "does not say"),
        ],
    )
    def test_one_wrong_item_refuses_the_whole_file(
        self, imports: ImportService, database: Database, changes: dict[str, Any], place: str
    ) -> None:
        assert place in refused(imports, **changes)
        assert count(database) == 0

    def test_a_file_may_not_take_the_last_administrator(
        self, imports: ImportService, database: Database
    ) -> None:
        run(imports, a_document())
        user = {"username": "admin", "password": USER_HASH, "tags": "viewer"}
        assert "no administrator" in refused(imports, users=[user])
        assert [one.role for one in rows(database, User)] == ["administrator"]

    def test_a_refusal_does_not_tell_a_secret(self, imports: ImportService) -> None:
        assert "geheim" not in refused(imports, apps=[{"id": "a", "secret": "geheim" * 99}])

    def test_what_fails_while_it_is_written_leaves_nothing(
        self, imports: ImportService, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_arguments: Any, **_options: Any) -> None:
            raise RuntimeError

        monkeypatch.setattr("app.services.data_import.audit.record", fail)
        with pytest.raises(RuntimeError):
            run(imports, a_document())
        assert count(database) == 0


class TestVersions:
    @pytest.mark.parametrize("version", ["4.0", "4.1", "4.2", "4.3", "4.4", 4.2, "4.4.19"])
    def test_files_without_credentials_of_all_releases(
        self, imports: ImportService, version: object
    ) -> None:
        run(imports, {"version": version, "auth_mnesia": []})

    @pytest.mark.parametrize("version", ["4.1", "4.3", "4.4", "4.0.13", "4.2.11"])
    def test_credentials_of_releases_that_wrote_them_right(
        self, imports: ImportService, version: str
    ) -> None:
        run(
            imports,
            {"version": version, "auth_clientid": [{"clientid": "c", "password": LOGIN_HASH}]},
        )

    @pytest.mark.parametrize("version", ["4.0", "4.2", "4.0.12", "4.2.10", "3.4", "5.0", "dev"])
    def test_credentials_of_others_are_refused(self, imports: ImportService, version: str) -> None:
        document = {"version": version, "auth_username": [{"username": "c", "password": "x"}]}
        with pytest.raises(UnsupportedVersion) as caught:
            run(imports, document)
        assert caught.value.message == f'"{version}"'


class TestOldForms:
    LOGIN: ClassVar = {"login": "l", "password": LOGIN_HASH, "is_superuser": True}
    RULE: ClassVar = {"login": "l", "topic": "t", "action": "pubsub", "allow": True}

    def test_logins_without_a_type_need_to_be_told_what_they_are(
        self, imports: ImportService
    ) -> None:
        with pytest.raises(ImportRefused, match="import_failed") as caught:
            run(imports, {"version": "4.1", "auth_mnesia": [self.LOGIN]})
        assert '"auth.mnesia.as"' in caught.value.reason

    @pytest.mark.parametrize("where", ["file", "env"])
    def test_the_type_is_taken_from_the_file_or_from_beside_it(
        self, imports: ImportService, database: Database, where: str
    ) -> None:
        told = {"auth.mnesia.as": "username"}
        everybody = {**self.RULE, "login": "$all", "action": "sub", "allow": False}
        document = {
            "version": "4.2.11",
            "auth_mnesia": [self.LOGIN],
            "acl_mnesia": [self.RULE, everybody],
        }
        if where == "file":
            run(imports, {**document, **told})
        else:
            run(imports, document, env=told)
        assert [(one.kind, one.is_superuser) for one in rows(database, MqttCredential)] == [
            ("username", True)
        ]
        assert [(one.kind, one.action, one.access) for one in rows(database, AclRule)] == [
            ("username", "pub", "allow"),
            ("username", "sub", "allow"),
            ("all", "sub", "deny"),
        ]

    def test_web_hooks_of_older_releases_take_the_new_form(
        self, imports: ImportService, database: Database, box: SecretBox
    ) -> None:
        old = {"url": "http://h", "method": "PUT", "headers": {"a": "b"}, "content_type": "t/p"}
        resource = {"id": "r", "type": "web_hook", "config": old, "description": ""}
        args = {"$resource": "r", "payload_tmpl": "${payload}"}
        rule = {
            "id": "x",
            "rawsql": "SELECT",
            "enabled": True,
            "actions": [{"id": "i", "name": "data_to_webserver", "args": args, "fallbacks": []}],
        }
        run(imports, {"version": "4.1", "resources": [resource], "rules": [rule]})
        (row,) = rows(database, Resource)
        assert orjson.loads(box.open(row.config_encrypted)) == {
            "url": "http://h",
            "pool_size": 8,
            "connect_timeout": "5s",
            "request_timeout": "5s",
        }
        assert rows(database, Rule)[0].actions[0]["args"] == {
            "$resource": "r",
            "method": "PUT",
            "headers": {"a": "b", "content-type": "t/p"},
            "body": "${payload}",
        }


class TestExport:
    def test_an_export_says_what_was_imported(
        self, imports: ImportService, exports: ExportService
    ) -> None:
        run(imports, a_document())
        document = exports.document()
        assert document["version"] == "4.4"
        assert document["blacklist"][1] == {  # type: ignore[index]
            "who": {"peerhost": [ord(character) for character in "10.0.0.1"]},
            "by": "u",
            "reason": "r",
            "at": 1,
            "until": "infinity",
            "desc": "d",
        }
        for name in ("rules", "apps", "users", "schemas"):
            assert [
                {key: item[key] for key in wanted}
                for wanted, item in zip(a_document()[name], document[name], strict=True)  # type: ignore[call-overload]
            ] == a_document()[name]

    def test_an_export_imports_as_the_same_everywhere(
        self, imports: ImportService, exports: ExportService, database: Database
    ) -> None:
        run(imports, a_document())
        with database.session() as session:
            session.add(
                User(
                    username="argon",
                    password_hash="$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA",
                    tags="t",
                    role="viewer",
                    must_change_password=True,
                    created_at=1,
                )
            )
        document: Any = orjson.loads(orjson.dumps(exports.document()))
        assert [user["username"] for user in document["users"]] == ["admin"]
        assert [user["username"] for user in document["godwit"]["users"]] == ["admin", "argon"]
        again = run(imports, document)
        assert {(one.added, one.changed, one.conflicts) for one in again.values()} == {(0, 0, 0)}
        assert sum(one.same for one in again.values()) == count(database) == 14

    def test_logins_that_emqx_could_not_check_stand_beside_the_others(
        self, imports: ImportService, exports: ExportService, database: Database
    ) -> None:
        login = {"login": "m", "type": "username", "password_hash": "$7$101$YWE=$YWE="}
        run(imports, {"version": "4.4", "godwit": {"auth_mnesia": [login]}})
        document: Any = exports.document()
        assert document["auth_mnesia"] == []
        assert run(imports, document)["auth_mnesia"].same == 1
        wrong = {"version": "4.4", "godwit": {"auth_mnesia": [{**login, "password_hash": "x"}]}}
        with pytest.raises(ImportRefused):
            run(imports, wrong)
        assert len(rows(database, MqttCredential)) == 1

    def test_an_export_becomes_a_file(self, exports: ExportService, database: Database) -> None:
        first, second = exports.run(), exports.run()
        assert first.filename.startswith("emqx-export-2023-11-1")
        assert second.filename == first.filename.replace(".json", "-2.json")
        assert [entry.action for entry in rows(database, AuditEntry)] == ["data.export"] * 2
