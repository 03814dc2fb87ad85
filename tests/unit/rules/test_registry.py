"""Which kinds there are, and what each tells of itself."""

from __future__ import annotations

import pytest

from app.rules.actions.base import ActionType
from app.rules.registry import ACTION_TYPES, RESOURCE_TYPES, Registry
from app.rules.resources.base import ResourceType


def test_kinds_come_and_go_with_their_plugins() -> None:
    registry = Registry()
    ours = {one.name for one in registry.actions()}
    assert ours >= {"do_nothing", "inspect", "republish", "data_to_pgsql", "data_to_file"}
    assert ours.isdisjoint({"data_to_webserver", "data_to_mqtt_broker"})
    types = registry.resource_types()
    assert registry.resource_type("web_hook") is None
    registry.provide("emqx_web_hook")
    assert registry.resource_type("web_hook") is not None
    assert registry.action("data_to_webserver") is not None
    assert registry.action("data_to_mqtt_broker") is None
    registry.withdraw("emqx_web_hook")
    assert registry.resource_types() == types


@pytest.mark.parametrize("kind", [*ACTION_TYPES, *RESOURCE_TYPES], ids=lambda kind: kind.name)
def test_every_text_is_there_in_both_languages(kind: ActionType | ResourceType) -> None:
    for words in (kind.title, kind.description):
        assert words.en and words.zh
    for param in kind.params:
        assert param.title.en and param.title.zh
        assert param.description.en.endswith(".") and param.description.zh


@pytest.mark.parametrize("kind", [*ACTION_TYPES, *RESOURCE_TYPES], ids=lambda kind: kind.name)
def test_defaults_are_values_that_would_be_taken(kind: ActionType | ResourceType) -> None:
    given = {
        param.name: param.default if param.has_default else "http://h"
        for param in kind.params
        if param.has_default or param.required
    }
    assert kind.checked(given) == given


@pytest.mark.parametrize("action", ACTION_TYPES, ids=lambda kind: kind.name)
def test_an_action_that_needs_a_resource_names_kinds_that_there_are(action: ActionType) -> None:
    assert set(action.types) <= {one.name for one in RESOURCE_TYPES}
    assert bool(action.types) == ("$resource" in [param.name for param in action.params])
