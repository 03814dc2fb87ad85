"""The file that lets an operator at the machine in."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from app.local_login import (
    LOCAL_LOGIN_FILE,
    OPERATOR_PREFIX,
    LocalLogin,
    LocalLoginError,
    read_local_login,
)
from app.schemas.app import is_app_id

ALICE = OPERATOR_PREFIX + "alice"


@pytest.fixture
def login(tmp_path: Path) -> LocalLogin:
    return LocalLogin(tmp_path, "n@h", ["http://127.0.0.1:8081"])


def test_the_file_says_where_the_node_is(login: LocalLogin, tmp_path: Path) -> None:
    login.publish()
    found = read_local_login(tmp_path)
    assert (found.node, found.urls) == ("n@h", ("http://127.0.0.1:8081",))
    assert login.operator(ALICE, found.secret) == "alice"


def test_nobody_else_may_read_it(login: LocalLogin, tmp_path: Path) -> None:
    login.publish()
    assert stat.S_IMODE((tmp_path / LOCAL_LOGIN_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [LOCAL_LOGIN_FILE]


def test_another_run_has_another_secret(login: LocalLogin, tmp_path: Path) -> None:
    login.publish()
    old = read_local_login(tmp_path).secret
    LocalLogin(tmp_path, "n@h", []).publish()
    new = read_local_login(tmp_path).secret
    assert old != new
    assert login.operator(ALICE, new) is None


@pytest.mark.parametrize("secret", ["", "guessed", "ü"])
def test_a_wrong_secret_is_nobody_s(login: LocalLogin, secret: str) -> None:
    assert login.operator(ALICE, secret) is None


def test_an_application_with_the_secret_is_no_operator(login: LocalLogin, tmp_path: Path) -> None:
    login.publish()
    assert login.operator("admin", read_local_login(tmp_path).secret) is None
    assert not is_app_id(ALICE)


def test_the_file_goes_with_its_run(login: LocalLogin, tmp_path: Path) -> None:
    login.publish()
    login.withdraw()
    login.withdraw()
    with pytest.raises(FileNotFoundError):
        read_local_login(tmp_path)


def test_the_file_of_another_run_stays(login: LocalLogin, tmp_path: Path) -> None:
    login.publish()
    LocalLogin(tmp_path, "other@h", []).publish()
    login.withdraw()
    assert read_local_login(tmp_path).node == "other@h"


@pytest.mark.parametrize("text", ["", "[]", '{"node": "n"}', "\x00"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCAL_LOGIN_FILE).write_text(text, "utf-8")
    with pytest.raises(LocalLoginError, match="Restart the node"):
        read_local_login(tmp_path)


def test_the_secret_is_not_shown(login: LocalLogin, tmp_path: Path) -> None:
    login.publish()
    found = read_local_login(tmp_path)
    assert found.secret not in repr(found)
