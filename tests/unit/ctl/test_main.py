"""The words of `godwit ctl`, without a node."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from app.cli import godwit
from app.ctl.main import ctl

EMQX_WORDS = (
    "status",
    "broker",
    "broker stats",
    "broker metrics",
    "cluster join",
    "cluster leave",
    "cluster force-leave",
    "cluster status",
    "clients list",
    "clients show",
    "clients kick",
    "routes list",
    "routes show",
    "subscriptions list",
    "subscriptions show",
    "subscriptions add",
    "subscriptions del",
    "plugins list",
    "plugins load",
    "plugins unload",
    "plugins reload",
    "modules list",
    "modules load",
    "modules unload",
    "modules reload",
    "listeners",
    "listeners stop",
    "listeners restart",
    "vm",
    "mnesia",
    "trace list",
    "trace start",
    "trace stop",
    "log set-level",
    "log primary-level",
    "mgmt list",
    "mgmt insert",
    "mgmt update",
    "mgmt lookup",
    "mgmt delete",
    "admins add",
    "admins passwd",
    "admins del",
    "data export",
    "data import",
    "acl cache-clean",
    "retainer info",
    "retainer topics",
    "retainer clean",
    "rules list",
    "rules show",
    "rules create",
    "rules update",
    "rules delete",
    "rule-actions list",
    "rule-actions show",
    "resources list",
    "resources show",
    "resources create",
    "resources update",
    "resources delete",
    "resource-types list",
    "resource-types show",
    "bridges list",
    "bridges start",
    "bridges stop",
    "bridges forwards",
    "bridges add-forward",
    "bridges del-forward",
    "bridges subscriptions",
    "bridges add-subscription",
    "bridges del-subscription",
)
"""What emqx_ctl 4.4 knows and a Godwit node has, too."""


@pytest.fixture(autouse=True)
def empty_instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GODWIT_INSTANCE", str(tmp_path))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(godwit, ["ctl", *arguments])


def command_of(words: str) -> click.Command:
    found: click.Command = ctl
    for word in words.split():
        assert isinstance(found, click.Group)
        found = found.commands[word]
    return found


@pytest.mark.parametrize("words", EMQX_WORDS)
def test_every_command_of_emqx_is_known_and_says_what_it_does(words: str) -> None:
    assert command_of(words).get_short_help_str()


def test_help_lists_every_command_in_the_layout_of_emqx() -> None:
    lines = run("help").output.splitlines()
    assert any(re.fullmatch(r"clients show <CLIENTID> +# Show a client\.", one) for one in lines)
    assert len({line.index("# ") for line in lines}) == 1
    for words in EMQX_WORDS:
        assert any(line.startswith(words) for line in lines), words


def test_help_for_programs_is_one_object() -> None:
    assert json.loads(run("help", "--json").output)["clients list"] == "List all clients."


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["clients"],
        ["clients", "nonsense"],
        ["clients", "show"],
        ["clients", "list", "too", "many"],
        ["subscriptions", "add", "c1", "t", "3"],
        ["log", "set-level", "loud"],
        ["acl", "cache-clean", "node"],
        ["acl", "cache-clean", "c1", "c2"],
        ["banned", "add", "address", "10.0.0.1"],
        ["banned", "add", "clientid", "c1", "--forever", "--seconds", "5"],
        ["data", "import", "file", "--env", "[]"],
        ["trace", "start", "client", "c1", "file.log"],
        ["rules", "create", "SELECT 1", "{}"],
        ["rules", "create", "SELECT 1", "[]", "-e", "perhaps"],
        ["resources", "create", "web_hook", "-c", "[]"],
        ["--url", "http://h:8081", "status"],
    ],
)
def test_words_that_make_no_command_end_with_2(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("words", ["status", "clients list", "data export", "publish t hello"])
def test_without_a_node_every_command_ends_with_3_and_a_sentence(
    words: str, tmp_path: Path
) -> None:
    ended = run(*words.split())
    assert ended.exit_code == 3
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"No node runs in {tmp_path}: start it with `make run`")


@pytest.mark.parametrize("order", [["--json", "status"], ["status", "--json"]])
def test_a_program_gets_a_refusal_as_one_value(order: list[str]) -> None:
    ended = run(*order)
    assert ended.exit_code == 3
    assert "No node runs" in json.loads(ended.stdout)["error"]


@pytest.mark.parametrize("words", ["join n@h", "leave", "force-leave n@h"])
def test_a_node_is_a_cluster_of_its_own_and_says_so(words: str) -> None:
    ended = run("cluster", *words.split())
    assert ended.exit_code == 1
    assert "a Godwit node is a cluster of its own" in ended.stderr


def test_a_file_at_the_start_of_a_trace_is_shown_its_place() -> None:
    ended = run("trace", "start", "client", "c1", "c1.log")
    assert "`trace stop client c1 c1.log` will fetch it" in ended.stderr


def test_every_command_takes_json_behind_its_words() -> None:
    def without(group: click.Group, words: tuple[str, ...]) -> Iterator[str]:
        for name, command in group.commands.items():
            if "--json" not in {option for one in command.params for option in one.opts}:
                yield " ".join((*words, name))
            if isinstance(command, click.Group):
                yield from without(command, (*words, name))

    assert list(without(ctl, ())) == []
