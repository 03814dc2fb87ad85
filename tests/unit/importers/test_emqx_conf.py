"""emqx.conf: what is taken, what is left out, and that nothing is left out in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config import load_settings
from app.importers.emqx_conf import plan_import
from app.importers.plan import ImportPlan, ImportRefusedError, Outcome
from app.importers.settings_file import merge

CONF = """\
## A comment
node.name = emqx@10.0.0.5
node.cookie = emqxsecretcookie
cluster.discovery = manual
allow_anonymous = false
acl_nomatch = deny
acl_file = etc/acl.conf
mqtt.max_packet_size = 2MB
zone.external.max_inflight = 64
zone.gold.mountpoint = gold/%c/
listener.tcp.external = 0.0.0.0:1884
listener.tcp.external.max_connections = 5000
listener.tcp.external.access.1 = allow all
listener.ssl.external = 8883
listener.ssl.external.keyfile = etc/certs/key.pem
listener.ssl.external.certfile = etc/certs/cert.pem
listener.ssl.external.tls_versions = tlsv1.3,tlsv1.2,tlsv1.1
listener.ssl.external.ciphers = TLS_AES_256_GCM_SHA384
listener.wss.external = 8084
listener.wss.external.keyfile = etc/certs/none.pem
listener.dtls.external = 5684
zone.external.session_expiry_interval = never
alarm.actions = log,publish
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """EMQX's folder, with two files that its configuration names."""
    (tmp_path / "etc" / "certs").mkdir(parents=True)
    for name in ("certs/key.pem", "certs/cert.pem", "acl.conf"):
        (tmp_path / "etc" / name).touch()
    return tmp_path


def planned(home: Path, text: str) -> ImportPlan:
    (home / "etc" / "emqx.conf").write_text(text, "utf-8")
    return plan_import(home / "etc" / "emqx.conf")


def left_out(plan: ImportPlan) -> dict[str, str]:
    return {one.source: one.text for one in plan.findings if one.outcome is Outcome.NO_COUNTERPART}


def test_keys_that_both_have_are_taken_as_they_are(home: Path) -> None:
    settings = planned(home, CONF).settings
    assert settings == {
        "node.name": "emqx@10.0.0.5",
        "allow_anonymous": "false",
        "acl_nomatch": "deny",
        "acl_file": str(home / "etc" / "acl.conf"),
        "mqtt.max_packet_size": "2MB",
        "zone.external.max_inflight": "64",
        "zone.gold.mountpoint": "gold/%c/",
        "listener.tcp.external": "0.0.0.0:1884",
        "listener.tcp.external.max_connections": "5000",
        "listener.ssl.external": "8883",
        "listener.ssl.external.keyfile": str(home / "etc" / "certs" / "key.pem"),
        "listener.ssl.external.certfile": str(home / "etc" / "certs" / "cert.pem"),
        "listener.ssl.external.tls_versions": "tlsv1.3,tlsv1.2",
    }


def test_every_key_that_is_not_taken_is_told_with_the_reason(home: Path) -> None:
    told = left_out(planned(home, CONF))
    assert "Erlang" in told["node.cookie"]
    assert "clusters" in told["cluster.discovery"]
    assert "firewall" in told["listener.tcp.external.access.1"]
    assert "not a key" in told["alarm.actions"]
    assert "not a key" in told["listener.dtls.external"]
    assert "is none here" in told["zone.external.session_expiry_interval"]
    assert "OpenSSL" in told["listener.ssl.external.ciphers"]


def test_a_tls_listener_without_its_files_stays_off(home: Path) -> None:
    plan = planned(home, CONF)
    assert "stays off" in left_out(plan)["listener.wss.external"]
    assert not [key for key in plan.settings if key.startswith("listener.wss")]


def test_no_value_of_a_key_that_is_left_out_is_shown(home: Path) -> None:
    assert "emqxsecretcookie" not in "".join(planned(home, CONF).report())


def test_lines_of_another_form_are_told_and_quotes_are_taken_off(home: Path) -> None:
    plan = planned(home, 'include other.conf\nnode.name = "emqx@1.2.3.4"\n')
    assert plan.settings == {"node.name": "emqx@1.2.3.4"}
    assert "line 1" in left_out(plan)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no line"),
        (b"{}", "no line"),
        (b"\xff\xfea", "UTF-8"),
        (b"a = \0", "NUL"),
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "emqx.conf").write_bytes(content)
    with pytest.raises(ImportRefusedError, match=sentence):
        plan_import(tmp_path / "emqx.conf")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="can be read"):
        plan_import(tmp_path / "emqx.conf")


SHIPPED = Path(__file__).with_name("emqx_4_4.conf")
OWN_WORDS = {"auth_order", "acl_order", "alarm.actions"}
"""Keys of the file as it ships that the report can only say it does not know."""


def test_every_key_of_the_file_as_it_ships_is_taken_or_named() -> None:
    given = {line.partition("=")[0].strip() for line in SHIPPED.read_text().splitlines()[1:]}
    plan = plan_import(SHIPPED)
    named = {finding.source for finding in plan.findings}
    # Of a listener without its files all keys are left out together.
    without_files = ("listener.ssl.", "listener.wss.")
    assert {key for key in given - named if not key.startswith(without_files)} == set()
    assert {"listener.ssl.external", "listener.wss.external"} <= named
    unknown = {one.source for one in plan.findings if "not a key that Godwit knows" in one.text}
    assert unknown == OWN_WORDS


@pytest.mark.parametrize(
    ("key", "advice"),
    [
        ("listener.ws.external.check_origin_enable", "Origin"),
        ("listener.tcp.external.nodelay", "sockets"),
        ("management.listener.https.certfile", "proxy"),
        ("coap.bind.udp.1", "gateway"),
        ("exhook.server.default.url", "gRPC"),
        ("prometheus.push.gateway.server", "/metrics"),
        ("zone.external.wildcard_subscription", "mqtt."),
        ("zone.external.max_topic_levels", "mqtt."),
        ("listener.ssl.external.enable_crl_check", "revocation"),
    ],
)
def test_what_has_no_counterpart_is_told_with_what_there_is_instead(
    tmp_path: Path, key: str, advice: str
) -> None:
    file = tmp_path / "emqx.conf"
    file.write_text(f"{key} = 1\n")
    (finding,) = plan_import(file).findings
    assert finding.outcome is Outcome.NO_COUNTERPART
    assert (finding.source, advice in finding.text) == (key, True)


def test_rewrite_rules_are_taken_for_their_direction_or_both(home: Path) -> None:
    plan = planned(
        home,
        "module.rewrite.pub.rule.1 = x/# ^x/y/(.+)$ z/y/$1\n"
        "module.rewrite.sub.rule.1 = y/+/z/# ^y/(.+)/z/(.+)$ y/z/$2\n"
        "module.rewrite.rule.2 = a/# ^a/(.+)$ b/$1\n"
        "module.rewrite.pub.rule.3 = a/# ^a/(?=b)$ b\n",
    )
    assert plan.settings == {
        "rewrite.pub.rule.1": "x/# ^x/y/(.+)$ z/y/$1",
        "rewrite.sub.rule.1": "y/+/z/# ^y/(.+)/z/(.+)$ y/z/$2",
        "rewrite.pub.rule.2": "a/# ^a/(.+)$ b/$1",
        "rewrite.sub.rule.2": "a/# ^a/(.+)$ b/$1",
    }
    assert "RE2" in left_out(plan)["rewrite.pub.rule.3"]
    merge(home, plan.settings, "emqx.conf", write=True)
    assert load_settings({}, home).extensions["rewrite.pub.rule.1"]
