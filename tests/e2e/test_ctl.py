"""`godwit ctl` beside a real node: its words, what they do, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.cli import godwit
from app.mqtt.packets import Disconnect
from app.mqtt.reason_codes import ReasonCode
from tests.harness.mqtt_client import MqttClient
from tests.harness.node import ROOT, NodeProcess, eventually

TRACE = "emqx_mod_trace"
TOPIC_METRICS = "emqx_mod_topic_metrics"
NOTHING_SET: dict[str, str | None] = dict.fromkeys(k for k in os.environ if k.startswith("GODWIT"))


class Shell:
    """Runs commands as an operator does, with nothing in the environment but what he sets."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self._environment = {**NOTHING_SET, **environment}

    def run(self, *words: str, stdin: str = "") -> Result:
        return CliRunner().invoke(godwit, ["ctl", *words], input=stdin, env=self._environment)

    def __call__(self, *words: str, stdin: str = "") -> str:
        """Return what a command says that must go well."""
        ended = self.run(*words, stdin=stdin)
        assert (ended.exit_code, ended.stderr) == (0, ""), (words, ended, ended.stderr)
        return ended.stdout

    def value(self, *words: str) -> Any:
        """Return the one value that a program gets."""
        return json.loads(self(*words, "--json"))

    def refused(self, *words: str, stdin: str = "", status: int = 1) -> str:
        """Return the sentence of a command that must be refused."""
        ended = self.run(*words, stdin=stdin)
        assert (ended.exit_code, ended.stdout) == (status, ""), (words, ended, ended.stdout)
        return ended.stderr


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    settings = {"rule_engine.recorder.max_len": "5"}
    with NodeProcess(tmp_path_factory.mktemp("ctl"), **settings) as running:
        yield running


@pytest.fixture
def ctl(node: NodeProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, GODWIT_INSTANCE=str(node.instance))


@pytest.fixture
def client(node: NodeProcess) -> Iterator[MqttClient]:
    with MqttClient(node.tcp) as connected:
        connected.connect("c1")
        connected.subscribe("room/+", qos=1)
        yield connected


