"""Import of mosquitto.conf, together with the password and ACL files that it names.

An option of Mosquitto stands on a line of its own, `option value`; those behind a `listener` line belong to that
listener, those behind a `connection` line to that bridge. Of numbers and truth values Mosquitto reads one word, so that
a remark behind them is none; texts go to the end of the line.
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
_PROTOCOLS = {"mqtt": "tcp", "websockets": "ws"}
_TLS_ALONE = frozenset({"certfile", "keyfile", "psk_hint"})
"""Options of a listener that speaks TLS."""
_BRIDGE_OPTION = re.compile(
    r"(bridge|local|remote|notification)_.*|address(es)?|topic|username|password|clientid|cleansession|start_type"
    r"|keepalive_interval|(idle|restart)_timeout|threshold|try_private|notifications(_.*)?|round_robin"
)
_DIFFERS = "listeners differ in it, and here it holds for all of them: nobody comes in anonymously."
_UNKNOWN = "not an option that Godwit knows; it is left out."
_EXPIRY = re.compile(r"(\d+)([hdwmy])")
_UNITS = {"h": (1, "h"), "d": (1, "d"), "w": (7, "d"), "m": (30, "d"), "y": (365, "d")}
_SOURCE_OF_USERNAME = {"use_identity_as_username": "cn", "use_subject_as_username": "dn"}
_BRIDGE = "bridges are made by settings bridge.mqtt.NAME and by rules."
_PSK = "keys that both sides know are served by emqx_psk_file; see psk.file.path."
_TLS_CHOICE = "OpenSSL's own choice holds; listener.ssl.NAME has ciphers and tls_versions."
_OPENED = "listeners are opened as they are named; give the address behind the port instead."
_SHAPE_OF_IDS = "client ids are taken as they come; the broker makes one up where there is none."
_MEMORY = "what waits is counted in messages, by zone.NAME.max_mqueue_len."
_ADVICE = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"include_dir", "its files are read where it stands in the first file."),
        (
            r"(auth_|global_)?plugin(_.*)?|auth_opt_.*",
            "import a dynamic-security.json with `import mosquitto-dynsec`.",
        ),
        (r"persistence(_.*)?|autosave_.*|retained?_persistence", "storage.* says what is kept."),
        (r"user|pid_file|service_name", "the process runs as whoever starts it."),
        (
            r"log_.*|connection_messages|websockets_log_level",
            "log.level sets the weight of the log.",
        ),
        (r"mount_point", "set zone.NAME.mountpoint for a zone of that listener."),
        (r"per_listener_settings", "logins and rules hold for all listeners."),
        (r"psk_.*|use_psk.*", _PSK),
        (r"tls_.*|ciphers.*|dhparamfile|keyform", _TLS_CHOICE),
        (r"crlfile", "certificates' revocation is not asked about."),
        (r"capath", "put the CA certificates into one file, cacertfile."),
        (r"bind_interface|socket_domain", _OPENED),
        (r"(max|maximum)_qos|max_keepalive", "zones and mqtt.* have limits of that kind."),
        (r"http_dir|websockets_.*", "WebSockets are served at one path, mqtt_path."),
        (
            r"(clientid_|auto_id_)prefix(es)?|allow_zero_length_clientid|use_username_as_clientid",
            _SHAPE_OF_IDS,
        ),
        (r"memory_limit|max_(inflight|queued)_bytes", _MEMORY),
        (
            r"retain_expiry_interval",
            "retainer.expiry_interval says how long messages are retained.",
        ),
        (r"allow_duplicate_messages", "overlapping subscriptions get what MQTT says."),
        (r"(retry|store_clean)_interval", "Mosquitto itself has no use for it any more."),
        (r"set_tcp_nodelay", "small packets are never held back."),
        (r"check_retain_source", "what is retained is asked about when it is published."),
    )
)


@dataclass(slots=True)
class _Listener:
    """What one listener of the file is given."""

    source: str
    port: str = ""
    host: str = ""
    options: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Given:
    """What the lines of a file, and of those that it includes, say."""

    listeners: list[_Listener]
    options: dict[str, list[str]] = field(default_factory=dict)
    """Options that hold for all, with every value that one was given."""
    bridges: list[tuple[str, str]] = field(default_factory=list)
    """Names of bridges, and options of theirs."""


def plan_import(path: Path) -> ImportPlan:
    """Return what Godwit can make of the file.

    Raises:
        ImportRefusedError: The file, or one that it names, cannot be read.
    """
    plan = ImportPlan()
    given = _sorted(plan, path)
    listeners, options = given.listeners, given.options
    if not options and not given.bridges and len(listeners) == 1 and not listeners[0].port:
        raise ImportRefusedError(f"Give a mosquitto.conf: {path} has no option that is known.")
    _listen(plan, listeners)
    has_listener = len(listeners) > 1 or bool(listeners[0].port)
    _access(plan, path, options, has_listener=has_listener)
    for option, values in options.items():
        _option(plan, option, values[-1])
    for name, option in dict.fromkeys(given.bridges):
        plan.note(Outcome.NO_COUNTERPART, f"connection {name}: {option}", _BRIDGE)
    return plan


def _sorted(plan: ImportPlan, path: Path) -> _Given:
    """Read whose each option is."""
    given = _Given([_Listener("the default listener")])
    bridge: str | None = None
    for option, value in _lines(plan, path):
        if option == "connection":
            bridge = value
            given.bridges.append((bridge, "address"))
        elif option == "listener":
            bridge = None
            port, _space, host = value.partition(" ")
            given.listeners.append(_Listener(f"listener {value}", port, _without_remark(host)))
        elif bridge is not None and _BRIDGE_OPTION.fullmatch(option):
            given.bridges.append((bridge, option))
        elif option == "port":
            given.listeners[0].port = _word(value)
        elif option == "bind_address":
            given.listeners[0].host = _without_remark(value)
        elif option in _LISTENER_OPTIONS:
            given.listeners[-1].options[option] = value
        else:
            given.options.setdefault(option, []).append(value)
    return given


def _lines(plan: ImportPlan, path: Path, *, is_first: bool = True) -> Iterator[tuple[str, str]]:
    """Yield options and values; a folder's files stand where it is named, as Mosquitto reads them."""
    for line in read_text(path).splitlines():
        option, value = [*line.strip().split(None, 1), "", ""][:2]
        if not option or option.startswith("#"):
            continue
        if option == "include_dir" and is_first:
            for included in _included(plan, path, value):
                yield from _lines(plan, included, is_first=False)
        else:
            yield option, value


