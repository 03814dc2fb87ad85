"""Which plugins and modules there are: our own, and those of installed packages.

A package offers a plugin by an entry point in the group `godwit.plugins` that names a subclass of `Plugin`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from app.config.table import Setting
from app.plugins.base import PLUGIN, Extension, ExtensionError, Module, Plugin

logger = logging.getLogger(__name__)

GROUP = "godwit.plugins"
FORMER_NAMES = {
    (PLUGIN, "emqx_auth_clientid"): (PLUGIN, "emqx_auth_mnesia"),
    (PLUGIN, "emqx_auth_username"): (PLUGIN, "emqx_auth_mnesia"),
}
"""What older generations of EMQX call a plugin; those who ask for one by it find its successor."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")


class Registry:
    """All extensions of a node, by name; plugins and modules have names of their own."""

    def __init__(self, extensions: Iterable[Extension]) -> None:
        """Take them in the order of the lists.

        Raises:
            ExtensionError: Two have one name.
        """
        self._all: dict[tuple[str, str], Extension] = {}
        for one in extensions:
            self.add(one)

    def add(self, extension: Extension) -> None:
        """Add one more.

        Raises:
            ExtensionError: The name is taken, or none.
        """
        key = (extension.kind, extension.name)
        if not _NAME.fullmatch(extension.name):
            raise ExtensionError(f"A {extension.kind} cannot be called {extension.name!r}.")
        if key in self._all:
            raise ExtensionError(f"There are two {extension.kind}s called {extension.name}.")
        self._all[key] = extension

    def __iter__(self) -> Iterator[Extension]:
        """Walk all of them."""
        return iter(self._all.values())

    def of_kind(self, kind: str) -> list[Extension]:
        """Return the plugins, or the modules."""
        return [one for one in self if one.kind == kind]

    def find(self, kind: str, name: str) -> Extension | None:
        """Return one, by its name or a former one; None where there is none of that name."""
        key = (kind, name)
        return self._all.get(key) or self._all.get(FORMER_NAMES.get(key, key))

    def plugins(self) -> list[Plugin]:
        """Return the plugins."""
        return [one for one in self if isinstance(one, Plugin)]

    def modules(self) -> list[Module]:
        """Return the modules."""
        return [one for one in self if isinstance(one, Module)]


def installed_plugins(points: Iterable[EntryPoint] | None = None) -> list[Plugin]:
    """Return the plugins that installed packages offer; one that cannot be imported is logged and left out.

    Args:
        points: Where to look; by default the packages of this environment.
    """
    found = []
    for point in entry_points(group=GROUP) if points is None else points:
        try:
            made = point.load()()
            if not isinstance(made, Plugin):
                raise TypeError(f"{point.value} is no app.plugins.Plugin")
        except Exception:
            # Somebody else's mistake must not keep the node from starting.
            logger.exception("The plugin %s of an installed package cannot be used", point.name)
        else:
            found.append(made)
    return found


def row_for(extension: Extension, key: str) -> Setting | None:
    """Return the parameter that a key belongs to, or None where there is none."""
    return next((row for row in extension.parameters if row.takes(key)), None)


def read_config(extension: Extension, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of an extension's parameters: defaults, and what is given in their place.

    Args:
        extension: Whose parameters.
        given: Texts by key; keys of nobody are refused.

    Raises:
        ExtensionError: A key is unknown, or its value is none; the text names the key, never a secret.
    """
    values = {row.key: row.kind(row.default) for row in extension.parameters if "$" not in row.key}
    for key, text in given.items():
        row = row_for(extension, key)
        if row is None:
            raise ExtensionError(f"{extension.name} has no parameter {key}.")
        try:
            values[key] = row.kind(text)
        except ValueError:
            shown = "its value" if row.secret else repr(text)
            raise ExtensionError(
                f"{key}: {shown} is not {row.kind.name}, write {row.kind.forms}."
            ) from None
    return values
