"""hbmqtt and amqtt files become settings and a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.importers.hbmqtt import plan_import
from app.importers.plan import ImportPlan, ImportRefusedError, Outcome

HBMQTT = """
listeners:
  default:
    type: tcp
    bind: 0.0.0.0:1883
    max-connections: 500
  local:
    bind: 127.0.0.1:1884
  tls:
    bind: 0.0.0.0:8883
    ssl: on
    certfile: server.crt
    keyfile: server.key
    cafile: ca.crt
  half:
    bind: 0.0.0.0:8884
    ssl: on
    certfile: server.crt
  my web:
    bind: 0.0.0.0:8080
    type: ws
sys_interval: 10
timeout-disconnect-delay: 2
auth:
  allow-anonymous: false
  password-file: /etc/passwd.mqtt
topic-check:
  enabled: true
  plugins: [topic_acl]
colour: grey
"""
AMQTT = """
listeners:
  default:
    type: tcp
    bind: 1883
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
  amqtt.plugins.authentication.FileAuthPlugin:
    password_file: x
  amqtt.plugins.sys.broker.BrokerSysPlugin:
    sys_interval: 20
  amqtt.plugins.topic_checking.TopicTabooPlugin:
  my.own.Plugin:
"""


def plan_of(tmp_path: Path, text: str) -> ImportPlan:
    path = tmp_path / "broker.yaml"
    path.write_text(text, "utf-8")
    return plan_import(path)


def sources(plan: ImportPlan, outcome: Outcome) -> list[str]:
    return [finding.source for finding in plan.findings if finding.outcome is outcome]


def test_an_hbmqtt_file_becomes_our_settings(tmp_path: Path) -> None:
    assert plan_of(tmp_path, HBMQTT).settings == {
        "listener.tcp.external": "0.0.0.0:1883",
        "listener.tcp.external.max_connections": "500",
        "listener.tcp.local": "127.0.0.1:1884",
        "listener.tcp.local.max_connections": "500",
        "listener.ssl.tls": "0.0.0.0:8883",
        "listener.ssl.tls.certfile": "server.crt",
        "listener.ssl.tls.keyfile": "server.key",
        "listener.ssl.tls.cacertfile": "ca.crt",
        "listener.ssl.tls.verify": "verify_peer",
        "listener.ssl.tls.max_connections": "500",
        "listener.ws.my-web": "0.0.0.0:8080",
        "listener.ws.my-web.max_connections": "500",
        "listener.ws.external": "off",
        "management.listener.http": "0.0.0.0:8081",
        "broker.sys_interval": "10s",
        "allow_anonymous": "false",
    }


def test_what_is_left_to_do_by_hand_is_said(tmp_path: Path) -> None:
    assert sources(plan_of(tmp_path, HBMQTT), Outcome.BY_HAND) == [
        "auth.password-file",
        "topic-check",
    ]


def test_what_has_no_counterpart_is_said(tmp_path: Path) -> None:
    assert sources(plan_of(tmp_path, HBMQTT), Outcome.NO_COUNTERPART) == [
        "listeners.half.ssl",
        "listeners.my web.type",
        "timeout-disconnect-delay",
        "colour",
    ]


def test_amqtts_plugins_are_read_by_their_class(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, AMQTT)
    assert plan.settings == {
        "listener.tcp.external": "0.0.0.0:1883",
        "listener.ws.external": "off",
        "allow_anonymous": "true",
        "broker.sys_interval": "20s",
    }
    assert len(sources(plan, Outcome.BY_HAND)) == 2
    assert sources(plan, Outcome.NO_COUNTERPART) == ["plugins.my.own.Plugin"]


def test_a_list_of_plugins_is_read_as_well(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "listeners: {default: {bind: 1883}}\n"
        "plugins:\n  - amqtt.plugins.sys.broker.BrokerSysPlugin: {sys_interval: 5}\n"
        "  - amqtt.plugins.topic_checking.TopicTabooPlugin\n",
    )
    assert plan.settings["broker.sys_interval"] == "5s"
    assert sources(plan, Outcome.BY_HAND) == [
        "plugins.amqtt.plugins.topic_checking.TopicTabooPlugin"
    ]


def test_the_default_listener_lends_its_values_to_the_others(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "listeners: {default: {type: ws, bind: 8083}, other: {bind: 8085}}")
    assert plan.settings["listener.ws.external"] == "0.0.0.0:8083"
    assert plan.settings["listener.ws.other"] == "0.0.0.0:8085"
    assert plan.settings["listener.tcp.external"] == "off"


@pytest.mark.parametrize(
    "listener", ["{type: tcp}", "{type: quic, bind: 1}", "{bind: here}", "{bind: '1,2'}"]
)
def test_a_listener_that_cannot_be_served_is_left_out_and_said(
    tmp_path: Path, listener: str
) -> None:
    plan = plan_of(tmp_path, f"listeners: {{default: {listener}}}")
    assert plan.settings == {"listener.tcp.external": "off", "listener.ws.external": "off"}
    assert len(sources(plan, Outcome.NO_COUNTERPART)) == 1


def test_an_unlimited_listener_keeps_our_limit(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "listeners: {default: {bind: 1883, max-connections: -1}}")
    assert "listener.tcp.external.max_connections" not in plan.settings


@pytest.mark.parametrize("value", ["0", "-1", "often", "true"])
def test_an_interval_that_is_none_is_not_taken(tmp_path: Path, value: str) -> None:
    plan = plan_of(tmp_path, f"listeners: {{default: {{bind: 1883}}}}\nsys_interval: {value}")
    assert "broker.sys_interval" not in plan.settings
    assert sources(plan, Outcome.NO_COUNTERPART) == ["sys_interval"]


@pytest.mark.parametrize("text", ["", "- a\n- b", "a: b", "listeners: none", "{", "\x00"])
def test_a_file_that_is_no_such_configuration_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ImportRefusedError) as caught:
        plan_of(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="Give a file that can be read"):
        plan_import(tmp_path / "nothing.yaml")


def test_the_report_is_grouped_by_outcome(tmp_path: Path) -> None:
    report = list(plan_of(tmp_path, HBMQTT).report())
    headings = [line for line in report if not line.startswith("  ")]
    assert headings == [f"{outcome.value}:" for outcome in Outcome]
    assert '  sys_interval: broker.sys_interval = "10s"' in report


def test_a_secure_websocket_listener_keeps_its_certificates_but_not_a_folder_of_cas(
    tmp_path: Path,
) -> None:
    text = """