def _included(plan: ImportPlan, path: Path, value: str) -> list[Path]:
    named = Path(value)
    folder = next((at for at in (path.parent / named.name, named) if at.is_dir()), None)
    if folder is None:
        plan.note(Outcome.NO_COUNTERPART, "include_dir", f"there is no folder {value!r} here.")
        return []
    files = sorted(folder.glob("*.conf"), key=lambda one: one.name)
    names = ", ".join(one.name for one in files) or "no file"
    plan.note(Outcome.TAKEN, "include_dir", f"{names} of {folder}")
    return files


def _word(value: str) -> str:
    """Return the one word that Mosquitto reads of a number or truth value."""
    return value.split(None, 1)[0] if value else ""


def _without_remark(value: str) -> str:
    return re.split(r"(?:^|\s)#", value, maxsplit=1)[0].strip()


def _is_true(value: str) -> bool:
    return _word(value) in ("true", "1")


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
    protocol = _PROTOCOLS.get(_word(options.get("protocol", "mqtt")))
    if protocol is None or (not has_tls and options.keys() & _TLS_ALONE):
        # Never in the clear what was served by TLS alone.
        why = (
            "it needs `certfile` and `keyfile`"
            if protocol
            else "only mqtt and websockets are served"
        )
        plan.note(Outcome.NO_COUNTERPART, source, f"{why}; this listener is left out.")
        return
    secured = {"tcp": "ssl", "ws": "wss"}[protocol] if has_tls else protocol
    free = f"listener.{secured}.external" not in plan.settings
    key = plan.free_key(f"listener.{secured}.{'external' if free else 'port-' + listener.port}")
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    plan.take(source, key, f"{host}:{listener.port}" if host else listener.port)
    for option, value in options.items():
        _LISTENER_OPTIONS[option](plan, source, key, value)


def _certificate(name: str) -> Callable[[ImportPlan, str, str, str], None]:
    def read(plan: ImportPlan, source: str, key: str, value: str) -> None:
        if key.split(".")[1] in ("ssl", "wss"):
            plan.take(source, f"{key}.{name}", value)
        else:
            plan.note(Outcome.NO_COUNTERPART, source, f"{name} says nothing without TLS.")

    return read


