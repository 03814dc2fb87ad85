"""The command line."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import EMQX_DATA, IMPORT_KINDS, godwit
from app.config.page import configuration_page
from app.importers.kinds import READERS
from app.startup import LOCK_FILE, InstanceLock

ROOT = Path(__file__).resolve().parents[2]
YAML = "listeners: {default: {type: tcp, bind: 1999}}\nsys_interval: 10\n"


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GODWIT_INSTANCE", str(tmp_path / "instance"))
    return tmp_path / "instance"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(godwit, arguments)


def test_every_command_says_what_it_does() -> None:
    listing = run("--help").output
    for name, command in godwit.commands.items():
        assert name in listing
        assert command.help


def test_config_docs_prints_the_page() -> None:
    assert run("config-docs").output == configuration_page()


def test_an_import_without_write_changes_nothing(instance: Path, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(YAML, "utf-8")
    ended = run("import-hbmqtt", str(tmp_path / "b.yaml"))
    assert ended.exit_code == 0
    assert 'listener.tcp.external = "0.0.0.0:1999"' in ended.output
    assert "Nothing was changed" in ended.output
    assert not instance.exists()


def test_an_import_with_write_makes_the_file(instance: Path, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(YAML, "utf-8")
    ended = run("import-hbmqtt", str(tmp_path / "b.yaml"), "--write")
    assert f"Wrote 3 settings to {instance / 'godwit.toml'}." in ended.output
    again = run("import-hbmqtt", str(tmp_path / "b.yaml"), "--write")
    assert "Kept as godwit.toml has them: listener.tcp.external" in again.output
    assert "Wrote 0 settings" in again.output


@pytest.mark.usefixtures("instance")
def test_an_import_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    ended = run("import-hbmqtt", str(tmp_path / "none.yaml"))
    assert ended.exit_code == 1
    assert "Error: Give a file that can be read" in ended.output


@pytest.mark.usefixtures("instance")
def test_prepare_ends_with_one_sentence_where_a_setting_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GODWIT_COFFEE", "strong")
    ended = run("prepare")
    assert ended.exit_code == 3
    assert ended.stderr.count("\n") == 1
    assert "Unknown setting GODWIT_COFFEE" in ended.stderr


def test_the_command_line_loads_nothing_that_it_does_not_need() -> None:
    code = "import sys, app.cli; print({'flask', 'sqlalchemy', 'yaml'} & set(sys.modules))"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "set()"


class TestBackup:
    @pytest.fixture
    def passphrase(self, tmp_path: Path) -> Path:
        (tmp_path / "passphrase").write_text("correct horse battery\n", "utf-8")
        return tmp_path / "passphrase"

    def test_a_backup_asks_for_a_decision_about_secrets(
        self, instance: Path, tmp_path: Path, passphrase: Path
    ) -> None:
        both = ("--same-key", "--passphrase-file", str(passphrase))
        for options in ((), both):
            ended = run("backup", str(tmp_path / "b"), *options)
            assert ended.exit_code == 2
            assert "Choose what protects the secrets" in ended.output
        assert not instance.exists()

    @pytest.mark.usefixtures("instance")
    def test_what_was_saved_is_restored_after_a_question(
        self, tmp_path: Path, passphrase: Path
    ) -> None:
        option = ("--passphrase-file", str(passphrase))
        run("restore", str(tmp_path / "none"))  # brings the database to its tables
        saved = run("backup", str(tmp_path / "b"), *option)
        assert saved.output.endswith(f"Saved 0 rows to {tmp_path / 'b'}.\n")
        asked = CliRunner().invoke(godwit, ["restore", str(tmp_path / "b"), *option], input="n\n")
        assert "Replace everything that this instance has now?" in asked.output
        assert asked.exit_code == 1
        restored = run("restore", str(tmp_path / "b"), *option, "--yes")
        assert restored.output.endswith(f"Restored 0 rows from {tmp_path / 'b'}.\n")

    def test_a_restore_waits_until_the_node_is_stopped(
        self, instance: Path, tmp_path: Path
    ) -> None:
        instance.mkdir()
        lock = InstanceLock(instance / LOCK_FILE)
        lock.acquire()
        ended = run("restore", str(tmp_path / "b"), "--yes")
        lock.release()
        assert ended.exit_code == 1
        assert "Stop the node that uses the instance folder" in ended.output

    @pytest.mark.usefixtures("instance")
    def test_what_cannot_be_is_one_sentence(self, tmp_path: Path, passphrase: Path) -> None:
        ended = run("backup", str(tmp_path / "b"), "--same-key")
        assert "bring the database to the tables" in ended.output
        passphrase.write_text("short", "utf-8")
        ended = run("backup", str(tmp_path / "b"), "--passphrase-file", str(passphrase))
        assert "at least 12 characters" in ended.output
        (tmp_path / "b").write_bytes(b"x")
        ended = run("restore", str(tmp_path / "b"), "--yes")
        assert (
            ended.output
            == f"Error: {tmp_path / 'b'} is damaged or not complete: use another backup.\n"
        )


class TestImport:
    def test_every_kind_has_a_reader(self) -> None:
        assert {EMQX_DATA, *READERS} == set(IMPORT_KINDS)

    def test_without_yes_nothing_is_changed(self, instance: Path, tmp_path: Path) -> None:
        (tmp_path / "emqx.conf").write_text("node.name = emqx@10.0.0.5\n", "utf-8")
        ended = run("import", "emqx-conf", str(tmp_path / "emqx.conf"))
        assert 'node.name: node.name = "emqx@10.0.0.5"' in ended.output
        assert ended.output.endswith("Nothing was changed; add --yes to write what is taken.\n")
        assert list(instance.iterdir()) == []

    def test_settings_logins_and_files_are_written_with_yes(
        self, instance: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "m.conf").write_text("port 1884\npassword_file passwd\n", "utf-8")
        (tmp_path / "passwd").write_text("alice:geheim\n", "utf-8")
        (tmp_path / "acl.conf").write_text("{deny, all}.\n", "utf-8")
        assert run("import", "mosquitto-conf", str(tmp_path / "m.conf"), "--yes").exit_code == 0
        assert run("import", "acl-conf", str(tmp_path / "acl.conf"), "--yes").exit_code == 0
        assert '"listener.tcp.external" = "1884"' in (instance / "godwit.toml").read_text("utf-8")
        assert (instance / "acl.conf").read_text("utf-8") == "{deny, all}.\n"
        with sqlite3.connect(instance / "godwit.db") as connection:
            (login,) = connection.execute("SELECT kind, login FROM mqtt_credentials")
            noted = connection.execute("SELECT actor_kind, action FROM audit_log").fetchall()
        connection.close()
        assert login == ("username", "alice")
        assert noted == [
            ("cli", "data.import"),
            ("cli", "settings.import"),
            ("cli", "settings.import"),
        ]

    @pytest.mark.usefixtures("instance")
    def test_an_export_of_emqx_is_compared_first_and_imported_then(self, tmp_path: Path) -> None:
        app = {"id": "a", "secret": "s", "name": "n", "status": True}
        text = json.dumps({"version": "4.3", "apps": [app]})
        (tmp_path / "export.json").write_text(text, "utf-8")
        run("restore", str(tmp_path / "none"))  # brings the database to its tables
        for options in ((), ("--yes",)):
            ended = run("import", "emqx-data", str(tmp_path / "export.json"), *options)
            assert (
                "apps: 1 added, 0 changed, 0 the same, 0 said twice\n  added: a\n" in ended.output
            )
        again = run("import", "emqx-data", str(tmp_path / "export.json"))
        assert "apps: 0 added, 0 changed, 1 the same" in again.output

    @pytest.mark.usefixtures("instance")
    def test_what_logins_of_old_files_are_is_given_beside_them(self, tmp_path: Path) -> None:
        login = {"login": "l", "password": "c2FsdHB3"}
        text = json.dumps({"version": "4.1", "auth_mnesia": [login]})
        (tmp_path / "old.json").write_text(text, "utf-8")
        refused = run("import", "emqx-data", str(tmp_path / "old.json"), "--yes")
        assert "is of the form before 4.3" in refused.output
        option = ("--logins-are", "clientid", "--yes")
        ended = run("import", "emqx-data", str(tmp_path / "old.json"), *option)
        assert "added: clientid l" in ended.output

    def test_rules_that_are_there_are_not_overwritten(self, instance: Path, tmp_path: Path) -> None:
        instance.mkdir()
        (instance / "acl.conf").write_text("{allow, all}.\n", "utf-8")
        (tmp_path / "acl.conf").write_text("{deny, all}.\n", "utf-8")
        ended = run("import", "acl-conf", str(tmp_path / "acl.conf"), "--yes")
        assert ended.exit_code == 1
        assert "is there already and says other things" in ended.output
        assert (instance / "acl.conf").read_text("utf-8") == "{allow, all}.\n"

    @pytest.mark.parametrize(
        ("kind", "content", "sentence"),
        [
            ("emqx-data", '{"version":"4.4","apps":1}', "apps is no array"),
            ("emqx-data", '{"version":"9"}', "Files of version 9"),
            ("emqx-data", "{", "the file is no JSON"),
            ("emqx-conf", "", "Give an emqx.conf"),
            (
                "emqx-conf",
                "zone.x.enable_ban = on\nlistener.tcp.x.zone = none",
                "Give listener.tcp.x",
            ),
        ],
    )
    @pytest.mark.usefixtures("instance")
    def test_what_cannot_be_imported_is_one_sentence(
        self, tmp_path: Path, kind: str, content: str, sentence: str
    ) -> None:
        run("restore", str(tmp_path / "none"))  # brings the database to its tables
        (tmp_path / "file").write_text(content, "utf-8")
        for options in ((), ("--yes",)):
            ended = run("import", kind, str(tmp_path / "file"), *options)
            assert ended.exit_code == 1
            assert f"Error: {sentence}" in ended.output
