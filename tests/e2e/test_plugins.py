"""Plugins on the real server: who comes in, what survives a restart, and one that a package brings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from app.mqtt.packets import Publish
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import ROOT, MakeNode, NodeProcess

V4 = "/api/v4"
PLUGINS = "nodes/godwit@127.0.0.1/plugins"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def reason(node: NodeProcess, username: str, password: bytes) -> int:
    """Return what a client with these credentials is answered."""
    with MqttClient(node.tcp) as client:
        return client.connect("c1", username=username, password=password).reason_code


def test_a_loaded_authentication_plugin_refuses_strangers_also_after_a_restart(
    make_node: MakeNode,
) -> None:
    node = make_node(allow_anonymous="false")
    assert node.api("PUT", f"{V4}/{PLUGINS}/emqx_auth_mnesia/load").body == {"code": 0}
    login = {"username": "meter", "password": "s3cret"}
    assert node.api("POST", f"{V4}/auth_username", login).body == {"code": 0}
    for _ in range(2):
        assert reason(node, "meter", b"s3cret") == 0
        assert reason(node, "meter", b"wrong") == 0x86
        assert reason(node, "stranger", b"s3cret") == 0x87
        node.restart()


def test_presence_is_told_and_a_rule_file_is_reloaded(make_node: MakeNode) -> None:
    node = make_node()
    with MqttClient(node.tcp) as watcher:
        watcher.connect("watcher")
        watcher.subscribe("$SYS/brokers/+/clients/+/connected")
        with MqttClient(node.tcp) as other:
            other.connect("other")
            told = watcher.receive()
    assert isinstance(told, Publish)
    assert told.topic.endswith("/clients/other/connected")
    (node.instance / "acl.conf").write_text('{deny, all, publish, ["a"]}.\n{allow, al}.')
    answer = node.api("PUT", f"{V4}/modules/emqx_mod_acl_internal/reload").body
    assert "line 2, column 9" in answer["message"]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that docs/plugins.md shows, as an installer would leave it."""
    blocks = BLOCK.findall((ROOT / "docs" / "plugins.md").read_text("utf-8"))
    project = next(text for kind, text in blocks if kind == "toml" and "[project]" in text)
    site = tmp_path / "site"
    info = site / "godwit_chatter-1.0.dist-info"
    info.mkdir(parents=True)
    points = tomllib.loads(project)["project"]["entry-points"]["godwit.plugins"]
    lines = "\n".join(f"{name} = {value}" for name, value in points.items())
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: godwit-chatter\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[godwit.plugins]\n{lines}\n")
    source = next(text for kind, text in blocks if kind == "python")
    (site / "godwit_chatter.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", str(site))


@pytest.mark.usefixtures("installed")
def test_the_plugin_of_the_guide_runs(make_node: MakeNode) -> None:
    node = make_node(enable_acl_cache="false")
    listed = {one["name"]: one["active"] for one in node.data(PLUGINS)}
    assert listed["chatter"] is False
    assert node.api("GET", f"{V4}/chatter/c1").status == 404
    assert node.api("PUT", f"{V4}/{PLUGINS}/chatter/load").body == {"code": 0}
    assert "/chatter/:clientid" in [row["path"] for row in node.data("")]
    with MqttClient(node.tcp) as client:
        client.connect("c1")
        client.publish("t", b"1")
    assert node.data("chatter/c1") == {"clientid": "c1", "said": 1}
    assert node.api("PUT", f"{V4}/{PLUGINS}/chatter/unload").body == {"code": 0}
    assert node.api("GET", f"{V4}/chatter/c1").status == 404
