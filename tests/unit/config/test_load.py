"""Settings from defaults, file and environment, and the sentences for what cannot be used."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from app.config import Address, AllowAnonymous, BrokerConfig, Settings, SettingsError, load_settings
from app.config.load import variable_of
from app.config.tree import all_rows


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    return tmp_path


def load(instance: Path, toml: str = "", **environ: str) -> Settings:
    if toml:
        (instance / "godwit.toml").write_text(toml, "utf-8")
    return load_settings({"PATH": "/bin", **environ}, instance)


def refusal(instance: Path, toml: str = "", **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(instance, toml, **environ)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_without_any_source_the_defaults_hold(instance: Path) -> None:
    settings = load(instance)
    assert settings == Settings(instance_dir=instance)
    assert settings.broker == BrokerConfig()
    assert settings.broker.allow_anonymous is AllowAnonymous.LOOPBACK
    assert settings.broker.mqtt.max_packet_size == 1_048_576
    assert settings.node.switch_interval_s == pytest.approx(0.0005)
    assert settings.management.listeners == (Address("0.0.0.0", 8081), Address("0.0.0.0", 8080))


def test_the_default_listeners_are_tcp_1883_and_ws_8083(instance: Path) -> None:
    tcp, ws = load(instance).broker.listeners
    assert (tcp.identifier, str(tcp.address), tcp.max_connections, tcp.acceptors) == (
        "mqtt:tcp:external",
        "0.0.0.0:1883",
        1_024_000,
        8,
    )
    assert (ws.identifier, str(ws.address), ws.max_connections, ws.acceptors, ws.mqtt_path) == (
        "mqtt:ws:external",
        "0.0.0.0:8083",
        102_400,
        4,
        "/mqtt",
    )


def test_the_internal_zone_has_defaults_of_its_own(instance: Path) -> None:
    zones = load(instance).broker.zones
    assert list(zones) == ["external", "internal"]
    assert (zones["external"].max_inflight, zones["internal"].max_inflight) == (32, 128)
    assert (zones["external"].enable_acl, zones["internal"].enable_acl) == (True, False)


def test_quoted_keys_and_tables_mean_the_same(instance: Path) -> None:
    quoted = load(instance, '"zone.external.max_inflight" = 5\n"mqtt.max_packet_size" = "2MB"')
    tables = load(instance, '[zone.external]\nmax_inflight = 5\n[mqtt]\nmax_packet_size = "2MB"')
    assert quoted == tables
    assert quoted.broker.zones["external"].max_inflight == 5


def test_toml_values_need_no_quotes(instance: Path) -> None:
    settings = load(
        instance,
        "allow_anonymous = true\n"
        '"node.switch_interval" = 0.00005\n'
        '"management.listener.http" = ["127.0.0.1:1", "127.0.0.1:2"]\n',
    )
    assert settings.broker.allow_anonymous is AllowAnonymous.TRUE
    assert settings.node.switch_interval_s == pytest.approx(0.00005)
    assert [at.port for at in settings.management.listeners] == [1, 2]


def test_the_environment_wins_over_the_file(instance: Path) -> None:
    settings = load(instance, "mqtt.max_qos_allowed = 1", GODWIT_MQTT__MAX_QOS_ALLOWED="0")
    assert settings.broker.mqtt.max_qos_allowed == 0


def test_the_instance_variable_chooses_the_folder(instance: Path) -> None:
    (instance / "godwit.toml").write_text('"log.level" = "debug"', "utf-8")
    settings = load_settings({"GODWIT_INSTANCE": str(instance)})
    assert settings.instance_dir == instance
    assert settings.log.level == "debug"


def test_a_listener_may_have_several_addresses(instance: Path) -> None:
    settings = load(instance, GODWIT_LISTENER__TCP__EXTERNAL="127.0.0.1:1883,[::1]:1883")
    tcp = [at for at in settings.broker.listeners if at.protocol == "tcp"]
    assert [str(at.address) for at in tcp] == ["127.0.0.1:1883", "[::1]:1883"]


@pytest.mark.parametrize("off", ["", "off"])
def test_a_listener_is_switched_off_by_its_address(instance: Path, off: str) -> None:
    settings = load(
        instance,
        '"listener.ws.external.max_connections" = 5',
        GODWIT_LISTENER__WS__EXTERNAL=off,
    )
    assert [at.protocol for at in settings.broker.listeners] == ["tcp"]


def test_a_listener_of_ones_own_may_use_a_zone_of_ones_own(instance: Path) -> None:
    settings = load(
        instance,
        '"listener.tcp.plant" = 1999\n"listener.tcp.plant.zone" = "plant"\n'
        '"zone.plant.session_expiry_interval" = "infinity"',
    )
    (plant,) = [at for at in settings.broker.listeners if at.name == "plant"]
    assert settings.broker.zones[plant.zone].session_expiry_interval_s == math.inf


def test_the_internal_listener_belongs_to_the_internal_zone(instance: Path) -> None:
    settings = load(instance, '"listener.tcp.internal" = "127.0.0.1:11883"')
    assert settings.broker.listeners[-1].zone == "internal"


def test_an_unknown_key_is_answered_with_the_near_miss(instance: Path) -> None:
    assert refusal(instance, '"mqtt.max_paket_size" = 1') == (
        f"Unknown setting mqtt.max_paket_size in {instance / 'godwit.toml'}: "
        "write mqtt.max_packet_size instead."
    )


def test_an_unknown_variable_is_answered_in_the_environments_spelling(instance: Path) -> None:
    assert refusal(instance, GODWIT_DATABASE_URL="x") == (
        "Unknown setting GODWIT_DATABASE_URL in the environment: "
        "write GODWIT_DATABASE__URL instead."
    )


def test_an_unknown_key_like_no_other_is_to_be_removed(instance: Path) -> None:
    assert "remove it" in refusal(instance, GODWIT_COFFEE="strong")


def test_an_unusable_value_is_answered_with_the_forms_that_are(instance: Path) -> None:
    assert refusal(instance, GODWIT_MQTT__MAX_PACKET_SIZE="1XB") == (
        "Correct mqtt.max_packet_size in the environment: '1XB' is not a size, write a number of "
        "bytes or a form such as 64KB, 1MB or 1GB, from 64 to 256MB."
    )


def test_an_unusable_secret_is_not_repeated(instance: Path) -> None:
    sentence = refusal(instance, GODWIT_DATABASE__URL="oracle://scott:tiger@host/x")
    assert "tiger" not in sentence


def test_secrets_do_not_show_in_the_trees_text(instance: Path) -> None:
    settings = load(
        instance,
        GODWIT_DATABASE__URL="postgresql://scott:tiger@host/x",
        GODWIT_MANAGEMENT__DEFAULT_APPLICATION__SECRET="tigress",
    )
    assert "tig" not in repr(settings)


def test_a_file_that_is_not_toml_is_named(instance: Path) -> None:
    sentence = refusal(instance, "allow_anonymous = maybe")
    assert "godwit.toml, which is not valid TOML" in sentence


def test_a_file_that_is_not_text_is_named(instance: Path) -> None:
    (instance / "godwit.toml").write_bytes(b"\xff\xfe")
    assert "not valid TOML" in refusal(instance)


def test_a_folder_in_the_files_place_is_named(instance: Path) -> None:
    (instance / "godwit.toml").mkdir()
    assert "readable" in refusal(instance)


def test_a_key_given_twice_in_two_spellings_is_refused(instance: Path) -> None:
    sentence = refusal(instance, '"mqtt.max_qos_allowed" = 1\n[mqtt]\nmax_qos_allowed = 2')
    assert "Remove one of the two values of mqtt.max_qos_allowed" in sentence


def test_a_date_is_to_be_written_as_text(instance: Path) -> None:
    assert "as a text in quotes" in refusal(instance, '"node.name" = 2026-01-01')


def test_settings_of_a_listener_without_address_ask_for_one(instance: Path) -> None:
    assert "Give listener.tcp.plant an address" in refusal(
        instance, '"listener.tcp.plant.backlog" = 5'
    )


def test_a_listeners_zone_must_exist(instance: Path) -> None:
    sentence = refusal(instance, '"listener.tcp.external.zone" = "extern"')
    assert "Set listener.tcp.external.zone to a zone that exists (external, internal)" in sentence


def test_a_listeners_name_must_be_plain(instance: Path) -> None:
    assert "with letters, digits" in refusal(instance, '"listener.tcp.a b" = 1999')


def test_two_listeners_on_one_port_are_refused(instance: Path) -> None:
    sentence = refusal(instance, GODWIT_DASHBOARD__LISTENER__HTTP="127.0.0.1:1883")
    assert "different ports" in sentence
    assert "dashboard.listener.http (127.0.0.1:1883)" in sentence


def test_the_database_is_a_file_in_the_instance_folder_by_default(instance: Path) -> None:
    assert load(instance).database_url == f"sqlite:///{instance}/godwit.db"


def test_every_key_is_declared_once() -> None:
    keys = [row.key for row in all_rows()]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("key", [row.key for row in all_rows() if "$" not in row.key])
def test_every_plain_key_can_be_set_from_the_environment(instance: Path, key: str) -> None:
    (row,) = [row for row in all_rows() if row.key == key]
    load(instance, **{variable_of(key): row.default})


def test_shared_groups_may_have_strategies_of_their_own(instance: Path) -> None:
    settings = load(
        instance,
        '"broker.shared_subscription_strategy" = "sticky"\n'
        '"broker.jobs.shared_subscription_strategy" = "round_robin"\n'
        '"broker.a.b.shared_subscription_strategy" = "hash_topic"',
    )
    assert settings.broker.shared_subscription_strategy == "sticky"
    assert settings.broker.shared_groups == {"jobs": "round_robin", "a.b": "hash_topic"}


def test_an_unknown_strategy_of_a_group_is_refused(instance: Path) -> None:
    sentence = refusal(instance, '"broker.jobs.shared_subscription_strategy" = "fair"')
    assert "broker.jobs.shared_subscription_strategy" in sentence
    assert "round_robin" in sentence


def test_parameters_of_plugins_and_modules_are_kept_as_texts(instance: Path) -> None:
    settings = load(
        instance,
        'auth.mnesia.password_hash = "md5"\n"rewrite.pub.rule.b" = "x/# ^x$ y"\nmodule.presence.qos = 2',
    )
    assert dict(settings.extensions) == {
        "auth.mnesia.password_hash": "md5",
        "rewrite.pub.rule.b": "x/# ^x$ y",
        "module.presence.qos": "2",
    }


def test_a_parameter_that_cannot_be_read_is_refused(instance: Path) -> None:
    assert "auth.mnesia.password_hash" in refusal(instance, 'auth.mnesia.password_hash = "rot13"')


def test_a_rewrite_rule_that_cannot_be_read_is_refused(instance: Path) -> None:
    for pattern in ("(", "(?<=x)y"):
        sentence = refusal(instance, f'"rewrite.pub.rule.1" = "x/# {pattern} y"')
        assert "rewrite.pub.rule.1" in sentence
        assert "FILTER REGEX TARGET" in sentence
        assert "RE2" in sentence
