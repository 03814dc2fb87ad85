"""States and parameters of plugins and modules, on every database."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from app.config.kinds import any_text, whole
from app.config.table import Setting
from app.errors import ResultCode, ServiceError
from app.models import Database, ExtensionState
from app.node.proxy import Nodes
from app.plugins import Context, ExtensionError, Plugin
from app.plugins.acl_internal import AclInternal
from app.plugins.node_parts import Reloader
from app.plugins.registry import Registry
from app.secret_box import SecretBox
from app.services.extensions import Extensions
from app.services.masking import MASK
from app.services.modules import ModulesService
from app.startup import StartError
from tests.harness.fake_door import FakeDoor

KIND, NAME = "plugin", "watchman"


class Watchman(Plugin):
    """Keeps what it was loaded with."""

    name = NAME
    description = "Watches"
    parameters = (
        Setting("watchman.rounds", whole(1, 9), "2", "How many rounds."),
        Setting("watchman.password", any_text, "", "His password.", secret=True),
    )

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.failure = ""

    def load(self, context: Context) -> None:
        if self.failure:
            raise ExtensionError(self.failure)
        self.seen.append(dict(context.config))


class Guard(Watchman):
    """One without whom nobody may be let in."""

    name = "guard"
    guards = True


class House:
    """A node that can be started again."""

    def __init__(self, database: Database, folder: Path, **settings: str) -> None:
        self.database = database
        self.box = SecretBox(folder)
        self.settings = {key.replace("_", ".", 1): text for key, text in settings.items()}
        self.restart()

    def restart(self) -> None:
        self.plugin, self.guard = Watchman(), Guard()
        registry = Registry([self.plugin, self.guard])
        self.door = FakeDoor()
        self.extensions = Extensions(
            self.database, self.box, self.door, registry, "godwit@127.0.0.1", self.settings
        )

    def start(self) -> None:
        self.restart()
        self.extensions.load_at_start()

    def code(self, call: Any, *args: Any) -> ResultCode:
        with pytest.raises(ServiceError) as refused:
            call(*args)
        return refused.value.code


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return House(database, tmp_path)


def test_what_was_loaded_runs_after_a_restart_and_what_was_unloaded_does_not(house: House) -> None:
    house.extensions.load(KIND, NAME)
    assert house.extensions.is_loaded(house.plugin)
    house.start()
    assert house.extensions.is_loaded(house.plugin)
    house.extensions.unload(KIND, NAME)
    house.start()
    assert not house.extensions.is_loaded(house.plugin)


def test_twice_is_refused_with_emqx_s_codes_and_nobody_with_not_found(house: House) -> None:
    extensions = house.extensions
    assert house.code(extensions.unload, KIND, NAME) is ResultCode.PLUGIN_NOT_LOADED
    extensions.load(KIND, NAME)
    assert house.code(extensions.load, KIND, NAME) is ResultCode.PLUGIN_ALREADY_LOADED
    assert house.code(extensions.load, KIND, "nobody") is ResultCode.NOT_FOUND
    assert house.code(extensions.load, "module", NAME) is ResultCode.NOT_FOUND


def test_one_that_fails_to_load_is_not_kept(house: House) -> None:
    house.plugin.failure = "no water"
    with pytest.raises(ServiceError, match="no water"):
        house.extensions.load(KIND, NAME)
    house.start()
    assert not house.extensions.is_loaded(house.plugin)


def test_a_reload_loads_what_is_stopped(house: House) -> None:
    house.extensions.reload(KIND, NAME)
    house.extensions.reload(KIND, NAME)
    assert len(house.plugin.seen) == 2


def test_parameters_are_defaults_then_settings_then_changes(
    database: Database, tmp_path: Path
) -> None:
    house = House(database, tmp_path, watchman_rounds="3")
    house.extensions.load(KIND, NAME)
    assert house.plugin.seen[-1]["watchman.rounds"] == 3
    house.extensions.configure(KIND, NAME, {"watchman.rounds": 4})
    assert house.plugin.seen[-1]["watchman.rounds"] == 4
    house.start()
    assert house.plugin.seen[-1]["watchman.rounds"] == 4
    house.extensions.configure(KIND, NAME, {"watchman.rounds": None})
    assert house.plugin.seen[-1]["watchman.rounds"] == 3


@pytest.mark.parametrize(
    "changes", [{"watchman.rounds": 10}, {"watchman.round": 1}, {"watchman.rounds": []}]
)
def test_a_value_that_is_none_changes_nothing(house: House, changes: dict[str, object]) -> None:
    house.extensions.load(KIND, NAME)
    assert house.code(house.extensions.configure, KIND, NAME, changes) is ResultCode.BAD_PARAMETER
    assert len(house.plugin.seen) == 1


def test_secrets_are_sealed_and_never_shown(house: House) -> None:
    house.extensions.configure(KIND, NAME, {"watchman.password": "open sesame"})
    with house.database.reading() as session:
        row = session.scalars(select(ExtensionState)).one()
        assert "sesame" not in (row.config_encrypted or "")
        assert row.active is False
    shown = {one.key: one.value for one in house.extensions.parameters(KIND, NAME)}
    assert shown == {"watchman.rounds": "2", "watchman.password": MASK}
    house.extensions.configure(KIND, NAME, shown)
    house.extensions.load(KIND, NAME)
    assert house.plugin.seen[-1]["watchman.password"] == "open sesame"


def test_a_node_does_not_start_without_its_guard_but_without_others(house: House) -> None:
    house.extensions.load(KIND, NAME)
    house.extensions.load(KIND, "guard")
    house.restart()
    house.plugin.failure = "ill"
    house.extensions.load_at_start()
    house.restart()
    house.guard.failure = "ill"
    with pytest.raises(StartError, match="guard cannot be loaded: ill"):
        house.extensions.load_at_start()


def test_changed_access_rules_are_read_again_while_the_reloader_runs(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, door = tmp_path / "acl.conf", FakeDoor()
    registry = Registry([Reloader(), AclInternal(file)])
    node = "godwit@127.0.0.1"
    extensions = Extensions(database, SecretBox(tmp_path), door, registry, node, {})
    modules = ModulesService(cast("Nodes", None), extensions)

    def may_publish() -> object:
        return door.playbook.core.access.may(
            door.playbook.connect("c").channel.client, "publish", "t"
        )

    def writes(text: str, changed_s: int) -> None:
        file.write_text(text, "utf-8")
        os.utime(file, (changed_s, changed_s))

    writes("{allow, all}.", 1)
    extensions.load_at_start()
    writes("{deny, all}.", 2)
    modules.read_changed(now_s=0)
    assert may_publish() is True
    extensions.load("plugin", Reloader.name)
    modules.read_changed(now_s=1)
    assert may_publish() is False
    writes("{allow, all}.", 3)
    modules.read_changed(now_s=60)
    assert may_publish() is False
    modules.read_changed(now_s=61)
    assert may_publish() is True
    extensions.configure("plugin", Reloader.name, {"reloader.interval": "5s"})
    writes("{deny, all}.", 4)
    modules.read_changed(now_s=66)
    assert may_publish() is False
    writes("{allow, nobody}.", 5)
    for now_s in (100, 200):
        modules.read_changed(now_s=now_s)
    assert may_publish() is False
    assert caplog.text.count("The access rules stay as they were") == 1
