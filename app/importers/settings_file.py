"""Merging settings into `godwit.toml` without touching what the operator wrote there."""

from __future__ import annotations

import json
import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from app.config import load_settings
from app.config.load import SETTINGS_FILE, flatten


def keys_in(instance_dir: Path) -> set[str]:
    """Return the dotted keys that `godwit.toml` sets already."""
    path = instance_dir / SETTINGS_FILE
    if not path.exists():
        return set()
    return {key for key, _value in flatten(tomllib.loads(path.read_text("utf-8")))}


def merge(
    instance_dir: Path, settings: Mapping[str, str], origin: str, *, write: bool
) -> dict[str, str]:
    """Write those settings that the file does not have yet, and return them.

    They go above everything else, since below a `[table]` line they would belong to that table. The
    file is replaced whole, and only after the result has been read as a node would read it.

    Args:
        instance_dir: The folder of `godwit.toml`.
        settings: What to add, in the table's keys and text forms.
        origin: What the comment above the new lines names.
        write: Whether to replace the file; else only try what it would become.

    Raises:
        SettingsError: The settings would stop the next start; the file is as it was.
    """
    present = keys_in(instance_dir)
    missing = {key: value for key, value in settings.items() if key not in present}
    if not missing:
        return {}
    path = instance_dir / SETTINGS_FILE
    lines = [f"# Imported from {json.dumps(origin)}"]
    lines += [f"{json.dumps(key)} = {_quoted(value)}" for key, value in missing.items()]
    before = path.read_text("utf-8") if path.exists() else ""
    after = "\n".join([*lines, "", before]).rstrip("\n") + "\n"
    _try_out(after)
    if write:
        _replace(path, after)
    return missing


def _try_out(content: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, SETTINGS_FILE).write_text(content, "utf-8")
        load_settings({}, Path(folder))


def _replace(path: Path, content: str) -> None:
    """Put the content in the file's place in one step, with the file's own mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".toml.new")
    draft.write_text(content, "utf-8")
    if path.exists():
        shutil.copymode(path, draft)
    draft.replace(path)


def _quoted(text: str) -> str:
    """Return a TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(text, ensure_ascii=False)
