"""SCRAM users, on every database."""

from __future__ import annotations

from typing import Any

import pytest

from app.broker.scram import HASHES, ScramCredentials, derive
from app.clock import FakeClock
from app.errors import ServiceError
from app.models import Database
from app.plugins.sasl import SaslTables
from app.schemas.sasl import MECHANISMS
from app.services.sasl import SaslService

MECHANISM = "SCRAM-SHA-256"
WANTED = {"mechanism": MECHANISM, "username": "u1", "password": "pw", "salt": "of the sea"}
WHO = {"mechanism": MECHANISM, "username": "u1"}


def run(function: Any, *args: Any) -> Any:
    return function(*args)


@pytest.fixture
def tables() -> SaslTables:
    return SaslTables()


@pytest.fixture
def users(database: Database, tables: SaslTables) -> SaslService:
    service = SaslService(database, run, tables, FakeClock())
    service.fill()
    return service


def kept(tables: SaslTables) -> ScramCredentials | None:
    return tables.find((MECHANISM, "u1"))


def test_the_mechanisms_of_the_api_are_those_of_the_broker() -> None:
    assert tuple(HASHES) == MECHANISMS


def test_the_loop_s_copy_follows_every_change(users: SaslService, tables: SaslTables) -> None:
    users.create(WANTED)
    assert kept(tables) == derive(MECHANISM, "pw", b"of the sea", 4_096)
    users.update({**WANTED, "password": "another", "iteration_count": 5_000})
    assert kept(tables) == derive(MECHANISM, "another", b"of the sea", 5_000)
    users.delete(WHO)
    users.delete(WHO)
    assert kept(tables) is None


def test_a_copy_that_is_filled_late_has_everything(users: SaslService, database: Database) -> None:
    users.create({**WANTED, "is_superuser": True})
    late = SaslTables()
    other = SaslService(database, run, late, FakeClock())
    other.update({**WANTED, "password": "another"})
    assert kept(late) is None
    other.fill()
    found = kept(late)
    assert found is not None
    assert found.is_superuser
    assert found.stored_key == derive(MECHANISM, "another", b"of the sea", 4_096).stored_key


def test_a_mechanism_has_users_of_its_own(users: SaslService) -> None:
    users.create(WANTED)
    users.create({**WANTED, "mechanism": "SCRAM-SHA-1"})
    users.delete(WHO)
    assert users.usernames() == {"SCRAM-SHA-1": ["u1"], "SCRAM-SHA-256": [], "SCRAM-SHA-512": []}
    assert users.usernames("SCRAM-SHA-1") == {"SCRAM-SHA-1": ["u1"]}


def test_a_salt_that_nobody_gave_is_chosen_and_not_shown(
    users: SaslService, tables: SaslTables
) -> None:
    users.create({name: value for name, value in WANTED.items() if name != "salt"})
    found = kept(tables)
    assert found is not None
    assert len(found.salt) == 16
    users.update(WANTED)
    assert users.get(WHO).salt == "of the sea"


def test_names_are_kept_as_saslprep_leaves_them(users: SaslService, tables: SaslTables) -> None:
    users.create({**WANTED, "username": "u\u00ad1"})
    assert kept(tables) is not None
    with pytest.raises(ServiceError, match="already_existed"):
        users.create(WANTED)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"mechanism": "PLAIN"}, "unsupported_mechanism"),
        ({"mechanism": ["SCRAM-SHA-1"]}, "unsupported_mechanism"),
        ({"username": ""}, "invalid_username"),
        ({"username": "a\0b"}, "invalid_username"),
        ({"username": "\u00ad"}, "invalid_username"),
        ({"username": "u" * 513}, "invalid_username"),
        ({"password": 7}, "invalid_password"),
        ({"password": "a\u0007b"}, "invalid_password"),
        ({"salt": ""}, "invalid_salt"),
        ({"iteration_count": 4_095}, "invalid_iteration_count"),
        ({"iteration_count": True}, "invalid_iteration_count"),
        ({"iteration_count": 10**9}, "invalid_iteration_count"),
        ({"is_superuser": "yes"}, "invalid_is_superuser"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    users: SaslService, changed: dict[str, object], word: str
) -> None:
    with pytest.raises(ServiceError, match=word):
        users.create({**WANTED, **changed})
    assert not any(users.usernames().values())


@pytest.mark.parametrize("member", ["mechanism", "username", "password"])
def test_a_member_that_is_missing_is_said_to_be(users: SaslService, member: str) -> None:
    with pytest.raises(ServiceError, match="missing_required_param"):
        users.create({name: value for name, value in WANTED.items() if name != member})


def test_who_is_not_there_is_neither_shown_nor_changed(users: SaslService) -> None:
    with pytest.raises(ServiceError, match="not_found"):
        users.get(WHO)
    with pytest.raises(ServiceError, match="not_found"):
        users.update(WANTED)
