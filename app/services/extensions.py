"""Plugins and modules alike: which run, with which parameters, and how that changes and survives.

What an operator decides is in the database, the extension itself is on the loop. A change is applied first and
committed then, in one transaction: one that does not work is not kept. Parameters come from three places, the later one
wins: the extension's defaults, the settings, what was changed through the API.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import orjson
from sqlalchemy.orm import Session

from app.config.table import Setting
from app.errors import ResultCode, ServiceError
from app.models import Database, ExtensionState
from app.plugins.base import Extension, ExtensionError
from app.plugins.registry import Registry, read_config, row_for
from app.secret_box import SecretBox
from app.services import audit
from app.services.masking import MASK
from app.startup import StartError

log = logging.getLogger(__name__)

T = TypeVar("T")

_VALUE_MAX_LENGTH = 65_536


class Door(Protocol):
    """What this room needs of `app.node.extensions.NodeExtensions`."""

    def is_loaded(self, extension: Extension) -> bool:
        """Tell whether it is loaded."""

    def load(self, extension: Extension, config: Mapping[str, Any], prepared: Any) -> bool:
        """Load on the loop."""

    def stand_by(self, extension: Extension) -> None:
        """Say on the loop that it is not loaded."""

    def unload(self, extension: Extension) -> bool:
        """Unload on the loop."""

    def reload(self, extension: Extension, config: Mapping[str, Any], prepared: Any) -> bool:
        """Reload on the loop."""

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a plain function on the loop."""


@dataclass(frozen=True, slots=True)
class ParameterRecord:
    """One parameter as it may be shown."""

    key: str
    value: str
    desc: str
    required: bool
    """Whether it must not be empty."""
    row: Setting
    """What it is declared as."""


