"""Names, parameters, and the plugins of installed packages."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from app.config.kinds import any_text, whole
from app.config.table import Setting
from app.plugins import Context, ExtensionError, Module, Plugin
from app.plugins.registry import GROUP, Registry, installed_plugins, read_config


class Greeter(Plugin):
    name = "greeter"
    description = "Greets"
    parameters = (
        Setting("greeter.times", whole(1, 9), "2", "How often."),
        Setting("greeter.password", whole(1, 9), "1", "A secret.", secret=True),
        Setting("greeter.word.$name", any_text, "", "Words."),
    )

    def load(self, context: Context) -> None:
        """Do nothing."""


class GreeterModule(Module):
    name = "greeter"
    description = "Greets"

    def load(self, context: Context) -> None:
        """Do nothing."""


def test_plugins_and_modules_have_names_of_their_own() -> None:
    plugin, module = Greeter(), GreeterModule()
    registry = Registry([plugin, module])
    assert registry.find("plugin", "greeter") is plugin
    assert registry.find("module", "greeter") is module
    assert (registry.plugins(), registry.modules()) == ([plugin], [module])
    assert registry.find("plugin", "nobody") is None


class Mnesia(Plugin):
    name = "emqx_auth_mnesia"


class Username(Plugin):
    name = "emqx_auth_username"


def test_a_plugin_is_found_by_the_names_of_those_that_it_replaces() -> None:
    successor, own = Mnesia(), Username()
    registry = Registry([successor])
    for name in ("emqx_auth_mnesia", "emqx_auth_username", "emqx_auth_clientid"):
        assert registry.find("plugin", name) is successor
    assert registry.find("module", "emqx_auth_username") is None
    registry.add(own)
    assert registry.find("plugin", "emqx_auth_username") is own
    assert registry.plugins() == [successor, own]


def test_a_name_is_given_once() -> None:
    with pytest.raises(ExtensionError, match="two plugins called greeter"):
        Registry([Greeter(), Greeter()])


def test_values_are_defaults_and_what_is_given_in_their_place() -> None:
    given = {"greeter.times": "5", "greeter.word.first": "hello"}
    assert read_config(Greeter(), given) == {
        "greeter.times": 5,
        "greeter.password": 1,
        "greeter.word.first": "hello",
    }


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("greeter.time", "1", "greeter has no parameter greeter.time."),
        ("greeter.times", "x", "greeter.times: 'x' is not a whole number in range"),
        ("greeter.password", "hush", "greeter.password: its value is not a whole number in range"),
        ("greeter.word.a.b", "1", "greeter has no parameter greeter.word.a.b."),
    ],
)
def test_what_no_parameter_takes_is_refused_and_secrets_are_not_repeated(
    key: str, text: str, sentence: str
) -> None:
    with pytest.raises(ExtensionError) as refused:
        read_config(Greeter(), {key: text})
    assert str(refused.value).startswith(sentence)


def test_packages_offer_plugins_and_a_broken_one_is_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    points = [
        EntryPoint("greeter", f"{__name__}:Greeter", GROUP),
        EntryPoint("broken", "no_such_module:Thing", GROUP),
        EntryPoint("alien", "builtins:object", GROUP),
    ]
    found = installed_plugins([EntryPoint("x", "tests.unit.plugins.test_registry:Greeter", GROUP)])
    assert [type(one).__name__ for one in found] == ["Greeter"]
    assert installed_plugins(points[1:]) == []
    assert "broken" in caplog.text
    assert "alien" in caplog.text