listeners:
  web: {type: ws, bind: 8084, ssl: on, certfile: a.pem, keyfile: a.key, capath: /etc/ssl}
"""
    plan = plan_of(tmp_path, text)
    assert plan.settings["listener.wss.web"] == "0.0.0.0:8084"
    assert plan.settings["listener.wss.web.keyfile"] == "a.key"
    assert "listener.wss.web.verify" not in plan.settings
    assert "listeners.web.capath" in sources(plan, Outcome.NO_COUNTERPART)


@pytest.mark.parametrize("default", ["[1]", "x", "5"])
def test_a_default_listener_that_is_none_is_said(tmp_path: Path, default: str) -> None:
    plan = plan_of(tmp_path, f"listeners: {{default: {default}, other: {{bind: 1884}}}}")
    assert plan.settings["listener.tcp.other"] == "0.0.0.0:1884"
    assert "listeners.default" in sources(plan, Outcome.NO_COUNTERPART)


def test_listeners_whose_names_come_out_alike_are_all_taken(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "listeners: {default: {bind: 1883}, external: {bind: 1884}, a b: {bind: 1885}, a-b: {bind: 1886}}",
    )
    assert {key: value for key, value in plan.settings.items() if ".tcp." in key} == {
        "listener.tcp.external": "0.0.0.0:1883",
        "listener.tcp.external-2": "0.0.0.0:1884",
        "listener.tcp.a-b": "0.0.0.0:1885",
        "listener.tcp.a-b-2": "0.0.0.0:1886",
    }


@pytest.mark.parametrize("limit", ["-1", "0", "many", "1.5"])
def test_a_limit_that_is_none_is_said(tmp_path: Path, limit: str) -> None:
    plan = plan_of(tmp_path, f"listeners: {{default: {{bind: 1883, max-connections: {limit}}}}}")
    assert "listeners.default.max-connections" in sources(plan, Outcome.NO_COUNTERPART)


def test_every_key_of_the_file_is_taken_or_named(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        "\ufefflisteners: {default: {bind: 1883, ssl: off, certfile: c, keyfile: k}}\r\n"
        "auth: [a]\r\ntopic-check: {enabled: false}\r\npersistence: {file: x}\r\n"
        "plugins: {a.SQLitePlugin: {file: x}}\r\n",
    )
    named = {one.source for one in plan.findings}
    assert {"auth", "topic-check", "persistence", "plugins.a.SQLitePlugin"} <= named
    assert {"listeners.default.certfile", "listeners.default.keyfile"} <= named
