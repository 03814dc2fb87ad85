"""Which node a command means."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from app.ctl.finding import local_node, remote_node
from app.ctl.refusals import NotRunning, Refused
from app.local_login import LOCAL_LOGIN_FILE, OPERATOR_PREFIX, LocalLogin


def environ(folder: Path) -> dict[str, str]:
    return {"GODWIT_INSTANCE": str(folder)}


def test_the_node_of_the_instance_folder_is_meant(tmp_path: Path) -> None:
    login = LocalLogin(tmp_path, "n@h", ["http://127.0.0.1:8081"])
    login.publish()
    found = local_node(environ(tmp_path))
    assert (list(found.urls), found.node_name()) == (["http://127.0.0.1:8081"], "n@h")
    assert found.name.startswith(OPERATOR_PREFIX)
    assert login.operator(found.name, found.secret)


@pytest.mark.parametrize("folder", [".", "nowhere"])
def test_an_instance_without_a_running_node_is_named(tmp_path: Path, folder: str) -> None:
    with pytest.raises(NotRunning, match=r"No node runs in .*GODWIT_INSTANCE or --url"):
        local_node(environ(tmp_path / folder))


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / LOCAL_LOGIN_FILE).write_text("{", "utf-8")
    with pytest.raises(Refused, match="is damaged"):
        local_node(environ(tmp_path))


def test_a_node_that_listens_for_others_only_is_told(tmp_path: Path) -> None:
    LocalLogin(tmp_path, "n@h", []).publish()
    with pytest.raises(Refused, match="listens on no local address"):
        local_node(environ(tmp_path))


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://10.0.0.7:8081", "http://10.0.0.7:8081"),
        ("10.0.0.7:8081", "http://10.0.0.7:8081"),
        ("https://mqtt.example.org:8443", "https://mqtt.example.org:8443"),
    ],
)
def test_another_node_is_named_by_its_address(given: str, url: str) -> None:
    assert list(remote_node(given, "admin", "secret").urls) == [url]


@pytest.mark.parametrize("url", ["ftp://h:1", "http://h", "http://:8081", "http://h:x"])
def test_what_is_no_address_is_a_wrong_word(url: str) -> None:
    with pytest.raises(click.UsageError, match="no address of an API"):
        remote_node(url, "admin", "secret")


@pytest.mark.parametrize(("app_id", "secret"), [(None, None), ("admin", None), (None, "s")])
def test_another_node_wants_an_application(app_id: str | None, secret: str | None) -> None:
    with pytest.raises(click.UsageError, match="--app-id and --app-secret"):
        remote_node("http://h:8081", app_id, secret)