def test_a_shell_gets_words_and_exit_statuses(node: NodeProcess, tmp_path: Path) -> None:
    def run(*words: str, instance: Path = node.instance) -> tuple[int, str, str]:
        ended = subprocess.run(
            [sys.executable, "-m", "app.cli", "ctl", *words],
            cwd=tmp_path,
            env={**os.environ, "GODWIT_INSTANCE": str(instance), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return ended.returncode, ended.stdout, ended.stderr

    status, said, complaint = run("status")
    assert (status, complaint) == (0, "")
    assert said.endswith(" is started\n")
    assert run("clients", "show", "nobody") == (1, "", "Not Found.\n")
    assert run("clients", "shoo")[0] == 2
    status, said, complaint = run("status", instance=tmp_path / "none")
    assert (status, said) == (3, "")
    assert complaint.startswith("No node runs in ")


def test_status_and_broker_speak_as_emqx_does(ctl: Shell) -> None:
    assert ctl("status").startswith("Node 'godwit@127.0.0.1' ")
    assert ctl("status").endswith(" is started\n")
    lines = ctl("broker").splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "sysdescr  ",
        "version   ",
        "uptime    ",
        "datetime  ",
    ]
    assert ctl("cluster", "status").startswith(
        "Cluster status: #{running_nodes => ['godwit@127.0.0.1'],stopped_nodes => []}"
    )


@pytest.mark.parametrize(
    ("words", "name"),
    [("broker stats", "connections.count"), ("broker metrics", "messages.received")],
)
def test_counters_are_listed_by_name(ctl: Shell, words: str, name: str) -> None:
    names = [line.partition(":")[0].strip() for line in ctl(*words.split()).splitlines()]
    assert name in names
    assert names == sorted(names)
    assert isinstance(ctl.value(*words.split())[name], int)


def test_a_client_is_listed_shown_and_kicked(ctl: Shell, client: MqttClient) -> None:
    heading, row = ctl("clients", "list").splitlines()
    assert heading.split()[:3] == ["clientid", "username", "peername"]
    assert row.split()[:2] == ["c1", "undefined"]
    assert "\x1b" not in heading
    assert ctl.value("clients", "list")[0]["clientid"] == "c1"
    assert "clientid" in ctl("clients", "show", "c1")
    assert ctl("clients", "kick", "c1") == "ok\n"
    client.expect(Disconnect(ReasonCode.ADMINISTRATIVE_ACTION))
    client.expect_closed()
    assert ctl.refused("clients", "show", "c1") == "Not Found.\n"


def test_routes_and_subscriptions_of_a_client(ctl: Shell, client: MqttClient) -> None:
    assert ctl("routes", "list").splitlines()[1].split() == ["room/+", "godwit@127.0.0.1"]
    assert ctl("routes", "show", "room/+") == ctl("routes", "list")
    assert ctl.refused("routes", "show", "none") == "Not Found.\n"
    assert ctl("subscriptions", "list").splitlines()[1].split() == ["c1", "room/+", "1"]
    assert ctl("subscriptions", "add", "c1", "a/b", "2") == "ok\n"
    assert len(ctl.value("subscriptions", "show", "c1")) == 2
    assert ctl("subscriptions", "del", "c1", "a/b") == "ok\n"
    assert len(ctl.value("subscriptions", "show", "c1")) == 1
    assert ctl.refused("subscriptions", "add", "c9", "a", "0") == "Error: Channel not found!\n"


def test_acl_caches_are_cleaned(ctl: Shell, client: MqttClient) -> None:
    assert ctl("acl", "cache-clean", "all") == "ACL cache drain start OK\n"
    assert ctl("acl", "cache-clean", "node", "godwit@127.0.0.1") == "ACL cache drain start OK\n"
    assert ctl("acl", "cache-clean", "c1") == "ok\n"
    assert ctl.refused("acl", "cache-clean", "c9") == "Not Found.\n"
    assert "nothing here" in ctl.refused("acl", "cache-clean", "node", "x@y")


def test_a_message_is_published_and_retained(ctl: Shell, client: MqttClient) -> None:
    assert ctl("publish", "room/hall", "19.0", "--qos", "1") == "ok\n"
    got = client.receive()
    assert (got.topic, got.payload, got.qos) == ("room/hall", b"19.0", 1)  # type: ignore[union-attr]
    assert ctl("publish", "kept/1", "-", "--retain", stdin="from a pipe") == "ok\n"
    assert ctl("retainer", "info") == "retained/total: 1\n"
    assert ctl("retainer", "topics") == "kept/1\n"
    assert ctl("retainer", "clean", "other/#") == "Cleaned 0 retained messages\n"
    assert ctl("retainer", "clean") == "Cleaned 1 retained messages\n"
    assert ctl.refused("publish", "no/+", "x") == "bad_topic\n"


@pytest.mark.parametrize(
    ("kind", "name"), [("plugins", "emqx_auth_mnesia"), ("modules", TOPIC_METRICS)]
)
def test_plugins_and_modules_are_loaded_in_the_sentences_of_emqx(
    ctl: Shell, kind: str, name: str
) -> None:
    word = kind.removesuffix("s")
    assert ctl(kind, "list").splitlines()[0].split() == ["name", "description", "active"]
    assert ctl(kind, "load", name) == f"{word.capitalize()} {name} loaded successfully.\n"
    assert ctl.refused(kind, "load", name).startswith(f"Load {word} {name} error: ")
    assert ctl(kind, "reload", name) == f"{word.capitalize()} {name} reloaded successfully.\n"
    assert ctl(kind, "unload", name) == f"{word.capitalize()} {name} unloaded successfully.\n"
    assert ctl.refused(kind, "unload", "no_such").startswith(f"Unload {word} no_such error: ")
    assert ctl.value(kind, "load", name) == {"ok": True}
    assert ctl.value(kind, "unload", name) == {"ok": True}


def test_topic_metrics(ctl: Shell) -> None:
    assert "godwit ctl modules load emqx_mod_topic" in ctl.refused("topic-metrics", "list")
    ctl("modules", "load", TOPIC_METRICS)
    assert ctl("topic-metrics", "add", "room/hall") == "ok\n"
    assert ctl("topic-metrics", "list").splitlines()[0] == "room/hall"
    assert "messages.in.count" in ctl("topic-metrics", "show", "room/hall")
    assert ctl("topic-metrics", "del", "room/hall") == "ok\n"
    assert ctl("topic-metrics", "clean") == "ok\n"
    ctl("modules", "unload", TOPIC_METRICS)


def test_dashboard_users(ctl: Shell, node: NodeProcess) -> None:
    def may_log_in(password: str) -> bool:
        body = {"username": "alice", "password": password}
        answer = node.api("POST", "/api/v4/auth", body, auth=None, listener="dashboard")
        return bool(answer.body == {"code": 0})

    assert ctl("admins", "add", "alice", "s3cret-of-alice", "viewer") == "ok\n"
    assert ctl.refused("admins", "add", "alice", "s3cret-of-alice").startswith("Error: ")
    assert ctl("admins", "passwd", "alice", stdin="s3cret-from-a-pipe\n") == "ok\n"
    assert may_log_in("s3cret-from-a-pipe")
    assert ctl.value("admins", "list")[1]["role"] == "viewer"
    assert ctl("admins", "del", "alice") == "ok\n"
    assert ctl.refused("admins", "del", "alice") == "Error: Username Not Found\n"


def test_applications(ctl: Shell) -> None:
    secret = ctl("mgmt", "insert", "app1", "First").removeprefix("AppSecret: ").strip()
    assert ctl.refused("mgmt", "insert", "app1", "First") == "Error: already existed\n"
    assert ctl.value("mgmt", "lookup", "app1")["secret"] == secret
    assert secret not in ctl("mgmt", "list")
    assert ctl("mgmt", "update", "app1", "stop") == "update successfully.\n"
    stopped = ctl.value("mgmt", "lookup", "app1")
    assert (stopped["status"], stopped["name"]) == (False, "First")
    assert ctl("mgmt", "delete", "app1") == "ok\n"
    assert ctl.refused("mgmt", "delete", "app1") == "Error: app not found\n"
    assert ctl.refused("mgmt", "lookup", "app1") == "Not Found.\n"


def test_bans(ctl: Shell) -> None:
    assert ctl("banned", "add", "clientid", "bad", "--reason", "rude", "--forever") == "ok\n"
    row = ctl("banned", "list").splitlines()[1].split()
    assert (row[:4], row[5]) == (["clientid", "bad", "ctl", "rude"], "infinity")
    assert ctl("banned", "del", "clientid", "bad") == "ok\n"
    assert ctl.value("banned", "list") == []


def test_a_listener_is_stopped_started_and_restarted(ctl: Shell, node: NodeProcess) -> None:
    def is_open() -> bool:
        try:
            MqttClient(node.tcp).close()
        except OSError:
            return False
        return True

    name, where = "mqtt:tcp:external", f"127.0.0.1:{node.ports['tcp']}"
    assert name in ctl("listeners")
    assert ctl("listeners", "stop", name) == f"Stop {name} listener on {where} successfully.\n"
    assert not is_open()
    assert ctl("listeners", "start", name) == f"Started {name} listener successfully.\n"
    assert is_open()
    assert ctl("listeners", "restart", name) == f"Restarted {name} listener successfully.\n"
    assert ctl("listeners", "stop", "tcp", str(node.ports["tcp"])).startswith(f"Stop {name}")
    assert ctl("listeners", "start", name)
    assert is_open()
    assert ctl.refused("listeners", "stop", "mqtt:tcp:none") == "No such listener mqtt:tcp:none\n"
    assert "cut off" in ctl.refused("listeners", "restart", "http:management")


def test_the_process_and_the_database(ctl: Shell) -> None:
    lines = ctl("vm").splitlines()
    assert [line.split("/")[0] for line in lines] == sorted(
        (line.split("/")[0] for line in lines),
        key=["cpu", "memory", "process", "io", "ports"].index,
    )
    assert ctl("vm", "io").splitlines()[0].startswith("io/max_fds")
    assert list(ctl.value("vm", "load")) == ["load"]
    assert "backend" in ctl("mnesia")
    assert ctl.value("mnesia")["backend"] == "sqlite"


def test_the_log_level_is_changed_on_the_running_node(ctl: Shell, node: NodeProcess) -> None:
    assert ctl("log", "primary-level") == "info\n"
    assert ctl("log", "set-level", "error") == "error\n"
    assert ctl("log", "primary-level", "info") == "info\n"


def test_a_trace_is_started_listed_and_fetched(ctl: Shell, node: NodeProcess) -> None:
    assert "modules load emqx_mod_trace" in ctl.refused("trace", "list")
    ctl("modules", "load", TRACE)
    assert ctl("trace", "start", "client", "t1") == "trace clientid t1 successfully\n"
    assert ctl("trace", "list").splitlines()[1].split()[1:4] == ["clientid", "t1", "running"]
    with MqttClient(node.tcp) as traced:
        traced.connect("t1")
    log = ctl.folder / "t1.log"
    stopped = "stop tracing clientid t1 successfully\n"
    assert ctl("trace", "stop", "client", "t1", str(log)) == stopped
    assert "CONNECT" in log.read_text("utf-8")
    assert "not_found" in ctl.refused("trace", "stop", "client", "t1")
    name = ctl.value("trace", "list")[0]["name"]
    assert ctl("trace", "delete", name) == "ok\n"
    ctl("modules", "unload", TRACE)


SQL = 'SELECT payload\nFROM "t/#"'
ACTIONS = '[{"name": "do_nothing", "params": {}}]'


def test_dead_letters_and_recordings_of_rules(ctl: Shell, node: NodeProcess) -> None:
    config = json.dumps({"url": f"http://127.0.0.1:{node.ports['management']}/nowhere"})
    resource = ctl.value("resources", "create", "web_hook", "-c", config)
    params = {"$resource": resource["id"], "body": "${payload}"}
    actions = json.dumps([{"name": "data_to_webserver", "params": params}])
    ctl("rules", "create", 'SELECT payload FROM "dead/#"', actions, "-i", "dead")
    assert ctl("rules", "record", "dead", "on") == "ok\n"
    for number in range(3):
        ctl("publish", "dead/a", str(number))

    def listed() -> list[Any]:
        found: list[Any] = ctl.value("rule-dead-letters", "list", "-r", "dead")
        return found

    eventually(lambda: len(listed()) == 3, "three dead letters")
    newest = str(listed()[0]["id"])
    assert ctl.value("rule-dead-letters", "show", newest)["output"] == {"payload": "2"}
    tried = ctl.value("rules", "try", "dead", "-s", 'SELECT payload AS x FROM "dead/a"')
    assert [one["result"] for one in tried] == [{"x": "0"}, {"x": "1"}, {"x": "2"}]
    assert ctl("rules", "record", "dead", "off") == "ok\n"
    assert ctl.refused("rules", "try", "dead") == "The rule does not record\n"
    assert ctl("rule-dead-letters", "replay", newest) == "ok\n"
    assert ctl("rule-dead-letters", "replay", "-r", "dead").endswith(" tried once more, 0 left\n")
    assert ctl("rule-dead-letters", "delete", newest) == "ok\n"
    assert ctl("rule-dead-letters", "delete", "-r", "dead") == "2 deleted\n"
    assert ctl.refused("rule-dead-letters", "show", newest) == f"Cannot found {newest}\n"
    assert "Name a dead letter" in ctl.refused("rule-dead-letters", "delete", status=2)
    ctl("rules", "delete", "dead")
    ctl("resources", "delete", resource["id"])


def test_rules_and_what_they_may_do(ctl: Shell) -> None:
    ctl("plugins", "unload", "emqx_rule_engine")
    assert "plugins load emqx_rule_engine" in ctl.refused("rules", "list")
    ctl("plugins", "load", "emqx_rule_engine")
    assert ctl("rules", "create", SQL, ACTIONS, "-i", "r1", "-d", "tried") == "Rule r1 created\n"
    assert ctl.refused("rules", "create", "no SQL", ACTIONS).startswith("Invalid options: ")
    heading, row = ctl("rules", "list").splitlines()
    assert heading.split()[:2] == ["id", "enabled"]
    assert 'SELECT payload FROM "t/#"' in row
    assert ctl("rules", "update", "r1", "-e", "false") == "Rule r1 updated\n"
    shown = ctl.value("rules", "show", "r1")
    assert (shown["enabled"], shown["rawsql"], shown["description"]) == (False, SQL, "tried")
    assert ctl("rules", "delete", "r1") == "ok\n"
    assert ctl.refused("rules", "show", "r1") == "Cannot found r1\n"
    assert ctl.refused("rules", "update", "r1", "-e", "true") == "Cannot found r1\n"
    assert any(line.startswith("do_nothing ") for line in ctl("rule-actions", "list").splitlines())
    assert "Do Nothing" in ctl("rule-actions", "show", "do_nothing")
    assert ctl.refused("rule-actions", "show", "nothing") == "Cannot found nothing\n"


def test_resources_and_their_types(ctl: Shell) -> None:
    config = '{"url": "http://127.0.0.1:9"}'
    made = ctl("resources", "create", "web_hook", "-i", "w1", "-c", config, "-d", "hook")
    assert made == "Resource w1 created\n"
    assert ctl("resources", "list", "-t", "web_hook").splitlines()[1].split()[:2] == [
        "w1",
        "web_hook",
    ]
    assert ctl.value("resources", "list", "-t", "other") == []
    assert ctl.value("resources", "show", "w1")["description"] == "hook"
    assert ctl("resources", "update", "w1", "-d", "other") == "Resource update successfully\n"
    assert ctl.value("resources", "show", "w1")["description"] == "other"
    assert ctl("resources", "delete", "w1") == "ok\n"
    assert ctl.refused("resources", "show", "w1") == "Cannot found w1\n"
    assert "web_hook" in ctl("resource-types", "list")
    assert ctl.value("resource-types", "show", "web_hook")["name"] == "web_hook"


def test_an_export_is_saved_and_imported_again(ctl: Shell) -> None:
    file = ctl.folder / "saved.json"
    said = ctl("data", "export", "--to", str(file))
    assert said == f"The emqx data has been successfully exported to {file}.\n"
    assert file.stat().st_mode & 0o077 == 0
    assert json.loads(file.read_text("utf-8"))["version"]
    assert "added" in ctl("data", "import", str(file), "--dry-run")
    assert ctl("data", "import", str(file)) == "The emqx data has been imported successfully.\n"
    kept = ctl.value("data", "export")["filename"]
    assert ctl("data", "import", kept) == "The emqx data has been imported successfully.\n"
    assert ctl.refused("data", "import", "none.json").startswith("The emqx data import failed: ")
    (ctl.folder / "bad.json").write_text("{", "utf-8")
    assert ctl.refused("data", "import", "bad.json").startswith("The emqx data import failed: ")


def test_what_was_done_is_in_the_audit_log_as_the_operator_s(ctl: Shell, node: NodeProcess) -> None:
    ctl("banned", "add", "clientid", "audited")
    row = node.data("audit?_limit=1")[0]
    assert (row["action"], row["kind"], row["address"]) == ("banned.create", "cli", "127.0.0.1")
    ctl("banned", "del", "clientid", "audited")


def test_another_machine_s_node_is_asked_by_an_application(
    node: NodeProcess, tmp_path: Path
) -> None:
    far = Shell(tmp_path, GODWITCTL_APP_ID="admin", GODWITCTL_APP_SECRET="public")
    url = f"http://127.0.0.1:{node.ports['management']}"
    assert far("--url", url, "status").endswith(" is started\n")
    assert far.refused("--url", url, "admins", "list").startswith("The node has nothing here")
    wrong = Shell(tmp_path, GODWITCTL_APP_ID="admin", GODWITCTL_APP_SECRET="wrong")
    assert "does not know these credentials" in wrong.refused("--url", url, "status")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_node_that_has_ended_is_not_running(
    make_node: Callable[..., NodeProcess], tmp_path: Path, end: signal.Signals
) -> None:
    node = make_node()
    ctl = Shell(tmp_path, GODWIT_INSTANCE=str(node.instance))
    assert ctl("status").endswith(" is started\n")
    if end is signal.SIGKILL:
        node.kill()
    else:
        node.stop(end)
    # Who is killed may take a connection with him.
    eventually(lambda: ctl.run("status").exit_code == 3)
    sentence = ctl.refused("status", status=3)
    assert sentence.startswith(f"No node runs in {node.instance}: start it with `make run`")


def test_why_somebody_may_or_may_not_is_explained(ctl: Shell) -> None:
    lines = ctl("explain", "c9", "subscribe", "#", "--peerhost", "192.0.2.7").splitlines()
    assert lines[0].split() == ["check", "by", "answer", "verdict", "why"]
    assert lines[-1] == (
        "c9 may not subscribe #: deny, by client.check_acl_subscribe of emqx_mod_acl_internal"
    )
    assert '{deny, all, subscribe, ["$SYS/#", {eq, "#"}]}.' in lines[-3]
    found = ctl.value("explain", "c9", "--username", "u", "--password", "-")
    assert (found["allowed"], found["decided_by"]["check"]) == (True, "allow_anonymous")


def test_bridges_in_the_sentences_of_emqx(
    make_node: Callable[..., NodeProcess], tmp_path: Path
) -> None:
    key = "bridge.mqtt.aws"
    node = make_node(**{f"{key}.address": "127.0.0.1:1", f"{key}.forwards": "a,b/#"})
    ctl = Shell(tmp_path, GODWIT_INSTANCE=str(node.instance))
    assert ctl("bridges", "list").splitlines()[1].split()[:2] == ["aws", "Stopped"]
    assert ctl("bridges", "start", "aws") == "Start bridge successfully.\n"
    assert ctl("bridges", "start", "aws") == "Bridge already started.\n"
    assert ctl("bridges", "stop", "aws") == "Stop bridge successfully.\n"
    assert ctl.refused("bridges", "start", "none") == "Start bridge failed.\n"
    assert ctl("bridges", "del-forward", "aws", "b/#") == "Del-forward topic successfully.\n"
    assert ctl("bridges", "add-forward", "aws", "c/+") == "Add-forward topic successfully.\n"
    assert ctl("bridges", "forwards", "aws") == "topic:   a\ntopic:   c/+\n"
    assert ctl.value("bridges", "forwards", "aws") == ["a", "c/+"]
    added = ctl("bridges", "add-subscription", "aws", "d/#", "2")
    assert added == "Add-subscription topic successfully.\n"
    assert ctl("bridges", "subscriptions", "aws") == "topic: d/#, qos: 2\n"
    assert ctl.value("bridges", "subscriptions", "aws")[0]["qos"] == 2
    removed = ctl("bridges", "del-subscription", "aws", "d/#")
    assert removed == "Del-subscription topic successfully.\n"
    assert ctl.value("bridges", "show", "aws")["queued"] == 0
    ctl("plugins", "unload", "emqx_bridge_mqtt")
    assert ctl.refused("bridges", "list").startswith("The node serves no bridges")
