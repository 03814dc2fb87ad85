"""Logins and rules of a running Mosquitto, taken over by files that its own programs wrote: clients notice nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.mqtt.packets import Suback, Subscribe, SubscribeFilter
from app.mqtt.reason_codes import ReasonCode
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import ROOT, MakeNode, NodeProcess

MISSING = "install mosquitto, which has mosquitto_passwd"
PASSWORDS = {"alice": "pässword of alice", "bob": "b0b:with:colons", "carol": "c" * 60}


@pytest.fixture(autouse=True, scope="module")
def _mosquitto_passwd() -> None:
    if shutil.which("mosquitto_passwd") is None:
        if os.environ.get("CI", "").lower() in {"true", "1"}:
            pytest.fail(MISSING)
        pytest.skip(MISSING)


def godwit(node: NodeProcess, *arguments: str) -> str:
    """Run a command over the instance of a node that does not run."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **node.environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def written(folder: Path) -> Path:
    """Return a password file as mosquitto_passwd writes it, with hashes of today and of 1.6 and before."""
    file = folder / "passwd"
    for name, password in PASSWORDS.items():
        create = [] if file.exists() else ["-c"]
        kind = "sha512" if name == "bob" else "sha512-pbkdf2"
        command = ["mosquitto_passwd", "-H", kind, *create, "-b", str(file), name, password]
        subprocess.run(command, check=True, timeout=20)
    return file


def verdict(node: NodeProcess, username: str | None, password: str | None) -> ReasonCode:
    """Return what CONNACK says to a client with these credentials."""
    secret = None if password is None else password.encode()
    with MqttClient(node.tcp) as client:
        return ReasonCode(client.connect("c", username=username, password=secret).reason_code)


@pytest.fixture
def stopped(make_node: MakeNode) -> NodeProcess:
    """A node that has been started once, and where nobody comes in without a login."""
    node = make_node(allow_anonymous="false")
    node.stop()
    return node


def test_who_had_a_password_at_mosquitto_comes_in_with_it_and_may_what_he_might(
    stopped: NodeProcess, tmp_path: Path
) -> None:
    passwords = written(tmp_path)
    rules = tmp_path / "acl"
    rules.write_text("user alice\ntopic read site/#\npattern readwrite own/%u\n")
    godwit(stopped, "import", "mosquitto-passwords", str(passwords), "--yes")
    godwit(stopped, "import", "mosquitto-acl", str(rules), "--yes")
    stopped.start()
    # The report of the import says that logins are asked about once the plugin is loaded.
    assert stopped.api("PUT", "/api/v4/plugins/emqx_auth_mnesia/reload").body == {"code": 0}
    for name, password in PASSWORDS.items():
        assert verdict(stopped, name, password) is ReasonCode.SUCCESS
        assert verdict(stopped, name, password + " ") is not ReasonCode.SUCCESS
    assert verdict(stopped, "dave", "x") is not ReasonCode.SUCCESS
    assert verdict(stopped, None, None) is not ReasonCode.SUCCESS
    with MqttClient(stopped.tcp) as client:
        client.connect("c", username="alice", password=PASSWORDS["alice"].encode())
        filters = tuple(SubscribeFilter(one, 0) for one in ("site/a", "own/alice", "own/bob"))
        client.send(Subscribe(1, filters))
        granted = (ReasonCode.GRANTED_QOS_0, ReasonCode.GRANTED_QOS_0, ReasonCode.NOT_AUTHORIZED)
        client.expect(Suback(1, granted))
