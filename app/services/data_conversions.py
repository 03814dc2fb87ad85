"""What EMQX 4.4 changes in exports of 4.0 to 4.3: web hooks, MQTT bridges and Kafka actions of the older form.

Works on decoded documents and knows no table (4.4, `emqx_mgmt_data_backup`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WEB_HOOK = "web_hook"
_BRIDGE = "bridge_mqtt"
_POOL_SIZE = 8
_TIMEOUT = "5s"
_MOVED = ("method", "headers", "content_type")


def converted(document: Mapping[str, object]) -> Mapping[str, object]:
    """Return the document with its resources and rules in the form of 4.4; others are returned as they are."""
    resources, rules = document.get("resources"), document.get("rules")
    if not isinstance(resources, list) or not isinstance(rules, list | None):
        return document
    hooks = {
        resource["id"]: resource["config"]
        for resource in resources
        if _is_old_web_hook(resource) and isinstance(resource.get("id"), str)
    }
    return {
        **document,
        "resources": [_resource(resource) for resource in resources],
        "rules": [_rule(rule, hooks) for rule in rules or []],
    }


def _is_old_web_hook(resource: object) -> bool:
    if not isinstance(resource, dict) or resource.get("type") != _WEB_HOOK:
        return False
    config = resource.get("config")
    return isinstance(config, dict) and any(name in config for name in _MOVED)


def _resource(resource: Any) -> Any:
    config = resource.get("config") if isinstance(resource, dict) else None
    if not isinstance(config, dict):
        return resource
    if _is_old_web_hook(resource):
        return {**resource, "config": _web_hook(config)}
    if str(resource.get("type")).startswith(_BRIDGE):
        return {**resource, "config": _bridge(config)}
    return resource


def _web_hook(config: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in config.items() if name not in _MOVED}
    timeouts = {name: _seconds(config.get(name)) for name in ("connect_timeout", "request_timeout")}
    pool_size = config.get("pool_size")
    return {**kept, **timeouts, "pool_size": pool_size if type(pool_size) is int else _POOL_SIZE}


def _seconds(value: object) -> object:
    """Return a timeout in 4.4's form; what is in it already stays."""
    if type(value) is int:
        return f"{value}s"
    return value if isinstance(value, str) and value else _TIMEOUT


def _bridge(config: Mapping[str, Any]) -> dict[str, Any]:
    after = {"pool_size": _POOL_SIZE, **config}
    if config.get("ssl") in ("on", "off"):
        after["ssl"] = config["ssl"] == "on"
    return after


def _rule(rule: Any, hooks: Mapping[str, Mapping[str, Any]]) -> Any:
    if not isinstance(rule, dict) or not isinstance(rule.get("actions"), list):
        return rule
    return {**rule, "actions": [_action(action, hooks) for action in rule["actions"]]}


def _action(action: Any, hooks: Mapping[str, Mapping[str, Any]]) -> Any:
    args = action.get("args") if isinstance(action, dict) else None
    if not isinstance(args, dict):
        return action
    hook = hooks.get(args["$resource"]) if isinstance(args.get("$resource"), str) else None
    if action.get("name") == "data_to_webserver" and hook is not None:
        args = _web_hook_args(args, hook)
    if "first_key_dispatch" in str(args.get("strategy")):
        args = {**args, "strategy": "key_dispatch"}
    fallbacks = action.get("fallbacks")
    if isinstance(fallbacks, list):
        action = {**action, "fallbacks": [_action(one, hooks) for one in fallbacks]}
    return {**action, "args": args}


def _web_hook_args(args: Mapping[str, Any], hook: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in args.items() if name != "payload_tmpl"}
    headers = hook.get("headers")
    content_type = {"content-type": hook.get("content_type", "application/json")}
    return {
        **kept,
        "method": hook.get("method", "POST"),
        "headers": {**(headers if isinstance(headers, dict) else {}), **content_type},
        "body": args.get("body", args.get("payload_tmpl", "")),
    }