class Extensions:
    """Loads, unloads and configures the extensions of this node. Request threads share it."""

    def __init__(
        self,
        database: Database,
        secret_box: SecretBox,
        door: Door,
        registry: Registry,
        node_name: str,
        settings: Mapping[str, str],
    ) -> None:
        """Take what it works with.

        Args:
            database: Where states are.
            secret_box: What parameters are sealed with.
            door: The way to the loop.
            registry: Which extensions there are.
            node_name: Whose states.
            settings: Texts of the parameters that the operator's settings name, by key.
        """
        self.registry = registry
        self._database = database
        self._box = secret_box
        self._door = door
        self._node = node_name
        self._settings = settings
        # Two changes at once of one extension would leave it in a state that is not the stored one.
        self._change = threading.Lock()

    # -- reading ---------------------------------------------------------------------------------

    def is_loaded(self, extension: Extension) -> bool:
        """Tell whether it runs."""
        return self._door.is_loaded(extension)

    def find(self, kind: str, name: str) -> Extension:
        """Return an extension.

        Raises:
            ServiceError: NOT_FOUND; there is none of that name.
        """
        extension = self.registry.find(kind, name)
        if extension is None:
            raise ServiceError(ResultCode.NOT_FOUND, "not_found")
        return extension

    def parameters(self, kind: str, name: str) -> list[ParameterRecord]:
        """Return the parameters with the values that hold; secrets are not shown.

        Raises:
            ServiceError: NOT_FOUND; there is none of that name.
        """
        extension = self.find(kind, name)
        given = self._given(extension)
        single = [row for row in extension.parameters if "$" not in row.key]
        records = [_record(row, row.key, given.get(row.key, row.default)) for row in single]
        known = {record.key for record in records}
        for key in sorted(given.keys() - known):
            row = row_for(extension, key)
            if row is not None:
                records.append(_record(row, key, given[key]))
        return records

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a plain function of an extension on the loop."""
        return self._door.call(function, *args)

    # -- changing --------------------------------------------------------------------------------

    def load_at_start(self) -> None:
        """Load what ran last and what runs by default; call it before anybody can connect.

        Raises:
            StartError: One that keeps somebody out cannot be loaded.
        """
        for extension in self.registry:
            if not self._is_wanted(extension):
                self._door.stand_by(extension)
                continue
            try:
                self._load(extension)
            except ServiceError as error:
                if extension.guards:
                    raise StartError(
                        f"The {extension.kind} {extension.name} cannot be loaded: {error.message}"
                    ) from None
                log.warning("The %s %s is not loaded: %s", extension.kind, extension.name, error)

    def load(self, kind: str, name: str) -> None:
        """Load now, and at every start from now on.

        Raises:
            ServiceError: NOT_FOUND, PLUGIN_ALREADY_LOADED, or UNKNOWN where it does not work.
        """
        extension = self.find(kind, name)
        with self._change:
            if self._door.is_loaded(extension):
                raise ServiceError(ResultCode.PLUGIN_ALREADY_LOADED)
            config, prepared = self._ready(extension, self._given(extension))
            with self._database.session() as session:
                self._row(session, extension).active = True
                audit.record(session, f"{kind}.load", name)
                session.flush()
                self._apply(self._door.load, extension, config, prepared)
        log.info("The %s %s is loaded", kind, name)

    def unload(self, kind: str, name: str) -> None:
        """Unload now, and leave it so at the next start.

        Raises:
            ServiceError: NOT_FOUND, PLUGIN_NOT_LOADED, or BAD_PARAMETER for one that is essential.
        """
        extension = self.find(kind, name)
        if extension.essential:
            raise ServiceError(ResultCode.BAD_PARAMETER, extension.essential)
        with self._change:
            if not self._door.is_loaded(extension):
                raise ServiceError(ResultCode.PLUGIN_NOT_LOADED)
            with self._database.session() as session:
                self._row(session, extension).active = False
                audit.record(session, f"{kind}.unload", name)
                session.flush()
                self._door.unload(extension)
        log.info("The %s %s is unloaded", kind, name)

    def reload(self, kind: str, name: str) -> None:
        """Have it read files and parameters again; one that is not loaded is loaded, as EMQX does with plugins.

        Raises:
            ServiceError: NOT_FOUND, or UNKNOWN where it does not work; a loaded one goes on as it was.
        """
        extension = self.find(kind, name)
        if not self._door.is_loaded(extension):
            self.load(kind, name)
            return
        with self._change:
            config, prepared = self._ready(extension, self._given(extension))
            self._apply(self._door.reload, extension, config, prepared)

    def configure(self, kind: str, name: str, changes: Mapping[str, object]) -> None:
        """Change parameters; a loaded extension works with them at once.

        Args:
            kind: `plugin` or `module`.
            name: Of the extension.
            changes: Values by key; None goes back to the settings. What is not named stays.

        Raises:
            ServiceError: NOT_FOUND, or BAD_PARAMETER with a text that names the key; nothing has changed then.
        """
        extension = self.find(kind, name)
        with self._change:
            _, stored = self._stored(extension)
            wanted = _changed(stored, changes)
            given = {**self._from_settings(extension), **wanted}
            config, prepared = self._ready(extension, given, ResultCode.BAD_PARAMETER)
            with self._database.session() as session:
                row = self._row(session, extension)
                row.config_encrypted = self._box.seal(orjson.dumps(wanted).decode())
                # Which parameters were changed is told, not to what: some are secrets.
                audit.record(session, f"{kind}.configure", name, after=sorted(changes))
                session.flush()
                if self._door.is_loaded(extension):
                    self._apply(self._door.reload, extension, config, prepared)

    # -- the insides -----------------------------------------------------------------------------

    def _is_wanted(self, extension: Extension) -> bool:
        active, _ = self._stored(extension)
        if active is not None:
            return active
        by_settings = extension.loaded_by_settings and bool(self._from_settings(extension))
        return extension.loaded_by_default or by_settings

    def _load(self, extension: Extension) -> None:
        config, prepared = self._ready(extension, self._given(extension))
        self._apply(self._door.load, extension, config, prepared)

    def _ready(
        self,
        extension: Extension,
        given: Mapping[str, str],
        code: ResultCode = ResultCode.UNKNOWN,
    ) -> tuple[dict[str, Any], Any]:
        try:
            config = read_config(extension, given)
            return config, extension.prepare(config)
        except ExtensionError as error:
            raise ServiceError(code, str(error)) from None

    @staticmethod
    def _apply(change: Any, extension: Extension, config: Mapping[str, Any], prepared: Any) -> None:
        try:
            change(extension, config, prepared)
        except ExtensionError as error:
            raise ServiceError(ResultCode.UNKNOWN, str(error)) from None

    def _given(self, extension: Extension) -> dict[str, str]:
        _, stored = self._stored(extension)
        return {**self._from_settings(extension), **stored}

    def _from_settings(self, extension: Extension) -> dict[str, str]:
        return {key: text for key, text in self._settings.items() if row_for(extension, key)}

    def _stored(self, extension: Extension) -> tuple[bool | None, dict[str, str]]:
        with self._database.reading() as session:
            row = session.get(ExtensionState, self._key(extension))
            if row is None:
                return None, {}
            sealed = row.config_encrypted
            return row.active, orjson.loads(self._box.open(sealed)) if sealed else {}

    def _row(self, session: Session, extension: Extension) -> ExtensionState:
        row = session.get(ExtensionState, self._key(extension))
        if row is None:
            kind, node, name = self._key(extension)
            active = self._door.is_loaded(extension)
            row = ExtensionState(kind=kind, node=node, name=name, active=active)
            session.add(row)
        return row

    def _key(self, extension: Extension) -> tuple[str, str, str]:
        return extension.kind, self._node, extension.name


def _changed(stored: Mapping[str, str], changes: Mapping[str, object]) -> dict[str, str]:
    wanted = dict(stored)
    for key, value in changes.items():
        if value is None:
            wanted.pop(key, None)
        elif value != MASK:
            wanted[key] = _text(key, value)
    return wanted


def _text(key: str, value: object) -> str:
    """Return a JSON value in the text form that the kinds read."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float) or len(str(value)) > _VALUE_MAX_LENGTH:
        raise ServiceError(ResultCode.BAD_PARAMETER, f"value of '{key}' must be a text")
    return str(value)


def _record(row: Setting, key: str, text: str) -> ParameterRecord:
    shown = MASK if row.secret and text else text
    return ParameterRecord(key, shown, row.doc, bool(row.default), row)
