"""What older exports become."""

from __future__ import annotations

from typing import Any

import pytest

from app.services.data_conversions import converted


def a_document(config: Any, action: Any = None, kind: str = "web_hook") -> dict[str, Any]:
    actions = [] if action is None else [action]
    return {
        "version": "4.1",
        "resources": [{"id": "r", "type": kind, "config": config}],
        "rules": [{"id": "x", "actions": actions}],
    }


def config_of(document: Any) -> Any:
    return document["resources"][0]["config"]


def action_of(document: Any) -> Any:
    return document["rules"][0]["actions"][0]


@pytest.mark.parametrize(
    ("given", "timeout"), [({}, "5s"), ({"connect_timeout": 7}, "7s"), ({"connect_timeout": "9s"}, "9s")]
)  # fmt: skip
def test_timeouts_of_old_web_hooks_get_their_unit(given: dict[str, Any], timeout: str) -> None:
    after = config_of(converted(a_document({"url": "u", "method": "PUT", **given})))
    assert (after["connect_timeout"], after["request_timeout"], after["pool_size"]) == (timeout, "5s", 8)  # fmt: skip


def test_web_hooks_of_the_new_form_stay_as_they_are() -> None:
    document = a_document({"url": "u", "pool_size": 3}, {"name": "data_to_webserver", "args": {}})
    assert converted(document) == document


@pytest.mark.parametrize(("ssl", "after"), [("on", True), ("off", False), (True, True)])
def test_bridges_get_a_switch_and_a_pool(ssl: object, after: bool) -> None:
    config = config_of(converted(a_document({"ssl": ssl}, kind="bridge_mqtt")))
    assert config == {"ssl": after, "pool_size": 8}


def test_actions_and_their_fallbacks_take_over_what_the_resource_said() -> None:
    args = {"$resource": "r", "payload_tmpl": "${payload}"}
    fallback = {"name": "data_to_webserver", "args": args}
    action = {"name": "inspect", "args": {}, "fallbacks": [fallback]}
    document = a_document({"headers": {"h": "v"}, "content_type": "t/p"}, action)
    assert action_of(converted(document))["fallbacks"] == [
        {
            "name": "data_to_webserver",
            "args": {
                "$resource": "r",
                "method": "POST",
                "headers": {"h": "v", "content-type": "t/p"},
                "body": "${payload}",
            },
        }
    ]


def test_kafka_s_strategy_has_its_new_name() -> None:
    action = {"name": "data_to_kafka", "args": {"strategy": "first_key_dispatch"}}
    after = action_of(converted(a_document({}, action, "bridge_kafka")))
    assert after["args"]["strategy"] == "key_dispatch"


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"resources": 1, "rules": []},
        {"resources": [1, {"type": "web_hook"}], "rules": [2, {"actions": [3, {"args": 4}]}]},
    ],
)
def test_what_is_no_document_is_left_to_those_who_check(document: dict[str, Any]) -> None:
    assert converted(document) == document
