"""Import of an hbmqtt or amqtt YAML configuration.

Both brokers read the same file; amqtt from 0.11 on lists plugins by their class, with the settings of
each below it. A listener called `default` lends its values to the others and is itself served.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from app.config.kinds import address_list
from app.importers.http_ports import make_room
from app.importers.plan import ImportPlan, ImportRefusedError, Outcome
from app.importers.text_file import read_text

_PROTOCOLS = {"tcp": "tcp", "ws": "ws"}
_TLS_KEYS = ("ssl", "cafile", "capath", "cadata", "certfile", "keyfile")
_LISTENER_KEYS = {"type", "bind", "max-connections", "max_connections", *_TLS_KEYS}
_TLS_PROTOCOLS = {"tcp": "ssl", "ws": "wss"}
_TLS_INCOMPLETE = "it needs `certfile` and `keyfile`; this listener is left out."
_PASSWORDS = (
    "its hashes are none of those that logins have here: make the logins anew, in emqx_auth_mnesia."
)
_RULES = "make access rules of it, in acl.conf or emqx_auth_mnesia: until then every client may use every topic."
_AS_HERE = "as it is here by itself"

_SESSIONS = "what is kept over restarts is chosen by storage.*; what that file holds is not read."

Reader = Callable[[ImportPlan, str, Any], None]


def plan_import(path: Path) -> ImportPlan:
    """Return what Godwit can make of the file.

    Raises:
        ImportRefusedError: The file cannot be read, or is no such configuration.
    """
    config = _read(path)
    plan = ImportPlan()
    for key, value in config.items():
        reader = _SECTIONS.get(str(key).replace("_", "-"), _unknown)
        reader(plan, str(key), value)
        if not any(one.source.partition(".")[0] == str(key) for one in plan.findings):
            plan.note(Outcome.TAKEN, str(key), _AS_HERE)
    return plan


def _read(path: Path) -> Mapping[str, Any]:
    try:
        config = yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise ImportRefusedError(f"Correct {path}, which is not valid YAML: {problem}.") from None
    if not isinstance(config, dict) or not isinstance(config.get("listeners"), dict):
        raise ImportRefusedError(
            f"Give an hbmqtt or amqtt broker configuration: {path} has no listeners."
        )
    return config


def _listeners(plan: ImportPlan, source: str, listeners: Any) -> None:
    # Validated by _read: a mapping.
    defaults = dict(_members(listeners.get("default")))
    for name, own in listeners.items():
        given = {**defaults, **dict(_members(own))}
        if not isinstance(own, dict | None):
            plan.note(Outcome.NO_COUNTERPART, f"{source}.{name}", "it has no keys of its own.")
            continue
        _listener(plan, f"{source}.{name}", str(name), given)
    for protocol in _PROTOCOLS.values():
        key = f"listener.{protocol}.external"
        if key not in plan.settings:
            # The old broker did not listen there, so the new one should not surprise anybody.
            plan.take(source, key, "off")
    make_room(plan, source)


def _listener(plan: ImportPlan, source: str, name: str, given: Mapping[str, Any]) -> None:
    is_tls = _is_on(given.get("ssl"))
    if is_tls and not (given.get("certfile") and given.get("keyfile")):
        plan.note(Outcome.NO_COUNTERPART, f"{source}.ssl", _TLS_INCOMPLETE)
        return
    if "bind" not in given:
        plan.note(Outcome.NO_COUNTERPART, source, "it has no `bind`, so it was never served.")
        return
    protocol = _PROTOCOLS.get(str(given.get("type", "tcp")))
    if protocol is None:
        plan.note(Outcome.NO_COUNTERPART, f"{source}.type", "only tcp and ws are served.")
        return
    bind = str(given["bind"])
    try:
        (address,) = address_list(bind)
    except ValueError:
        plan.note(Outcome.NO_COUNTERPART, f"{source}.bind", f"{bind!r} is not `host:port`.")
        return
    own_name = "external" if name == "default" else re.sub(r"[^A-Za-z0-9_-]", "-", name)
    key = plan.free_key(f"listener.{_TLS_PROTOCOLS[protocol] if is_tls else protocol}.{own_name}")
    plan.take(f"{source}.bind", key, str(address))
    if is_tls:
        _certificates(plan, source, key, given)
    else:
        for idle in sorted(given.keys() & set(_TLS_KEYS) - {"ssl"}):
            plan.note(Outcome.NO_COUNTERPART, f"{source}.{idle}", "it says nothing without ssl.")
    _max_connections(plan, source, key, given)
    if protocol == "ws":
        plan.note(
            Outcome.NO_COUNTERPART,
            f"{source}.type",
            f"any path was served; here it is {key}.mqtt_path, /mqtt unless you set it.",
        )
    for other in given.keys() - _LISTENER_KEYS:
        _unknown(plan, f"{source}.{other}", given[other])


def _max_connections(plan: ImportPlan, source: str, key: str, given: Mapping[str, Any]) -> None:
    limit = given.get("max-connections", given.get("max_connections"))
    if str(limit).isdecimal() and int(limit) > 0:
        plan.take(f"{source}.max-connections", f"{key}.max_connections", str(limit))
    elif limit is not None:
        advice = f"{limit!r} is no limit here; {key}.max_connections keeps its default."
        plan.note(Outcome.NO_COUNTERPART, f"{source}.max-connections", advice)


def _certificates(plan: ImportPlan, source: str, key: str, given: Mapping[str, Any]) -> None:
    for name in ("certfile", "keyfile"):
        plan.take(f"{source}.{name}", f"{key}.{name}", str(given[name]))
    if given.get("cafile"):
        # As the old broker has it: a client may show a certificate, and it must be a good one then.
        plan.take(f"{source}.cafile", f"{key}.cacertfile", str(given["cafile"]))
        plan.take(f"{source}.cafile", f"{key}.verify", "verify_peer")
    for name in ("capath", "cadata"):
        if given.get(name):
            advice = f"put the CA certificates into one file, {key}.cacertfile."
            plan.note(Outcome.NO_COUNTERPART, f"{source}.{name}", advice)


def _auth(plan: ImportPlan, source: str, auth: Any) -> None:
    if not isinstance(auth, dict | None):
        _unknown(plan, source, auth)
    for key, value in _members(auth):
        match key.replace("_", "-"):
            case "allow-anonymous":
                plan.take(f"{source}.{key}", "allow_anonymous", str(_is_on(value)).lower())
            case "password-file":
                plan.note(Outcome.BY_HAND, f"{source}.{key}", _PASSWORDS)
            case "plugins":
                _auth_plugins(plan, f"{source}.{key}", value)
            case _:
                _unknown(plan, f"{source}.{key}", value)


def _auth_plugins(plan: ImportPlan, source: str, names: Any) -> None:
    known = {"auth_anonymous", "auth_file"}
    for name in names if isinstance(names, list) else []:
        if name not in known:
            plan.note(Outcome.BY_HAND, source, f"the authentication plugin {name} is not known.")


def _topic_check(plan: ImportPlan, source: str, check: Any) -> None:
    members = dict(_members(check))
    if _is_on(members.get("enabled", bool(members))):
        plan.note(Outcome.BY_HAND, source, _RULES)


def _sys_interval(plan: ImportPlan, source: str, value: Any) -> None:
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        plan.take(source, "broker.sys_interval", f"{value:g}s")
    else:
        plan.note(Outcome.NO_COUNTERPART, source, "statistics are always published under $SYS.")


def _disconnect_delay(plan: ImportPlan, source: str, _value: Any) -> None:
    plan.note(
        Outcome.NO_COUNTERPART,
        source,
        "a silent client is closed after one and a half keepalives, as MQTT says; "
        "zone.external.keepalive_backoff changes the factor.",
    )


def _plugins(plan: ImportPlan, source: str, plugins: Any) -> None:
    """Read amqtt's plugins: a mapping of class names, or a list of names and such mappings."""
    entries = plugins if isinstance(plugins, list) else [plugins]
    for entry in entries:
        for name, value in _members(entry if isinstance(entry, dict) else {str(entry): None}):
            reader = _PLUGINS.get(name.rpartition(".")[2], _unknown)
            reader(plan, f"{source}.{name}", value)


