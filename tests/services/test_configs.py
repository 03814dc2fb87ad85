"""Settings that are changed while a node runs, on every database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from app.clock import FakeClock
from app.config import ManagementSettings, Settings, load_settings
from app.errors import ServiceError
from app.models import ConfigOverride, Database
from app.services.audit import AuditQuery, AuditService
from app.services.configs import ConfigsService
from app.services.masking import MASK

LEVELS = "mqtt.max_topic_levels"
ENVIRONMENT = {"GODWIT_MQTT__MAX_TOPIC_LEVELS": "9"}

Start = Callable[..., tuple[ConfigsService, Settings]]


@pytest.fixture
def start(database: Database, tmp_path: Path) -> Start:
    def start(
        environ: Mapping[str, str] | None = None, file: str = ""
    ) -> tuple[ConfigsService, Settings]:
        (tmp_path / "godwit.toml").write_text(file)
        settings = load_settings(environ or {}, tmp_path)
        configs = ConfigsService(database, FakeClock(), settings, environ or {})
        configs.apply_stored()
        return configs, settings

    return start


def refused(call: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(ServiceError) as caught:
        call(*arguments)
    return caught.value.message


def test_a_change_is_in_force_at_once_and_after_the_next_start(start: Start) -> None:
    configs, settings = start(file=f"{LEVELS} = 5")
    assert (configs.get(LEVELS).value, configs.get(LEVELS).source) == ("5", "file")
    configs.update({LEVELS: 7})
    assert settings.broker.mqtt.max_topic_levels == 7
    configs, settings = start(file=f"{LEVELS} = 5")
    assert settings.broker.mqtt.max_topic_levels == 7
    assert (configs.get(LEVELS).value, configs.get(LEVELS).source) == ("7", "override")


def test_the_environment_is_stronger(start: Start) -> None:
    start()[0].update({LEVELS: "7"})
    configs, settings = start(ENVIRONMENT)
    assert settings.broker.mqtt.max_topic_levels == 9
    assert configs.get(LEVELS).source == "environment"
    assert "GODWIT_MQTT__MAX_TOPIC_LEVELS in the environment" in refused(
        configs.update, {LEVELS: "8"}
    )


def test_a_change_that_is_taken_back_gives_way_to_the_file(start: Start) -> None:
    configs, settings = start(file=f"{LEVELS} = 5")
    configs.update({LEVELS: "7"})
    configs.reset(LEVELS)
    assert settings.broker.mqtt.max_topic_levels == 5
    assert start(file=f"{LEVELS} = 5")[0].get(LEVELS).source == "file"
    configs.reset(LEVELS)


def test_what_needs_a_restart_is_told(start: Start) -> None:
    configs, _ = start()
    message = refused(configs.update, {"management.listener.http": "1"})
    assert message.startswith("management.listener.http needs a restart")
    assert "GODWIT_MANAGEMENT__LISTENER__HTTP" in message
    assert refused(configs.reset, "node.name").startswith("node.name needs a restart")


@pytest.mark.parametrize(
    "values",
    [{LEVELS: "x"}, {LEVELS: [1]}, {LEVELS: None}, {LEVELS: ""}, {"no.such": "1"}, {"\0": "1"}],
)
def test_all_is_changed_or_nothing(start: Start, values: dict[str, object]) -> None:
    configs, settings = start()
    before = configs.list()
    refused(configs.update, {"mqtt.retain_available": False, **values})
    assert configs.list() == before
    assert settings.broker.mqtt.retain_available is True
    assert start()[0].list() == before


def test_json_true_and_false_are_switches(start: Start) -> None:
    configs, settings = start()
    configs.update({"mqtt.retain_available": False})
    assert settings.broker.mqtt.retain_available is False
    assert configs.get("mqtt.retain_available").value == "false"


def test_a_kept_change_that_no_longer_fits_is_left_out_with_a_warning(
    start: Start, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with database.session() as session:
        for key, value in ((LEVELS, "x"), ("gone.key", "1"), ("node.name", "x@y")):
            session.add(ConfigOverride(key=key, value=value, at=1, by="admin"))
    configs, _ = start()
    assert configs.get(LEVELS).source == "default"
    assert len(caplog.records) == 3


def test_secrets_are_masked(start: Start) -> None:
    environ = {"GODWIT_NODE__SECRET_KEY": "a secret of 16 characters"}
    configs, _ = start(environ)
    assert configs.get("node.secret_key").value == MASK
    assert "a secret of" not in repr(configs.list())


def test_changes_are_in_the_audit_log(start: Start, database: Database) -> None:
    configs, _ = start()
    configs.update({LEVELS: "7"})
    configs.reset(LEVELS)
    log = AuditService(database, FakeClock(), ManagementSettings())
    entries, _ = log.list(AuditQuery(target=LEVELS), 1, 10)
    assert [(entry.action, entry.after) for entry in entries] == [
        ("config.reset", {"value": configs.get(LEVELS).default}),
        ("config.update", {"value": "7"}),
    ]
