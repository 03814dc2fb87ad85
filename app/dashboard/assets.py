"""Where the bundled scripts, styles and icons are: what `make assets` made, by the manifest that it left.

Without them pages are plain HTML that says how to make them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson
from flask import Response, request, send_from_directory
from markupsafe import Markup

DIST = Path(__file__).parent / "static" / "dist"
MANIFEST = "manifest.json"
_ONE_YEAR_S = 31_536_000


class Assets:
    """The manifest, read again when it has changed: assets may be made while the node runs."""

    def __init__(self, folder: Path = DIST) -> None:
        """Look into this folder."""
        self._folder = folder
        self._read_at: float | None = None
        self._names: Mapping[str, str] = {}

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self.names())

    def names(self) -> Mapping[str, str]:
        """Return the files' names with their hashes, by the names without."""
        manifest = self._folder / MANIFEST
        try:
            changed_at = manifest.stat().st_mtime
            if changed_at != self._read_at:
                self._names = orjson.loads(manifest.read_bytes())
                self._read_at = changed_at
        except (OSError, orjson.JSONDecodeError):
            self._names, self._read_at = {}, None
        return self._names

    def url(self, name: str) -> str:
        """Return where a file is served; empty where it was not made."""
        hashed = self.names().get(name)
        return f"{request.script_root}/dashboard/static/{hashed}" if hashed else ""

    def icon(self, name: str) -> Markup:
        """Return an icon; texts say the same, so it is hidden from who listens."""
        sprite = self.url("icons.svg")
        if not sprite:
            return Markup("")
        return Markup(
            '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>'
        ).format(sprite, name)

    def send(self, filename: str) -> Response:
        """Serve one; its name changes with its content, so a browser may keep it."""
        response = send_from_directory(self._folder, filename, max_age=_ONE_YEAR_S)
        response.headers["Cache-Control"] = f"public, max-age={_ONE_YEAR_S}, immutable"
        return response
