"""Dashboard users, on every database."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest

from app.clock import FakeClock
from app.config import ManagementSettings, SettingsError
from app.errors import ServiceError
from app.models import Database, User
from app.services import passwords
from app.services.apps import AuthenticationRefused, Refusal
from app.services.audit import AuditQuery, AuditService
from app.services.users import RELOAD_AFTER_S, UserRecord, UsersService

SHIPPED = ("admin", "public")
OWN = ("admin", "a password of 1")
ALICE = {"username": "alice", "password": "s3cret-of-alice", "tags": "viewer"}

MakeService = Callable[..., UsersService]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make(database: Database, clock: FakeClock) -> MakeService:
    def make(default: tuple[str, str] = SHIPPED) -> UsersService:
        return UsersService(database, clock, default)

    return make


@pytest.fixture
def users(make: MakeService) -> UsersService:
    service = make()
    service.ensure_default()
    return service


def refusal(users: UsersService, name: str, password: str, *, local: bool = True) -> Refusal:
    with pytest.raises(AuthenticationRefused) as caught:
        users.authenticate(name, password, from_loopback=local)
    return caught.value.reason


def refused(call: Callable[..., object], *arguments: object, **named: object) -> str:
    with pytest.raises(ServiceError) as caught:
        call(*arguments, **named)
    assert caught.value.bare
    return caught.value.message


def accepted(users: UsersService, name: str, password: str, *, local: bool = False) -> UserRecord:
    return users.authenticate(name, password, from_loopback=local)


def stored_hash(database: Database, name: str) -> str:
    with database.reading() as session:
        row = session.get(User, name)
        assert row is not None
        return row.password_hash


class TestDefaultUser:
    def test_the_first_start_creates_it_for_this_machine_only(self, users: UsersService) -> None:
        record = accepted(users, *SHIPPED, local=True)
        assert record == UserRecord("admin", "administrator", "administrator", True)
        assert refusal(users, *SHIPPED, local=False) is Refusal.SHIPPED_SECRET

    def test_it_is_created_once(self, make: MakeService, users: UsersService) -> None:
        users.create({**ALICE, "tags": "administrator"})
        users.set_password("admin", "an0ther one")
        make().ensure_default()
        assert refusal(users, *SHIPPED) is Refusal.WRONG_SECRET

    def test_a_password_of_the_settings_replaces_the_shipped_one(
        self, make: MakeService, users: UsersService
    ) -> None:
        own = make(OWN)
        own.ensure_default()
        assert accepted(own, *OWN).must_change_password is False
        users.set_password("admin", "an0ther one")
        own.ensure_default()
        assert accepted(own, "admin", "an0ther one")

    @pytest.mark.parametrize("default", [("ad min", "public"), ("admin", "short"), ("", "public")])
    def test_what_no_user_may_have_ends_the_start(
        self, make: MakeService, default: tuple[str, str]
    ) -> None:
        with pytest.raises(SettingsError, match=r"dashboard\.default_user"):
            make(default).ensure_default()


class TestLogin:
    def test_a_user_is_recognised_again_and_again(self, users: UsersService) -> None:
        users.create(ALICE)
        for _ in range(3):
            assert accepted(users, "alice", ALICE["password"]).role == "viewer"
            assert refusal(users, "alice", "wrong") is Refusal.WRONG_SECRET
        assert refusal(users, "nobody", "wrong") is Refusal.UNKNOWN
        assert refusal(users, "\0\udc80", "\0\udc80") is Refusal.UNKNOWN

    def test_another_processs_change_is_noticed_in_time(
        self, users: UsersService, make: MakeService, clock: FakeClock
    ) -> None:
        users.create(ALICE)
        accepted(users, "alice", ALICE["password"])
        make().set_password("alice", "an0ther one")
        clock.advance(RELOAD_AFTER_S + 1)
        assert refusal(users, "alice", ALICE["password"]) is Refusal.WRONG_SECRET
        assert accepted(users, "alice", "an0ther one")

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({}, "Username undefined"),
            ({"password": "x"}, "Username undefined"),
            ({"username": "x"}, "Password undefined"),
        ],
    )
    def test_what_is_not_said_is_told(
        self, users: UsersService, params: dict[str, object], message: str
    ) -> None:
        assert refused(users.login, params, from_loopback=True) == message

    def test_a_password_that_is_no_text_is_wrong(self, users: UsersService) -> None:
        with pytest.raises(AuthenticationRefused):
            users.login({"username": "admin", "password": 1}, from_loopback=True)


def test_an_imported_password_is_good_and_kept_better_from_then_on(
    users: UsersService, database: Database
) -> None:
    salt = b"\x00\xff\x10\x20"
    raw = salt + hashlib.md5(salt + b"imp0rted", usedforsecurity=False).digest()
    kept = passwords.EMQX_PREFIX + base64.b64encode(raw).decode()
    with database.session() as session:
        session.add(
            User(
                username="bob",
                password_hash=kept,
                tags="",
                role="operator",
                must_change_password=False,
                created_at=1,
            )
        )
    users.forget()
    assert refusal(users, "bob", "wrong") is Refusal.WRONG_SECRET
    assert stored_hash(database, "bob") == kept
    assert accepted(users, "bob", "imp0rted").role == "operator"
    assert stored_hash(database, "bob").startswith("$argon2id$")
    assert accepted(users, "bob", "imp0rted")


class TestChanges:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"username": None}, "Username or password undefined"),
            ({"password": ""}, "Username or password undefined"),
            ({"username": "-x"}, "required: ^[A-Za-z0-9]+[A-Za-z0-9-_]*$"),
            ({"username": "x" * 257}, "0 < Length =< 256"),
            ({"password": "short 1"}, "The password length: 8-64"),
            ({"password": "x" * 64 + "1"}, "The password length: 8-64"),
            ({"password": "only ascii é"}, "only ascii characters are allowed in the password"),
            ({"username": "admin"}, "Username Already Exist"),
        ],
    )
    def test_emqxs_rules_hold_for_a_new_user(
        self, users: UsersService, change: dict[str, object], message: str
    ) -> None:
        assert refused(users.create, {**ALICE, **change}) == message

    @pytest.mark.parametrize("password", ["onlyletters", "12345678", "!!!!!!!!", "ééééééééé"])
    def test_a_password_needs_two_kinds_of_characters(
        self, users: UsersService, password: str
    ) -> None:
        message = refused(users.create, {**ALICE, "password": password})
        assert message.startswith("The password must contain at least two different kind")

    def test_tags_that_name_a_role_mean_it_unless_the_role_is_said(
        self, users: UsersService
    ) -> None:
        users.create(ALICE)
        users.create({**ALICE, "username": "bob", "tags": "a remark"})
        users.create({**ALICE, "username": "eve", "role": "operator"})
        roles = {user.username: user.role for user in users.list()}
        assert roles == {
            "admin": "administrator",
            "alice": "viewer",
            "bob": "administrator",
            "eve": "operator",
        }

    def test_tags_and_role_are_changed_apart(self, users: UsersService) -> None:
        users.create(ALICE)
        users.update("alice", {"tags": "new"})
        assert users.get("alice") == UserRecord("alice", "new", "viewer")
        users.update("alice", {"role": "operator"})
        assert users.get("alice") == UserRecord("alice", "new", "operator")
        assert refused(users.update, "nobody", {"tags": "x"}) == "Username Not Found"

    def test_somebody_has_to_be_left_who_administers(self, users: UsersService) -> None:
        assert refused(users.update, "admin", {"role": "viewer"}).startswith("Cannot go without")
        users.create({**ALICE, "tags": "administrator"})
        users.update("admin", {"role": "viewer"})
        assert refused(users.delete, "alice").startswith("Cannot go without")
        assert accepted(users, "alice", ALICE["password"])

    def test_a_user_who_is_deleted_is_out_at_once(self, users: UsersService) -> None:
        users.create(ALICE)
        accepted(users, "alice", ALICE["password"])
        users.delete("alice")
        assert refusal(users, "alice", ALICE["password"]) is Refusal.UNKNOWN
        assert refused(users.delete, "alice") == "Username Not Found"
        assert refused(users.delete, "admin") == "Cannot delete admin"

    def test_a_password_is_changed_by_whoever_knows_the_old_one(self, users: UsersService) -> None:
        change = {"old_pwd": "public", "new_pwd": "an0ther one"}
        with pytest.raises(AuthenticationRefused):
            users.change_password("admin", {**change, "old_pwd": "x"}, from_loopback=True)
        assert refused(
            users.change_password, "admin", {"old_pwd": "public"}, from_loopback=True
        ) == ("Password undefined")
        users.change_password("admin", change, from_loopback=True)
        assert accepted(users, "admin", "an0ther one").must_change_password is False

    def test_every_change_is_in_the_audit_log_without_passwords(
        self, users: UsersService, database: Database, clock: FakeClock
    ) -> None:
        users.create(ALICE)
        users.update("alice", {"role": "operator"})
        users.set_password("alice", "an0ther one")
        users.delete("alice")
        entries, _ = AuditService(database, clock, ManagementSettings()).list(AuditQuery(), 1, 10)
        assert [entry.action for entry in reversed(entries)] == [
            "user.create",
            "user.create",
            "user.update",
            "user.change_password",
            "user.delete",
        ]
        assert entries[2].before == {"tags": "viewer", "role": "viewer"}
        assert entries[2].after == {"tags": "viewer", "role": "operator"}
        assert "s3cret" not in repr(entries)
        assert "argon2" not in repr(entries)