def _require_certificate(plan: ImportPlan, source: str, key: str, value: str) -> None:
    if not _is_true(value):
        plan.note(Outcome.TAKEN, source, "no certificate is asked for, as here by itself")
        return
    plan.take(source, f"{key}.verify", "verify_peer")
    plan.take(source, f"{key}.fail_if_no_peer_cert", "true")


def _username_source(field_name: str) -> Callable[[ImportPlan, str, str, str], None]:
    def read(plan: ImportPlan, source: str, key: str, value: str) -> None:
        if _is_true(value):
            plan.take(source, f"{key}.peer_cert_as_username", field_name)
        else:
            plan.note(Outcome.TAKEN, source, "usernames are the clients' own, as here by itself")

    return read


def _max_connections(plan: ImportPlan, source: str, key: str, value: str) -> None:
    most = _word(value)
    if most.isdecimal() and int(most) > 0:
        plan.take(source, f"{key}.max_connections", most)
    else:
        plan.note(Outcome.NO_COUNTERPART, source, f"{key}.max_connections keeps its default.")


def _hint(plan: ImportPlan, source: str, _key: str, _value: str) -> None:
    plan.note(Outcome.NO_COUNTERPART, source, f"psk_hint: {_PSK}")


def _protocol(_plan: ImportPlan, _source: str, _key: str, _value: str) -> None:
    """Say nothing more: the protocol is in the key."""


_LISTENER_OPTIONS: Mapping[str, Callable[[ImportPlan, str, str, str], None]] = MappingProxyType(
    {
        "protocol": _protocol,
        "psk_hint": _hint,
        "certfile": _certificate("certfile"),
        "keyfile": _certificate("keyfile"),
        "cafile": _certificate("cacertfile"),
        "require_certificate": _require_certificate,
        "max_connections": _max_connections,
        **{option: _username_source(name) for option, name in _SOURCE_OF_USERNAME.items()},
    }
)


def _access(
    plan: ImportPlan, path: Path, options: dict[str, list[str]], *, has_listener: bool
) -> None:
    """Take who may come in and what they may do; files are looked for beside the configuration too."""
    given = options.pop("allow_anonymous", [])
    differs = len({_is_true(one) for one in given}) > 1 and _is_for_listeners(options)
    if differs:
        plan.note(Outcome.NO_COUNTERPART, "allow_anonymous", _DIFFERS)
    if given or has_listener:
        # Since 2.0 nobody comes in anonymously unless the file says so.
        allowed = bool(given) and _is_true(given[-1]) and not differs
        plan.take("allow_anonymous", "allow_anonymous", "true" if allowed else "false")
    for option, read in (("password_file", read_passwords), ("acl_file", read_acl)):
        named = dict.fromkeys(options.pop(option, []))
        if len(named) > 1:
            plan.note(Outcome.TAKEN, option, "all of them together: they hold for all listeners")
        for one in named:
            _read_file(plan, path, option, one, read)


def _is_for_listeners(options: dict[str, list[str]]) -> bool:
    return _is_true(options.get("per_listener_settings", [""])[-1])


def _read_file(
    plan: ImportPlan,
    path: Path,
    option: str,
    named: str,
    read: Callable[[ImportPlan, Path], None],
) -> None:
    names = dict.fromkeys((named, _without_remark(named)))
    places = [at for one in names for at in (Path(one), path.parent / Path(one).name)]
    found = next((at for at in places if at.is_file()), None)
    if found is None:
        plan.note(Outcome.NO_COUNTERPART, option, f"there is no file {named!r} here.")
    else:
        read(plan, found)


def _option(plan: ImportPlan, option: str, value: str) -> None:
    row = _OPTIONS.get(option)
    if row is None:
        text = next((text for one, text in _ADVICE if one.fullmatch(option)), _UNKNOWN)
        plan.note(Outcome.NO_COUNTERPART, option, text)
        return
    key, convert = row
    value = _word(value)
    converted = convert(value)
    if converted is None:
        plan.note(Outcome.NO_COUNTERPART, option, f"{value!r} has none; {key} keeps its default.")
    else:
        plan.take(option, key, converted)


def _flag(value: str) -> str | None:
    return {"1": "true", "0": "false", "true": "true", "false": "false"}.get(value)


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
