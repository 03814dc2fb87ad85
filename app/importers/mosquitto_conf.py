"""Import of mosquitto.conf, together with the password and ACL files that it names.

An option of Mosquitto stands on a line of its own, `option value`; those behind a `listener` line belong to that
listener.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from app.importers.http_ports import make_room
from app.importers.mosquitto_files import read_acl, read_passwords
from app.importers.plan import ImportPlan, ImportRefusedError, Outcome
from app.importers.text_file import read_text

_DEFAULT_PORT = "1883"
_UNKNOWN = "not an option that Godwit knows; it is left out."
_EXPIRY = re.compile(r"(\d+)([hdwmy])")
_UNITS = {"h": (1, "h"), "d": (1, "d"), "w": (7, "d"), "m": (30, "d"), "y": (365, "d")}
_SOURCE_OF_USERNAME = {"use_identity_as_username": "cn", "use_subject_as_username": "dn"}
_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "include_dir": "import the files in that folder one by one.",
        "plugin": "import a dynamic-security.json with `import mosquitto-dynsec`.",
        "auth_plugin": "import a dynamic-security.json with `import mosquitto-dynsec`.",
        "connection": "bridges are resources and rules here.",
        "persistence": "sessions are not kept in a file of this kind.",
        "user": "the process runs as whoever starts it.",
        "mount_point": "set zone.NAME.mountpoint for a zone of that listener.",
        "per_listener_settings": "logins and rules hold for all listeners.",
    }
)


@dataclass(slots=True)
class _Listener:
    """What one listener of the file is given."""

    source: str
    port: str = ""
    host: str = ""
    options: dict[str, str] = field(default_factory=dict)


def plan_import(path: Path) -> ImportPlan:
    """Return what Godwit can make of the file.

    Raises:
        ImportRefusedError: The file, or one that it names, cannot be read.
    """
    plan = ImportPlan()
    listeners = [_Listener("the default listener")]
    options: dict[str, str] = {}
    for option, value in _lines(path):
        if option == "listener":
            port, _space, host = value.partition(" ")
            listeners.append(_Listener(f"listener {value}", port, host.strip()))
        elif option in ("port", "bind_address"):
            setattr(listeners[0], "port" if option == "port" else "host", value)
        elif option in _LISTENER_OPTIONS:
            listeners[-1].options[option] = value
        else:
            options[option] = value
    if not options and len(listeners) == 1 and not listeners[0].port:
        raise ImportRefusedError(f"Give a mosquitto.conf: {path} has no option that is known.")
    _listen(plan, listeners)
    has_listener = len(listeners) > 1 or bool(listeners[0].port)
    _access(plan, path, options, has_listener=has_listener)
    for option, value in options.items():
        _option(plan, option, value)
    return plan


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    for line in read_text(path).splitlines():
        text = line.strip()
        if text and not text.startswith("#"):
            option, _space, value = text.partition(" ")
            yield option, value.strip()


def _listen(plan: ImportPlan, listeners: list[_Listener]) -> None:
    default, *others = listeners
    if default.port or default.host:
        default.port = default.port or _DEFAULT_PORT
        others.insert(0, default)
    elif not others:
        # What Mosquitto 2 does without a word about listeners: this machine only.
        others = [_Listener(default.source, _DEFAULT_PORT, "127.0.0.1", default.options)]
    for listener in others:
        _listener(plan, listener)
    for protocol in ("tcp", "ws"):
        if f"listener.{protocol}.external" not in plan.settings:
            # The old broker did not listen there, so the new one should not surprise anybody.
            plan.take("listeners", f"listener.{protocol}.external", "off")
    make_room(plan, "listeners")


def _listener(plan: ImportPlan, listener: _Listener) -> None:
    options, source = listener.options, listener.source
    if listener.port == "0":
        plan.take(source, "listener.unix.mosquitto", listener.host)
        return
    if not listener.port.isdecimal() or not 0 < int(listener.port) < 65_536:
        plan.note(Outcome.NO_COUNTERPART, source, f"{listener.port!r} is no port.")
        return
    has_tls = "certfile" in options and "keyfile" in options
    protocol = {"websockets": "ws"}.get(options.get("protocol", "mqtt"), "tcp")
    secured = {"tcp": "ssl", "ws": "wss"}[protocol] if has_tls else protocol
    free = f"listener.{secured}.external" not in plan.settings
    key = f"listener.{secured}.{'external' if free else 'port-' + listener.port}"
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    plan.take(source, key, f"{host}:{listener.port}" if host else listener.port)
    for option, value in options.items():
        _LISTENER_OPTIONS[option](plan, source, key, value)


def _certificate(name: str) -> Callable[[ImportPlan, str, str, str], None]:
    def read(plan: ImportPlan, source: str, key: str, value: str) -> None:
        if key.split(".")[1] in ("ssl", "wss"):
            plan.take(source, f"{key}.{name}", value)

    return read


def _require_certificate(plan: ImportPlan, source: str, key: str, value: str) -> None:
    if value == "true":
        plan.take(source, f"{key}.verify", "verify_peer")
        plan.take(source, f"{key}.fail_if_no_peer_cert", "true")


def _username_source(field_name: str) -> Callable[[ImportPlan, str, str, str], None]:
    def read(plan: ImportPlan, source: str, key: str, value: str) -> None:
        if value == "true":
            plan.take(source, f"{key}.peer_cert_as_username", field_name)

    return read


def _max_connections(plan: ImportPlan, source: str, key: str, value: str) -> None:
    if value.isdecimal() and int(value) > 0:
        plan.take(source, f"{key}.max_connections", value)


def _protocol(_plan: ImportPlan, _source: str, _key: str, _value: str) -> None:
    """Say nothing more: the protocol is in the key."""


_LISTENER_OPTIONS: Mapping[str, Callable[[ImportPlan, str, str, str], None]] = MappingProxyType(
    {
        "protocol": _protocol,
        "certfile": _certificate("certfile"),
        "keyfile": _certificate("keyfile"),
        "cafile": _certificate("cacertfile"),
        "require_certificate": _require_certificate,
        "max_connections": _max_connections,
        **{option: _username_source(name) for option, name in _SOURCE_OF_USERNAME.items()},
    }
)


def _access(plan: ImportPlan, path: Path, options: dict[str, str], *, has_listener: bool) -> None:
    """Take who may come in and what they may do; files are looked for beside the configuration too."""
    given = options.pop("allow_anonymous", None)
    if given is not None or has_listener:
        # Since 2.0 nobody comes in anonymously unless the file says so.
        plan.take("allow_anonymous", "allow_anonymous", "true" if given == "true" else "false")
    for option, read in (("password_file", read_passwords), ("acl_file", read_acl)):
        named = options.pop(option, None)
        if named is None:
            continue
        found = next((at for at in (Path(named), path.parent / Path(named).name) if at.is_file()), None)  # fmt: skip
        if found is None:
            plan.note(Outcome.NO_COUNTERPART, option, f"there is no file {named!r} here.")
        else:
            read(plan, found)


def _option(plan: ImportPlan, option: str, value: str) -> None:
    row = _OPTIONS.get(option)
    if row is None:
        plan.note(Outcome.NO_COUNTERPART, option, _ADVICE.get(option, _UNKNOWN))
        return
    key, convert = row
    converted = convert(value)
    if converted is None:
        plan.note(Outcome.NO_COUNTERPART, option, f"{value!r} has none; {key} keeps its default.")
    else:
        plan.take(option, key, converted)


def _flag(value: str) -> str | None:
    return value if value in ("true", "false") else None


def _number(most: int, no_limit: int = 0) -> Callable[[str], str | None]:
    """Read a number; 0, which sets no limit there, is `no_limit` here."""

    def convert(value: str) -> str | None:
        if not value.isdecimal() or int(value) > most:
            return None
        return str(int(value) or no_limit)

    return convert


def _seconds(value: str) -> str | None:
    return f"{int(value)}s" if value.isdecimal() and int(value) > 0 else None


def _expiry(value: str) -> str | None:
    found = _EXPIRY.fullmatch(value)
    if found is None:
        return None
    factor, unit = _UNITS[found[2]]
    return f"{int(found[1]) * factor}{unit}"


_OPTIONS: Mapping[str, tuple[str, Callable[[str], str | None]]] = MappingProxyType(
    {
        "max_inflight_messages": ("zone.external.max_inflight", _number(65_535, 65_535)),
        "max_queued_messages": ("zone.external.max_mqueue_len", _number(2**31)),
        "queue_qos0_messages": ("zone.external.mqueue_store_qos0", _flag),
        "upgrade_outgoing_qos": ("zone.external.upgrade_qos", _flag),
        "persistent_client_expiration": ("zone.external.session_expiry_interval", _expiry),
        "retain_available": ("mqtt.retain_available", _flag),
        "max_topic_alias": ("mqtt.max_topic_alias", _number(65_535)),
        "max_packet_size": ("mqtt.max_packet_size", _number(2**28, 2**28)),
        "message_size_limit": ("mqtt.max_packet_size", _number(2**28, 2**28)),
        "sys_interval": ("broker.sys_interval", _seconds),
    }
)
