"""Rows of the settings table: how a dataclass field declares its key, kind, default and meaning.

Loading, validation and docs/configuration.md read the rows from the fields; nobody spells a key
twice. Keys are EMQX 4's dotted names. `$name` in a key stands for a name that the operator chooses.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.config.kinds import Kind

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    key: str
    kind: Kind[Any]
    default: str
    doc: str
    hot: bool = False
    secret: bool = False
    variants: Mapping[str, str] = field(default_factory=dict)
    """Defaults of particular names or protocols, where they differ from `default`."""

    def takes(self, key: str) -> bool:
        """Tell whether a key is this row's, with any names in the place of its `$name`s."""
        parts = re.split(r"\$\w+", self.key)
        return re.fullmatch(r"[A-Za-z0-9_-]+".join(map(re.escape, parts)), key) is not None

    def key_for(self, names: Mapping[str, str]) -> str:
        """Return the key with `$name` and `$protocol` filled in."""
        key = self.key
        for placeholder, value in names.items():
            key = key.replace(f"${placeholder}", value)
        return key

    def default_for(self, names: Mapping[str, str]) -> str:
        """Return the default text for these names."""
        chosen = (*names.values(), ".".join(names.values()))
        return next(
            (self.variants[name] for name in reversed(chosen) if name in self.variants),
            self.default,
        )


def setting(
    key: str, kind: Kind[T], default: str, doc: str, *, hot: bool = False, **more: Any
) -> T:
    """Declare one field of a settings dataclass as a row of the table."""
    row = Setting(key, kind, default, doc, hot, **more)
    declared: T = field(default=kind(default), metadata={"setting": row}, repr=not row.secret)
    return declared


def rows_of(cls: type[Any]) -> Iterator[tuple[str, Setting]]:
    """Yield (field name, row) for the fields of a dataclass that are rows of the table."""
    for declared in dataclasses.fields(cls):
        if "setting" in declared.metadata:
            yield declared.name, declared.metadata["setting"]


def make(cls: type[T], names: Mapping[str, str], **values: Any) -> T:
    """Return a dataclass of the tree with the defaults that belong to these names."""
    defaults = {name: row.kind(row.default_for(names)) for name, row in rows_of(cls)}
    return cls(**{**names, **defaults, **values})