def _anonymous_plugin(plan: ImportPlan, source: str, value: Any) -> None:
    members = dict(_members(value))
    allowed = members.get("allow_anonymous", members.get("allow-anonymous", True))
    plan.take(source, "allow_anonymous", str(_is_on(allowed)).lower())


def _sys_plugin(plan: ImportPlan, source: str, value: Any) -> None:
    members = dict(_members(value))
    if "sys_interval" in members:
        _sys_interval(plan, f"{source}.sys_interval", members["sys_interval"])


def _by_hand(text: str) -> Reader:
    def read(plan: ImportPlan, source: str, _value: Any) -> None:
        plan.note(Outcome.BY_HAND, source, text)

    return read


def _unknown(plan: ImportPlan, source: str, _value: Any) -> None:
    plan.note(Outcome.NO_COUNTERPART, source, "not a key that Godwit knows; it is left out.")


def _members(value: Any) -> list[tuple[str, Any]]:
    """Return a mapping's members with texts as keys; nothing where it is no mapping."""
    return [(str(key), member) for key, member in value.items()] if isinstance(value, dict) else []


def _is_on(value: Any) -> bool:
    return value is True or str(value).lower() in {"on", "true", "yes", "1"}


_SECTIONS: Mapping[str, Reader] = MappingProxyType(
    {
        "listeners": _listeners,
        "auth": _auth,
        "topic-check": _topic_check,
        "sys-interval": _sys_interval,
        "timeout-disconnect-delay": _disconnect_delay,
        "plugins": _plugins,
    }
)
_PLUGINS: Mapping[str, Reader] = MappingProxyType(
    {
        "AnonymousAuthPlugin": _anonymous_plugin,
        "FileAuthPlugin": _by_hand(_PASSWORDS),
        "BrokerSysPlugin": _sys_plugin,
        "TopicTabooPlugin": _by_hand(_RULES),
        "TopicAccessControlListPlugin": _by_hand(_RULES),
        "SessionDBPlugin": _by_hand(_SESSIONS),
        "SQLitePlugin": _by_hand(_SESSIONS),
    }
)
