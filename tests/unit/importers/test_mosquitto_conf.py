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


def told(plan: ImportPlan) -> dict[str, str]:
    return {one.source: one.text for one in plan.findings}


def test_a_remark_behind_a_number_or_truth_value_is_none(tmp_path: Path) -> None:
    settings = planned(
        tmp_path,
        "listener 1884 # for the hall\nmax_connections 10 # few\n"
        "allow_anonymous true # for now\nmax_queued_messages 50 # enough\nqueue_qos0_messages 1\n"
        "password_file /etc/mosquitto/passwd # logins\n",
    ).settings
    assert settings["listener.tcp.external"] == "1884"
    assert settings["listener.tcp.external.max_connections"] == "10"
    assert settings["allow_anonymous"] == "true"
    assert settings["zone.external.max_mqueue_len"] == "50"
    assert settings["zone.external.mqueue_store_qos0"] == "true"


def test_a_file_of_windows_with_a_mark_and_tabs_is_read(tmp_path: Path) -> None:
    text = "\ufeff# made by an editor\r\nlistener\t1884\r\nallow_anonymous\ttrue \r\n"
    settings = planned(tmp_path, text).settings
    assert settings["listener.tcp.external"] == "1884"
    assert settings["allow_anonymous"] == "true"


def test_where_listeners_differ_nobody_comes_in_anonymously(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        "per_listener_settings true\nlistener 1883\nallow_anonymous false\npassword_file passwd\n"
        "listener 1884\nallow_anonymous true\npassword_file more\n",
    )
    assert plan.settings["allow_anonymous"] == "false"
    texts = [one.text for one in plan.findings if one.source == "allow_anonymous"]
    assert any("differ" in text for text in texts)
    assert [login["login"] for login in plan.logins] == ["alice"]
    assert "password_file" in left_out(plan)


def test_the_files_of_an_included_folder_stand_where_it_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "b.conf").write_text("allow_anonymous true\ninclude_dir /elsewhere\n")
    (folder / "a.conf").write_text("listener 1884\n")
    (folder / "a.conf.off").write_text("listener 1\n")
    plan = planned(tmp_path, "include_dir /etc/mosquitto/conf.d\nallow_anonymous false\n")
    assert plan.settings["listener.tcp.external"] == "1884"
    assert plan.settings["allow_anonymous"] == "false", "the last one holds"
    assert "a.conf, b.conf" in " ".join(one.text for one in plan.findings)
    assert "include_dir" in left_out(plan), "no file that was included includes others"


def test_a_folder_that_is_not_here_is_named(tmp_path: Path) -> None:
    assert "no folder" in told(planned(tmp_path, "port 1884\ninclude_dir /none\n"))["include_dir"]


def test_every_option_of_a_bridge_is_named_with_its_bridge_and_no_secret(tmp_path: Path) -> None:
    plan = planned(
        tmp_path,
        "connection north\naddress north:1883\ntopic # both 0\ntopic a/# out 1\n"
        "remote_password hush\nbridge_cafile /ca.pem\n"
        "connection south\naddress south:1883\n"
        "max_queued_messages 7\nlistener 1884\n",
    )
    assert {one for one in left_out(plan) if one.startswith("connection")} == {
        "connection north: address",
        "connection north: topic",
        "connection north: remote_password",
        "connection north: bridge_cafile",
        "connection south: address",
    }
    assert "hush" not in "".join(plan.report())
    assert plan.settings["zone.external.max_mqueue_len"] == "7"
    assert plan.settings["listener.tcp.external"] == "1884"


@pytest.mark.parametrize(
    "options", ["psk_hint hall\n", "certfile /c.pem\n", "keyfile /k.pem\n", "protocol http_api\n"]
)
def test_a_listener_that_we_cannot_serve_as_it_was_is_left_out(
    tmp_path: Path, options: str
) -> None:
    plan = planned(tmp_path, f"listener 1884\nlistener 8883\n{options}")
    assert "8883" not in plan.settings.values()
    assert "left out" in told(plan)["listener 8883"]


def test_listeners_of_one_port_at_several_addresses_are_all_taken(tmp_path: Path) -> None:
    plan = planned(tmp_path, "".join(f"listener 1884 10.0.0.{one}\n" for one in (1, 2, 3)))
    assert {key: value for key, value in plan.settings.items() if ".tcp." in key} == {
        "listener.tcp.external": "10.0.0.1:1884",
        "listener.tcp.port-1884": "10.0.0.2:1884",
        "listener.tcp.port-1884-2": "10.0.0.3:1884",
    }


OPTIONS = """
acl_file allow_anonymous allow_duplicate_messages allow_zero_length_clientid auth_opt_host auth_plugin
auth_plugin_deny_special_chars auto_id_prefix autosave_interval autosave_on_changes bind_address bind_interface
check_retain_source ciphers clientid_prefixes connection_messages crlfile dhparamfile global_plugin http_dir
log_dest log_facility log_timestamp log_timestamp_format log_type max_inflight_bytes max_inflight_messages
max_keepalive max_packet_size max_qos max_queued_bytes max_queued_messages max_topic_alias memory_limit
message_size_limit mount_point password_file persistence persistence_file persistence_location
persistent_client_expiration pid_file plugin plugin_opt_file psk_file queue_qos0_messages retain_available
retain_expiry_interval retained_persistence retry_interval set_tcp_nodelay socket_domain store_clean_interval
sys_interval tls_engine tls_version upgrade_outgoing_qos use_username_as_clientid user websockets_headers_size
websockets_log_level capath ciphers_tls1.3 tls_keyform tls_engine_kpass_sha1 service_name
"""


@pytest.mark.parametrize("option", OPTIONS.split())
def test_each_option_of_mosquitto_is_taken_or_named_with_advice(
    tmp_path: Path, option: str
) -> None:
    plan = planned(tmp_path, f"port 1884\n{option} 1\n")
    named = {one.source: one.text for one in plan.findings}
    if option == "bind_address":
        assert "listener.tcp.external" in plan.settings
    else:
        assert option in named
        assert "not an option" not in named[option]


def test_an_option_that_nobody_knows_is_named(tmp_path: Path) -> None:
    assert "not an option" in told(planned(tmp_path, "port 1884\ncolour red\n"))["colour"]
