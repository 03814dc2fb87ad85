"""mosquitto.conf, with the files that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config import load_settings
from app.importers.mosquitto_conf import plan_import
from app.importers.plan import ImportPlan, ImportRefusedError, Outcome
from app.importers.settings_file import merge

CONF = """\
# comment
per_listener_settings false
listener 1883
listener 8080 127.0.0.1
protocol websockets
max_connections 100
listener 8883 ::
certfile /c.pem
keyfile /k.pem
cafile /ca.pem
require_certificate true
use_identity_as_username true
listener 0 /run/m.sock
password_file /etc/mosquitto/passwd
acl_file /etc/mosquitto/none
max_inflight_messages 0
max_queued_messages 50
persistent_client_expiration 2w
sys_interval 0
persistence true
log_dest stdout
"""


def planned(folder: Path, text: str) -> ImportPlan:
    (folder / "mosquitto.conf").write_text(text, "utf-8")
    (folder / "passwd").write_text("alice:pw\n", "utf-8")
    return plan_import(folder / "mosquitto.conf")


def left_out(plan: ImportPlan) -> set[str]:
    return {one.source for one in plan.findings if one.outcome is Outcome.NO_COUNTERPART}


def test_listeners_limits_and_files_are_taken(tmp_path: Path) -> None:
    plan = planned(tmp_path, CONF)
    assert plan.settings == {
        "listener.tcp.external": "1883",
        "listener.ws.external": "127.0.0.1:8080",
        "listener.ws.external.max_connections": "100",
        "listener.ssl.external": "[::]:8883",
        "listener.ssl.external.certfile": "/c.pem",
        "listener.ssl.external.keyfile": "/k.pem",
        "listener.ssl.external.cacertfile": "/ca.pem",
        "listener.ssl.external.verify": "verify_peer",
        "listener.ssl.external.fail_if_no_peer_cert": "true",
        "listener.ssl.external.peer_cert_as_username": "cn",
        "listener.unix.mosquitto": "/run/m.sock",
        "management.listener.http": "0.0.0.0:8081",
        "allow_anonymous": "false",
        "zone.external.max_inflight": "65535",
        "zone.external.max_mqueue_len": "50",
        "zone.external.session_expiry_interval": "14d",
    }
    assert [login["login"] for login in plan.logins] == ["alice"]
    assert left_out(plan) == {
        "acl_file",
        "sys_interval",
        "persistence",
        "log_dest",
        "per_listener_settings",
    }


def test_the_settings_are_such_that_a_node_reads_them(tmp_path: Path) -> None:
    merge(tmp_path, planned(tmp_path, CONF).settings, "mosquitto.conf", write=True)
    listeners = load_settings({}, tmp_path).broker.listeners
    assert sorted(listener.protocol for listener in listeners) == ["ssl", "tcp", "unix", "ws"]


@pytest.mark.parametrize(
    ("text", "address", "anonymous"),
    [
        ("persistence true", "127.0.0.1:1883", None),
        ("port 1884", "1884", "false"),
        ("port 1884\nallow_anonymous true", "1884", "true"),
    ],
)
def test_without_listeners_it_is_as_mosquitto_two_would_do(
    tmp_path: Path, text: str, address: str, anonymous: str | None
) -> None:
    settings = planned(tmp_path, text).settings
    assert settings["listener.tcp.external"] == address
    assert settings["listener.ws.external"] == "off"
    assert settings.get("allow_anonymous") == anonymous


def test_two_listeners_of_a_kind_have_different_names(tmp_path: Path) -> None:
    settings = planned(tmp_path, "listener 1883\nlistener 1885\nlistener x\n").settings
    assert settings["listener.tcp.port-1885"] == "1885"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="no option"):
        planned(tmp_path, "# nothing\n")
