"""Settings while a node runs: every one by its key, and the change of those that are hot.

The sections of the tree are frozen for everybody but this module. A hot setting is read where it is used, from the very
section that the composition root handed out, so changing the field there changes it for all at once; one attribute is
stored at a time, which no reader can see by half. What is captured somewhere at the start must not be marked hot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.config.load import SettingsError
from app.config.table import Setting, rows_of
from app.config.tree import Settings


@dataclass(frozen=True, slots=True)
class LiveSetting:
    """One setting as it is in force."""

    key: str
    row: Setting
    default: str
    section: Any
    field: str

    def read(self, text: str) -> object:
        """Return the value that a text stands for.

        Raises:
            SettingsError: It is none of the forms of this setting.
        """
        try:
            return self.row.kind(text)
        except ValueError:
            shown = "the value" if self.row.secret else repr(text)
            kind = self.row.kind
            raise SettingsError(
                f"Correct {self.key}: {shown} is not {kind.name}, write {kind.forms}."
            ) from None

    def change(self, text: str) -> None:
        """Put the value of a text into force.

        Raises:
            SettingsError: It is none of the forms of this setting.
        """
        assert self.row.hot, "others than hot settings are read once"
        object.__setattr__(self.section, self.field, self.read(text))


def live_settings(settings: Settings) -> Mapping[str, LiveSetting]:
    """Return every setting of a node by its key, in the order of the tree."""
    return {one.key: one for section, names in _sections(settings) for one in _rows(section, names)}


def _rows(section: Any, names: Mapping[str, str]) -> Iterator[LiveSetting]:
    for field, row in rows_of(type(section)):
        yield LiveSetting(row.key_for(names), row, row.default_for(names), section, field)


def _sections(settings: Settings) -> Iterator[tuple[Any, Mapping[str, str]]]:
    broker = settings.broker
    for section in (
        broker,
        broker.mqtt,
        broker.retainer,
        broker.delayed,
        broker.alarm,
        broker.monitors,
        settings.node,
        settings.database,
        settings.management,
        settings.dashboard,
        settings.log,
    ):
        yield section, {}
    for name, zone in broker.zones.items():
        yield zone, {"name": name}
    for listener in broker.listeners:
        yield listener, {"protocol": listener.protocol, "name": listener.name}
