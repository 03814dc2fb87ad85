"""Applications, on every database."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, event, select

from app.clock import FakeClock
from app.config import ManagementSettings, SettingsError
from app.errors import ResultCode, ServiceError
from app.models import App, Database
from app.secret_box import SecretBox, SecretBoxError
from app.services.apps import (
    GENERATED_SECRET_LENGTH,
    RELOAD_AFTER_S,
    AppRecord,
    AppsService,
    AuthenticationRefused,
    Refusal,
)
from app.services.audit import AuditQuery, AuditService
from app.services.masking import MASK

NOW_S = 1_700_000_000
SHIPPED = ("admin", "public")
OWN = ("admin", "a secret of my own")
GOOD = {"app_id": "reader", "name": "Reader", "secret": "s3cret", "status": True}

MakeService = Callable[..., AppsService]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall_ms=NOW_S * 1000)


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox(tmp_path)


@pytest.fixture
def make(database: Database, box: SecretBox, clock: FakeClock) -> MakeService:
    def make(default: tuple[str, str] = SHIPPED, secret_box: SecretBox = box) -> AppsService:
        return AppsService(database, secret_box, clock, default)

    return make


@pytest.fixture
def apps(make: MakeService) -> AppsService:
    return make()


def refusal(apps: AppsService, app_id: str, secret: str, *, from_loopback: bool = True) -> Refusal:
    with pytest.raises(AuthenticationRefused) as caught:
        apps.authenticate(app_id, secret, from_loopback=from_loopback)
    return caught.value.reason


def accepted(apps: AppsService, app_id: str, secret: str) -> bool:
    return apps.authenticate(app_id, secret, from_loopback=False).app_id == app_id


def existing(apps: AppsService, app_id: str) -> AppRecord:
    record = apps.get(app_id)
    assert record is not None
    return record


def refused(call: Callable[..., object], *arguments: object) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        call(*arguments)
    return caught.value


def test_every_change_is_in_the_audit_log_without_secrets(
    apps: AppsService, database: Database, clock: FakeClock
) -> None:
    apps.ensure_default()
    apps.create(GOOD)
    apps.update("reader", {"secret": "an0ther", "permission": "read_only"})
    apps.delete("reader")
    apps.delete("reader")
    log = AuditService(database, clock, ManagementSettings())
    entries, _ = log.list(AuditQuery(), 1, 10)
    assert [(entry.action, entry.target) for entry in reversed(entries)] == [
        ("app.create", "admin"),
        ("app.create", "reader"),
        ("app.update", "reader"),
        ("app.delete", "reader"),
    ]
    update = entries[1]
    assert isinstance(update.before, dict)
    assert isinstance(update.after, dict)
    assert (update.before["permission"], update.after["permission"]) == ("full", "read_only")
    assert update.after["secret"] == MASK
    assert "s3cret" not in repr(entries)
    assert "an0ther" not in repr(entries)


class TestDefaultApplication:
    def test_the_first_start_creates_it(self, apps: AppsService) -> None:
        apps.ensure_default()
        assert apps.list() == [AppRecord("admin", "Default", "Application user", True, None)]
        assert apps.authenticate(*SHIPPED, from_loopback=True).app_id == "admin"

    def test_it_works_from_this_machine_only_until_its_secret_is_changed(
        self, apps: AppsService
    ) -> None:
        apps.ensure_default()
        with pytest.raises(AuthenticationRefused) as caught:
            apps.authenticate(*SHIPPED, from_loopback=False)
        assert caught.value.reason is Refusal.SHIPPED_SECRET
        assert "PUT /api/v4/apps/admin" in caught.value.hint
        assert "management.default_application.secret" in caught.value.hint
        apps.update("admin", {"secret": "changed"})
        assert apps.authenticate("admin", "changed", from_loopback=False).status is True

    def test_a_wrong_secret_gets_no_hint(self, apps: AppsService) -> None:
        apps.ensure_default()
        with pytest.raises(AuthenticationRefused) as caught:
            apps.authenticate("admin", "guess", from_loopback=False)
        assert caught.value.hint == ""

    def test_one_that_was_deleted_does_not_come_back_with_the_secret_that_everybody_knows(
        self, make: MakeService, caplog: pytest.LogCaptureFixture
    ) -> None:
        make().ensure_default()
        make().delete("admin")
        caplog.clear()
        apps = make()
        apps.ensure_default()
        assert apps.list() == []
        assert refusal(apps, *SHIPPED) is Refusal.UNKNOWN
        assert "management.default_application.secret" in caplog.text

    def test_deleting_the_last_application_is_told(
        self, apps: AppsService, caplog: pytest.LogCaptureFixture
    ) -> None:
        apps.ensure_default()
        apps.create(GOOD)
        apps.delete("admin")
        assert "No application is left" not in caplog.text
        apps.delete("reader")
        assert "No application is left" in caplog.text

    def test_an_operator_who_locked_himself_out_gets_in_by_a_secret_of_his_own(
        self, make: MakeService
    ) -> None:
        make().ensure_default()
        make().delete("admin")
        apps = make(OWN)
        apps.ensure_default()
        assert apps.authenticate(*OWN, from_loopback=False).app_id == "admin"

    def test_one_that_was_deleted_stays_away_while_others_are_there(
        self, make: MakeService
    ) -> None:
        apps = make(OWN)
        apps.ensure_default()
        apps.create(GOOD)
        apps.delete("admin")
        apps.ensure_default()
        assert [app.app_id for app in apps.list()] == ["reader"]

    def test_a_secret_in_the_settings_replaces_the_shipped_one(self, make: MakeService) -> None:
        make().ensure_default()
        apps = make(OWN)
        apps.ensure_default()
        assert apps.authenticate(*OWN, from_loopback=False).app_id == "admin"
        assert refusal(apps, *SHIPPED) is Refusal.WRONG_SECRET

    def test_a_secret_in_the_settings_does_not_replace_one_of_the_operator(
        self, make: MakeService
    ) -> None:
        make().ensure_default()
        make().update("admin", {"secret": "chosen later"})
        apps = make(OWN)
        apps.ensure_default()
        assert accepted(apps, "admin", "chosen later")

    def test_applications_that_were_imported_before_the_first_start_are_enough(
        self, apps: AppsService
    ) -> None:
        apps.create(GOOD)
        apps.ensure_default()
        assert [app.app_id for app in apps.list()] == ["reader"]

    def test_two_nodes_that_start_together_create_one(self, make: MakeService) -> None:
        first, second = make(), make()
        first.ensure_default()
        second.ensure_default()
        assert len(second.list()) == 1

    def test_a_start_with_the_wrong_key_is_refused(self, make: MakeService, tmp_path: Path) -> None:
        make().ensure_default()
        other = SecretBox(tmp_path, "another key of this size")
        with pytest.raises(SecretBoxError, match="put the key back"):
            make(secret_box=other).ensure_default()

    @pytest.mark.parametrize("default", [("no spaces", "x"), ("admin", "x" * 257)])
    def test_settings_that_no_application_may_have_are_refused(
        self, make: MakeService, default: tuple[str, str]
    ) -> None:
        with pytest.raises(SettingsError, match=r"management\.default_application"):
            make(default).ensure_default()


class TestAuthentication:
    def test_an_unknown_id_and_a_wrong_secret_are_refused(self, apps: AppsService) -> None:
        apps.create(GOOD)
        assert apps.authenticate("reader", "s3cret", from_loopback=False).name == "Reader"
        assert refusal(apps, "reader", "S3cret") is Refusal.WRONG_SECRET
        assert refusal(apps, "reader", "") is Refusal.WRONG_SECRET
        assert refusal(apps, "Reader", "s3cret") is Refusal.UNKNOWN
        assert refusal(apps, "", "") is Refusal.UNKNOWN
        assert refusal(apps, "\ud800\0", "\ud800") is Refusal.UNKNOWN

    def test_what_authentication_returns_holds_no_secret(self, apps: AppsService) -> None:
        apps.create(GOOD)
        assert apps.authenticate("reader", "s3cret", from_loopback=False).secret is None

    @pytest.mark.parametrize("change", [{"name": "Reader", "status": False}, {"name": "Reader"}])
    def test_a_disabled_application_is_refused_at_once(
        self, apps: AppsService, change: dict[str, object]
    ) -> None:
        apps.create(GOOD)
        assert accepted(apps, "reader", "s3cret")
        apps.update("reader", change)
        assert refusal(apps, "reader", "s3cret") is Refusal.DISABLED

    def test_an_application_is_refused_from_the_second_after_its_last(
        self, apps: AppsService, clock: FakeClock
    ) -> None:
        apps.create({**GOOD, "expired": NOW_S + 1})
        assert accepted(apps, "reader", "s3cret")
        clock.advance(1)
        assert accepted(apps, "reader", "s3cret")
        clock.advance(1)
        assert refusal(apps, "reader", "s3cret") is Refusal.EXPIRED

    def test_a_deleted_application_is_refused_at_once(self, apps: AppsService) -> None:
        apps.create(GOOD)
        assert accepted(apps, "reader", "s3cret")
        apps.delete("reader")
        assert refusal(apps, "reader", "s3cret") is Refusal.UNKNOWN

    def test_requests_cost_no_statement(self, apps: AppsService, database: Database) -> None:
        apps.create(GOOD)
        apps.authenticate("reader", "s3cret", from_loopback=False)
        statements: list[str] = []

        def count(*arguments: object) -> None:
            statements.append(str(arguments[2]))

        event.listen(database.engine, "before_cursor_execute", count)
        for _ in range(10):
            apps.authenticate("reader", "s3cret", from_loopback=False)
        event.remove(database.engine, "before_cursor_execute", count)
        assert statements == []

    def test_the_change_of_another_process_is_seen_in_seconds(
        self, apps: AppsService, database: Database, clock: FakeClock
    ) -> None:
        apps.create(GOOD)
        assert accepted(apps, "reader", "s3cret")
        with database.session() as session:
            session.execute(delete(App))
        clock.advance(RELOAD_AFTER_S + 0.1)
        assert refusal(apps, "reader", "s3cret") is Refusal.UNKNOWN

    def test_one_secret_that_cannot_be_decrypted_does_not_shut_the_others_out(
        self, apps: AppsService, database: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        apps.create(GOOD)
        with database.session() as session:
            session.add(App(app_id="broken", secret_encrypted="not ours", status=True))
        assert accepted(apps, "reader", "s3cret")
        assert refusal(apps, "broken", "not ours") is Refusal.UNKNOWN
        assert "'broken'" in caplog.text


class TestCreate:
    def test_what_is_left_out_gets_its_default(self, apps: AppsService) -> None:
        apps.create({"app_id": "plain", "name": "Plain", "status": True})
        assert apps.get("plain") == AppRecord(
            "plain", "Plain", "", True, None, existing(apps, "plain").secret
        )

    def test_a_secret_is_made_up_where_none_is_given(self, apps: AppsService) -> None:
        made = [
            apps.create({"app_id": app_id, "name": "", "status": True}) for app_id in ("a", "b")
        ]
        assert made[0] != made[1]
        assert all(len(secret) == GENERATED_SECRET_LENGTH and secret.isalnum() for secret in made)
        assert accepted(apps, "a", made[0])

    def test_a_secret_comes_back_as_it_was_given(self, apps: AppsService) -> None:
        secret = "密码 \U0001f511: " + "x" * 240
        assert apps.create({**GOOD, "secret": secret}) == secret
        assert existing(apps, "reader").secret == secret

    def test_the_longest_secret_fits_whatever_its_characters(self, apps: AppsService) -> None:
        secret = "\U0001f511" * 256
        apps.create({**GOOD, "secret": secret})
        assert accepted(apps, "reader", secret)

    def test_the_longest_texts_fit(self, apps: AppsService) -> None:
        texts = {"name": "名" * 256, "desc": "\U0001f511" * 2_048}
        apps.create({**GOOD, **texts, "app_id": "x" * 256})
        record = existing(apps, "x" * 256)
        assert {"name": record.name, "desc": record.desc} == texts

    def test_ids_differ_by_case(self, apps: AppsService) -> None:
        apps.create(GOOD)
        apps.create({**GOOD, "app_id": "READER"})
        assert len(apps.list()) == 2

    def test_a_secret_is_neither_stored_nor_shown_nor_logged(
        self, apps: AppsService, database: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        apps.create(GOOD)
        apps.authenticate("reader", "s3cret", from_loopback=False)
        with database.reading() as session:
            row = session.scalars(select(App)).one()
        assert "s3cret" not in row.secret_encrypted
        assert "s3cret" not in repr(apps.get("reader"))
        assert row.secret_encrypted not in repr(row)
        assert "s3cret" not in caplog.text

    def test_an_id_that_is_taken_is_refused_without_a_code(self, apps: AppsService) -> None:
        apps.create(GOOD)
        error = refused(apps.create, {**GOOD, "secret": "other"})
        assert (error.message, error.bare) == ("already_existed", True)
        assert existing(apps, "reader").secret == "s3cret"

    @pytest.mark.parametrize("left_out", ["app_id", "name", "status"])
    def test_a_mandatory_member_that_is_missing_is_107(
        self, apps: AppsService, left_out: str
    ) -> None:
        params = {name: value for name, value in GOOD.items() if name != left_out}
        error = refused(apps.create, params)
        assert error.code is ResultCode.MISSING_PARAMETER
        assert error.message == "missing mandatory params: ['app_id', 'name', 'status']"

    def test_a_wrong_member_is_108(self, apps: AppsService) -> None:
        error = refused(apps.create, {**GOOD, "status": "true"})
        assert error.code is ResultCode.BAD_PARAMETER
        assert error.message == "value of 'status' must be true or false"
        assert apps.list() == []


class TestUpdate:
    def test_what_is_not_named_becomes_undefined_as_in_emqx(self, apps: AppsService) -> None:
        apps.create({**GOOD, "desc": "Reads", "expired": NOW_S + 9})
        apps.update("reader", {"name": "Writer", "status": True})
        assert apps.get("reader") == AppRecord("reader", "Writer", None, True, None, "s3cret")
        apps.update("reader", {})
        assert apps.get("reader") == AppRecord("reader", None, None, None, None, "s3cret")

    def test_a_change_of_the_secret_alone_leaves_the_rest(self, apps: AppsService) -> None:
        apps.create(GOOD)
        apps.update("reader", {"secret": "new"})
        assert apps.get("reader") == AppRecord("reader", "Reader", "", True, None, "new")
        assert refusal(apps, "reader", "s3cret") is Refusal.WRONG_SECRET

    def test_a_secret_can_be_changed_with_the_rest(self, apps: AppsService) -> None:
        apps.create(GOOD)
        apps.update("reader", {"secret": "new", "name": "Writer", "status": True})
        assert apps.get("reader") == AppRecord("reader", "Writer", None, True, None, "new")

    def test_what_was_shown_can_be_sent_back(self, apps: AppsService) -> None:
        apps.create(GOOD)
        apps.update("reader", {"name": "Reader", "status": True, "expired": "undefined"})
        assert existing(apps, "reader").expired is None

    def test_an_application_that_is_not_there_is_not_found_without_a_code(
        self, apps: AppsService
    ) -> None:
        error = refused(apps.update, "nobody", {"name": "x"})
        assert (error.message, error.bare) == ("not_found", True)

    def test_a_wrong_member_changes_nothing(self, apps: AppsService) -> None:
        apps.create(GOOD)
        assert refused(apps.update, "reader", {"name": 1}).code is ResultCode.BAD_PARAMETER
        assert refused(apps.update, "reader", {"secret": ""}).code is ResultCode.BAD_PARAMETER
        assert existing(apps, "reader").name == "Reader"


def test_one_that_is_not_there_is_nothing_to_get_and_no_error_to_delete(apps: AppsService) -> None:
    assert apps.get("nobody") is None
    apps.delete("nobody")


@pytest.mark.parametrize("app_id", ["nul\0", "\ud800", "x" * 100_000])
def test_an_id_that_no_database_could_hold_is_simply_not_there(
    apps: AppsService, app_id: str
) -> None:
    assert apps.get(app_id) is None
    apps.delete(app_id)
    assert refused(apps.update, app_id, {"name": "x"}).message == "not_found"
