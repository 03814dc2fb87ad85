"""What is looked at before a start. Ports are tried on the real server, in tests/e2e."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config import load_settings
from app.start_checks import (
    check_certificates,
    check_database,
    check_instance_dir,
    check_server_options,
    check_socket_files,
    listening_addresses,
    migrate_database,
)
from app.startup import StartError
from tests.harness.certificates import Authority


def test_a_missing_instance_folder_is_made(tmp_path: Path) -> None:
    check_instance_dir(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "instance").write_text("", "utf-8")
    with pytest.raises(StartError, match=r"Make the instance folder .* writable"):
        check_instance_dir(tmp_path / "instance")


def test_a_database_is_behind_until_it_is_migrated(tmp_path: Path) -> None:
    settings = load_settings({}, tmp_path)
    with pytest.raises(StartError, match="Run `make run`"):
        check_database(settings)
    migrate_database(settings)
    check_database(settings)


def test_a_database_that_cannot_be_used_is_refused_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "godwit.db").write_text("shopping list", "utf-8")
    settings = load_settings({}, tmp_path)
    for step in (migrate_database, check_database):
        with pytest.raises(StartError, match="is not an SQLite database"):
            step(settings)


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ({"workers": 2}, "one worker instead of 2"),
        ({"workers": 0}, "one worker instead of 0"),
        ({"preload_app": True}, "without --preload"),
        ({"worker_class": "gevent"}, "gthread instead of gevent"),
    ],
)
def test_a_server_in_which_the_broker_could_not_live_is_refused(
    options: dict[str, object], advice: str
) -> None:
    given = {"workers": 1, "preload_app": False, "worker_class": "gthread", **options}
    with pytest.raises(StartError, match=advice):
        check_server_options(**given)  # type: ignore[arg-type]


def test_the_right_server_is_not_refused() -> None:
    check_server_options(workers=1, preload_app=False, worker_class="gthread")


def test_everything_that_listens_is_looked_at(tmp_path: Path) -> None:
    places = [f"{key} {at}" for key, at in listening_addresses(load_settings({}, tmp_path))]
    assert places == [
        "listener.tcp.external 0.0.0.0:1883",
        "listener.ws.external 0.0.0.0:8083",
        "management.listener.http 0.0.0.0:8081",
        "management.listener.http 0.0.0.0:8080",
        "dashboard.listener.http 0.0.0.0:18083",
    ]


def test_certificates_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    pair = {"certfile": tmp_path / "server.pem", "keyfile": tmp_path / "server.key"}
    given = {f"GODWIT_LISTENER__SSL__EXTERNAL__{k.upper()}": str(v) for k, v in pair.items()}
    settings = load_settings(given, tmp_path)
    with pytest.raises(StartError, match=r"Set listener\.ssl\.external\.certfile"):
        check_certificates(settings)
    Authority(tmp_path).issue("server")
    check_certificates(settings)


def test_a_socket_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run" / "mqtt.sock"
    settings = load_settings({"GODWIT_LISTENER__UNIX__LOCAL": str(path)}, tmp_path)
    assert "listener.unix.local" not in dict(listening_addresses(settings))
    with pytest.raises(StartError, match=r"Set listener\.unix\.local to a socket file"):
        check_socket_files(settings)
    path.parent.mkdir()
    check_socket_files(settings)
    path.write_text("shopping list", "utf-8")
    with pytest.raises(StartError, match="a file of another kind"):
        check_socket_files(settings)
