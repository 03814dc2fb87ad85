"""Where settings come from: defaults, then `godwit.toml`, then the environment.

Every refusal is one sentence that names the key, where it was given, and what to write instead.
Values of secret keys are never repeated.
"""

from __future__ import annotations

import difflib
import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from app.config import tree
from app.config.broker import (
    DEFAULT_ZONES,
    SHARED_GROUP_STRATEGY,
    BrokerConfig,
    MqttConfig,
    RetainerConfig,
    ZoneConfig,
)
from app.config.extensions import EXTENSION_ROWS
from app.config.kinds import Address
from app.config.listeners import (
    LISTENER_ADDRESSES,
    LISTENER_PROTOCOLS,
    TLS_PROTOCOLS,
    ListenerConfig,
    TlsConfig,
    UnixConfig,
)
from app.config.messages import ClientStoryConfig, DelayedConfig
from app.config.monitoring import AlarmConfig, MonitorConfig
from app.config.storage import StorageSettings
from app.config.table import Setting, rows_of
from app.config.tree import Settings

T = TypeVar("T")
PREFIX = "GODWIT_"
INSTANCE_VARIABLE = "GODWIT_INSTANCE"
NO_SETTINGS = frozenset({INSTANCE_VARIABLE, "GODWIT_PURE", "GODWIT_SOCKETS"})
"""Variables of ours that are read before there are settings."""
SETTINGS_FILE = "godwit.toml"
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_DEFAULT_INSTANCE = Path(__file__).resolve().parents[2] / "instance"


class SettingsError(Exception):
    """Settings that cannot be used; the text is one sentence that says what to do."""


def instance_folder(environ: Mapping[str, str]) -> Path:
    """Return where the instance is: `GODWIT_INSTANCE`, else `instance/` beside the source."""
    return Path(environ.get(INSTANCE_VARIABLE) or _DEFAULT_INSTANCE)


def load_settings(environ: Mapping[str, str], instance_dir: Path | None = None) -> Settings:
    """Return the settings that hold for this process.

    Args:
        environ: The environment; variables that do not begin with `GODWIT_` are ignored.
        instance_dir: The instance folder; where None, `GODWIT_INSTANCE`, else `instance/` beside
            the source.

    Raises:
        SettingsError: A key is unknown or a value cannot be used.
    """
    folder = instance_dir or instance_folder(environ)
    given = _Given({**_from_file(folder / SETTINGS_FILE), **_from_environ(environ)})
    zones = _zones(given)
    settings = Settings(
        instance_dir=folder,
        broker=_section(
            BrokerConfig,
            given,
            data_dir=folder,
            mqtt=_section(MqttConfig, given),
            retainer=_section(RetainerConfig, given),
            delayed=_section(DelayedConfig, given),
            client_story=_section(ClientStoryConfig, given),
            alarm=_section(AlarmConfig, given),
            monitors=_section(MonitorConfig, given),
            shared_groups=_shared_groups(given),
            zones=zones,
            listeners=_listeners(given, zones),
        ),
        node=_section(tree.NodeSettings, given),
        database=_section(tree.DatabaseSettings, given),
        storage=_section(StorageSettings, given),
        management=_section(tree.ManagementSettings, given),
        dashboard=_section(tree.DashboardSettings, given),
        log=_section(tree.LogSettings, given),
        extensions=_extensions(given),
    )
    given.refuse_unknown()
    _refuse_overlaps(settings)
    return settings


def given_texts(environ: Mapping[str, str], instance_dir: Path) -> dict[str, tuple[str, str]]:
    """Return (text, "file" or "environment") for every key that the operator gave.

    Raises:
        SettingsError: The file cannot be read.
    """
    given = {**_from_file(instance_dir / SETTINGS_FILE), **_from_environ(environ)}
    return {
        key: (value.text, "environment" if value.in_environ else "file")
        for key, value in given.items()
    }


def variable_of(key: str) -> str:
    """Return the environment variable that sets a key."""
    return PREFIX + key.upper().replace(".", "__")


def flatten(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted key, value) for the leaves of nested TOML tables."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@dataclass(frozen=True, slots=True)
class _Value:
    """A value's text and where it was given."""

    text: str
    source: str
    in_environ: bool = False


