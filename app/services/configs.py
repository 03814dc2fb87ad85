"""Settings while the node runs: what is in force, where it comes from, and the change of those that are hot.

A change is checked by the settings' own table, kept in the database and put into force at once. At the next start it is
stronger than `godwit.toml` and weaker than the environment, which belongs to whoever starts the node.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from app.actor import current_actor
from app.clock import Clock
from app.config import Settings, SettingsError
from app.config.live import LiveSetting, live_settings
from app.config.load import given_texts, variable_of
from app.errors import ResultCode, ServiceError
from app.models import ConfigOverride, Database
from app.services import audit
from app.services.masking import MASK

_log = logging.getLogger(__name__)

_APPS = {
    "retainer": "emqx_retainer",
    "management": "emqx_management",
    "dashboard": "emqx_dashboard",
    "module": "emqx_modules",
    "delayed": "emqx_modules",
}
"""EMQX's application that a key belongs to, by its first word; the others are `emqx`."""


@dataclass(frozen=True, slots=True)
class ConfigRecord:
    """One setting as it may leave this room; values are texts in EMQX's forms."""

    key: str
    value: str
    """What is in force; a secret one is masked."""
    default: str
    source: str
    """default, file, override or environment."""
    hot: bool
    kind: str
    """What the value is, in words: `a duration`."""
    app: str
    """EMQX's application that the key belongs to."""
    doc: str


class ConfigsService:
    """Shows settings and changes hot ones. Request threads share it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        environ: Mapping[str, str],
    ) -> None:
        """Take what it works with.

        Args:
            database: Where changes are kept.
            clock: Wall time, for what is written.
            settings: The tree that everybody reads; its hot fields are changed in place.
            environ: What the settings were loaded with.

        Raises:
            SettingsError: The settings file cannot be read.
        """
        self._database = database
        self._clock = clock
        self._settings = live_settings(settings)
        self._given = given_texts(environ, settings.instance_dir)
        self._overrides: dict[str, str] = {}
        self.on_change: Callable[[], None] = _nobody_waits
        """Called after every change that is in force."""
        # Two changes of one setting must come into force in the order in which they were committed.
        self._commit_then_apply = threading.Lock()

    def apply_stored(self) -> None:
        """Put the kept changes into force; call it once, before the node starts."""
        with self._database.reading() as session:
            stored = {row.key: row.value for row in session.scalars(select(ConfigOverride))}
        for key, value in stored.items():
            try:
                one = self._changeable(key)
                one.change(str(value))
            except (ServiceError, SettingsError) as error:
                _log.warning("the kept change of %s is not in force: %s", key, error)
            else:
                self._overrides[key] = str(value)

    def list(self) -> list[ConfigRecord]:
        """Return every setting."""
        return [self._record(one) for one in self._settings.values()]

    def get(self, key: str) -> ConfigRecord:
        """Return one setting.

        Raises:
            ServiceError: There is no such key.
        """
        return self._record(self._known(key))

    def update(self, values: Mapping[str, object]) -> None:
        """Change settings, all of them or none.

        Args:
            values: By key; texts in EMQX's forms, numbers, true or false.

        Raises:
            ServiceError: A key is unknown or needs a restart, or a value cannot be used.
        """
        texts = {key: _text(value) for key, value in values.items()}
        changes = [(self._changeable(key), text) for key, text in texts.items()]
        for one, text in changes:
            _check(one, text)
        with self._commit_then_apply:
            with self._database.session() as session:
                for one, text in changes:
                    row = ConfigOverride(
                        key=one.key,
                        value=text,
                        at=self._clock.wall_ms(),
                        by=current_actor().name,
                    )
                    session.merge(row)
                    before, after = {"value": self._value(one)}, {"value": text}
                    audit.record(session, "config.update", one.key, before=before, after=after)
            for one, text in changes:
                one.change(text)
                self._overrides[one.key] = text
                _log.info("%s is %s now", one.key, text)
            self.on_change()

    def reset(self, key: str) -> None:
        """Take a change back: the file or the default counts again, at once.

        Raises:
            ServiceError: There is no such key, or it cannot be changed while the node runs.
        """
        one = self._changeable(key)
        with self._commit_then_apply:
            with self._database.session() as session:
                row = session.get(ConfigOverride, key)
                if row is not None:
                    session.delete(row)
                    before = {"value": row.value}
                    after = {"value": self._underlying(one)[0]}
                    audit.record(session, "config.reset", key, before=before, after=after)
            self._overrides.pop(key, None)
            one.change(self._underlying(one)[0])
            self.on_change()

    def _known(self, key: str) -> LiveSetting:
        one = self._settings.get(key)
        if one is None:
            raise ServiceError(ResultCode.BAD_PARAMETER, f"unknown setting {key}")
        return one

    def _changeable(self, key: str) -> LiveSetting:
        one = self._known(key)
        if not one.row.hot:
            raise ServiceError(
                ResultCode.BAD_PARAMETER,
                f"{key} needs a restart: set it in godwit.toml or as {variable_of(key)}, and start again",
            )
        if self._given.get(key, ("", ""))[1] == "environment":
            raise ServiceError(
                ResultCode.BAD_PARAMETER,
                f"{key} is set by {variable_of(key)} in the environment, which is stronger",
            )
        return one

    def _underlying(self, one: LiveSetting) -> tuple[str, str]:
        """Return (text, source) of a setting without changes."""
        return self._given.get(one.key) or (one.default, "default")

    def _value(self, one: LiveSetting) -> str:
        override = self._overrides.get(one.key)
        return self._underlying(one)[0] if override is None else override

    def _record(self, one: LiveSetting) -> ConfigRecord:
        value = self._value(one)
        return ConfigRecord(
            key=one.key,
            value=MASK if one.row.secret and value else value,
            default=MASK if one.row.secret and one.default else one.default,
            source="override" if one.key in self._overrides else self._underlying(one)[1],
            hot=one.row.hot,
            kind=one.row.kind.name,
            app=_APPS.get(one.key.partition(".")[0], "emqx"),
            doc=one.row.doc,
        )


def _check(one: LiveSetting, text: str) -> None:
    try:
        one.read(text)
    except SettingsError as error:
        raise ServiceError(ResultCode.BAD_PARAMETER, str(error)) from None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ServiceError(ResultCode.BAD_PARAMETER, "a setting is a text, a number, true or false")


def _nobody_waits() -> None:
    """Hear of a change, and do nothing about it."""