class _Given:
    """What the operator gave; remembers which keys somebody asked for."""

    def __init__(self, values: dict[str, _Value]) -> None:
        self._values = values
        self._known: set[str] = set()

    def keys_below(self, prefix: str) -> list[list[str]]:
        """Return what follows the prefix, in parts, for every key that begins with it."""
        return [
            key.removeprefix(prefix).split(".") for key in self._values if key.startswith(prefix)
        ]

    def has(self, key: str) -> bool:
        return key in self._values

    def source(self, key: str) -> str:
        return self._values[key].source if key in self._values else "the defaults"

    def texts(self, row: Setting) -> dict[str, str]:
        """Return the texts of all keys that a row takes, by key; each can be read."""
        found = {}
        for key, value in self._values.items():
            if row.takes(key):
                self._known.add(key)
                self._checked(row, key, value)
                found[key] = value.text
        if "$" not in row.key:
            self._known.add(row.key)
        return found

    def read(self, row: Setting, names: Mapping[str, str]) -> Any:
        """Return the value of a row: what was given, else its default."""
        key = row.key_for(names)
        self._known.add(key)
        value = self._values.get(key)
        if value is None:
            return row.kind(row.default_for(names))
        return self._checked(row, key, value)

    @staticmethod
    def _checked(row: Setting, key: str, value: _Value) -> Any:
        try:
            return row.kind(value.text)
        except ValueError:
            shown = "a value" if row.secret else repr(value.text)
            raise SettingsError(
                f"Correct {key} in {value.source}: {shown} is not {row.kind.name}, "
                f"write {row.kind.forms}."
            ) from None

    def refuse_unknown(self) -> None:
        """Raise for the first key that no row asked for."""
        for key, value in self._values.items():
            if key in self._known:
                continue
            spell = variable_of if value.in_environ else str
            near = difflib.get_close_matches(key, sorted(self._known), n=1, cutoff=0.8)
            advice = (
                f"write {spell(near[0])} instead"
                if near
                else "remove it, or choose a key of docs/configuration.md"
            )
            raise SettingsError(f"Unknown setting {spell(key)} in {value.source}: {advice}.")


def _from_file(path: Path) -> dict[str, _Value]:
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        # Whether the folder itself can be used is the start checks' question.
        return {}
    except OSError as error:
        raise SettingsError(
            f"Make {path} readable for the user that runs Godwit: {error.strerror}."
        ) from None
    try:
        table = tomllib.loads(content.decode())
    except ValueError as error:
        detail = str(error).rstrip(".")
        raise SettingsError(f"Correct {path}, which is not valid TOML: {detail}.") from None
    values: dict[str, _Value] = {}
    for key, value in flatten(table):
        if key in values:
            raise SettingsError(f"Remove one of the two values of {key} in {path}.")
        values[key] = _Value(_text_of(key, value, path), str(path))
    return values


def _from_environ(environ: Mapping[str, str]) -> dict[str, _Value]:
    return {
        variable.removeprefix(PREFIX).lower().replace("__", "."): _Value(
            text, "the environment", in_environ=True
        )
        for variable, text in environ.items()
        if variable.startswith(PREFIX) and variable not in NO_SETTINGS
    }


def _text_of(key: str, value: object, path: Path) -> str:
    """Return a TOML value in the text form that the kinds read."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | str():
            return str(value)
        case float():
            return f"{Decimal(repr(value)):f}"
        case list() if all(isinstance(part, str | int) for part in value):
            return ",".join(str(part) for part in value)
        case _:
            raise SettingsError(f"Write the value of {key} in {path} as a text in quotes.")


def _section(
    cls: type[T], given: _Given, names: Mapping[str, str] | None = None, **values: Any
) -> T:
    return _rows(cls, given, names or {}, **(names or {}), **values)


def _rows(cls: type[T], given: _Given, names: Mapping[str, str], **values: Any) -> T:
    """Return a section that does not keep the names which its keys hold."""
    return cls(**{name: given.read(row, names) for name, row in rows_of(cls)}, **values)


def _shared_groups(given: _Given) -> Mapping[str, str]:
    _broker, suffix = SHARED_GROUP_STRATEGY.key.split("$group")
    names = [
        ".".join(parts)[: -len(suffix)]
        for parts in given.keys_below("broker.")
        if ".".join(parts).endswith(suffix)
    ]
    return MappingProxyType(
        {name: given.read(SHARED_GROUP_STRATEGY, {"group": name}) for name in names}
    )


def _extensions(given: _Given) -> Mapping[str, str]:
    texts: dict[str, str] = {}
    for row in EXTENSION_ROWS:
        texts |= given.texts(row)
    return MappingProxyType(texts)


def _zones(given: _Given) -> Mapping[str, ZoneConfig]:
    named = [parts[0] for parts in given.keys_below("zone.") if len(parts) > 1]
    names = dict.fromkeys([*DEFAULT_ZONES, *named])
    return MappingProxyType({name: _section(ZoneConfig, given, {"name": name}) for name in names})


def _listeners(given: _Given, zones: Mapping[str, ZoneConfig]) -> tuple[ListenerConfig, ...]:
    declared = [tuple(key.split(".")) for key in LISTENER_ADDRESSES.variants]
    named = [
        (parts[0], parts[1])
        for parts in given.keys_below("listener.")
        if len(parts) > 1 and parts[0] in LISTENER_PROTOCOLS
    ]
    listeners: list[ListenerConfig] = []
    for protocol, name in dict.fromkeys([*declared, *named]):
        listeners.extend(_listener(given, zones, {"protocol": protocol, "name": name}))
    for name in dict.fromkeys(parts[0] for parts in given.keys_below("listener.unix.")):
        listeners.extend(_unix_listener(given, zones, {"protocol": "unix", "name": name}))
    return tuple(listeners)


def _listener(
    given: _Given, zones: Mapping[str, ZoneConfig], names: Mapping[str, str]
) -> Iterator[ListenerConfig]:
    key = LISTENER_ADDRESSES.key_for(names)
    _check_name(given, key, names["name"])
    addresses: tuple[Address, ...] = given.read(LISTENER_ADDRESSES, names)
    # A listener that is off is read as well, so that the keys below its address count as known.
    first, *others = addresses or (Address("", 0),)
    tls = _rows(TlsConfig, given, names) if names["protocol"] in TLS_PROTOCOLS else None
    listener = _section(ListenerConfig, given, names, host=first.host, port=first.port, tls=tls)
    if not addresses:
        if not given.has(key) and key.removeprefix("listener.") not in LISTENER_ADDRESSES.variants:
            raise SettingsError(
                f"Give {key} an address such as 0.0.0.0:1883, or remove its settings."
            )
        return
    if tls is not None and not _is_served(given, key, tls):
        return
    _check_zone(zones, key, listener)
    yield listener
    for at in others:
        yield replace(listener, host=at.host, port=at.port)


def _is_served(given: _Given, key: str, tls: TlsConfig) -> bool:
    """Tell whether a TLS listener has what it needs; one that nobody asked for may lack everything."""
    if not (tls.certfile or tls.keyfile or given.has(key)):
        return False
    problem = tls.problem()
    if problem is not None:
        raise SettingsError(f"Set {key}.{problem[0]} to {problem[1]}, or {key} to off.")
    return True


def _unix_listener(
    given: _Given, zones: Mapping[str, ZoneConfig], names: Mapping[str, str]
) -> Iterator[ListenerConfig]:
    key = f"listener.unix.{names['name']}"
    _check_name(given, key, names["name"])
    unix = _rows(UnixConfig, given, names)
    listener = _section(ListenerConfig, given, names, host="", port=0, unix=unix)
    if not unix.path:
        if not given.has(key):
            raise SettingsError(f"Give {key} the path of a socket file, or remove its settings.")
        return
    _check_zone(zones, key, listener)
    yield listener


def _check_name(given: _Given, key: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"Name the listener {key} in {given.source(key)} with letters, digits, - and _ only."
        )


def _check_zone(zones: Mapping[str, ZoneConfig], key: str, listener: ListenerConfig) -> None:
    if listener.zone not in zones:
        known = ", ".join(zones)
        raise SettingsError(
            f"Set {key}.zone to a zone that exists ({known}) instead of {listener.zone!r}."
        )


def _refuse_overlaps(settings: Settings) -> None:
    places = [
        *((at.key, at.address) for at in settings.broker.listeners if at.unix is None),
        *(("management.listener.http", at) for at in settings.management.listeners),
        *(("dashboard.listener.http", at) for at in settings.dashboard.listeners),
    ]
    for (key, at), (other_key, other) in itertools.combinations(places, 2):
        if at.overlaps(other):
            raise SettingsError(
                f"Give {key} ({at}) and {other_key} ({other}) different ports, or switch one off."
            )
    files: dict[str, str] = {}
    for listener in settings.broker.listeners:
        if listener.unix is None:
            continue
        other_key = files.setdefault(listener.unix.path, listener.key)
        if other_key != listener.key:
            raise SettingsError(
                f"Give {listener.key} and {other_key} different socket files, or switch one off."
            )
