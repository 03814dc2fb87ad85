"""Finds every sentence that other rooms say and that pages show, with `{1}`, `{2}` … in the places of values."""

from __future__ import annotations

import ast
import errno
import os
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import app
from app.api.openapi.document import _tag
from app.api.v2.table import TABLE as V2
from app.api.v3.table import TABLE as V3
from app.api.v4.table import TABLE as V4
from app.config.tree import all_rows
from app.mqtt.reason_codes import ReasonCode
from app.mqtt.reason_codes import text as reason_text

ROOT = Path(app.__file__).parent
ASSIGNED = -1
"""In the place of an argument: it is an attribute or a variable."""
RETURNED = -2
"""In the place of an argument: it is a function that returns what is said."""
SAYING: tuple[tuple[str, str, int], ...] = (
    ("", "because", 0),
    ("broker/explaining.py", "_note", 3),
    ("broker", "activate", 1),
    ("broker/os_mon.py", "_between", 3),
    ("broker/os_mon.py", "_compare", 3),
    ("plugins", "activate", 1),
    ("rules", "activate", 1),
    ("schemas", "ServiceError", 1),
    ("services", "ServiceError", 1),
    ("node", "ServiceError", 1),
    ("plugins", "ServiceError", 1),
    ("services/backup_file.py", "BackupError", 0),
    ("services/backup.py", "BackupError", 0),
    ("plugins/acl_internal/language.py", "RuleError", 0),
    ("plugins/acl_internal/language.py", "_refuse", 1),
    ("plugins/acl_internal/language.py", "__init__", 0),
    ("plugins/acl_internal/language.py", "_unexpected", RETURNED),
    ("services", "refused", 0),
    ("schemas", "refused", 0),
    ("schemas", "IncorrectTrace", 0),
    ("schemas", "Checked", 0),
    ("services", "WordedError", 2),
    ("services", "DocumentRefused", 0),
    ("services", "ImportRefused", 0),
    ("services", "bad_arguments", 0),
    ("rules", "BadArguments", 0),
    ("rules", "RuleError", 0),
    ("rules", "ActionFailed", 0),
    ("rules", "TryAgain", 0),
    ("rules", "ResourceDown", 0),
    ("services", "ResourceDown", 0),
    ("plugins/auth_jwt", "TokenRefused", 0),
    ("plugins/auth_jwt", "KeyRefused", 0),
    ("plugins/psk_file", "KeyFileError", 0),
    ("auth", "PlaceholderError", 0),
    ("plugins", "PlaceholderError", 0),
    ("schemas/fields.py", "sentence", ASSIGNED),
    ("compiled_form.py", "why_not", ASSIGNED),
    ("compiled_form.py", "sentence", RETURNED),
    ("config/live.py", "SettingsError", 0),
    ("plugins", "ExtensionError", 0),
    ("plugins", "essential", ASSIGNED),
)
"""Below which path a call of which name says, as which of its arguments, what somebody may read on a page."""
SYSTEM_ERRORS = (
    errno.EACCES,
    errno.EADDRINUSE,
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.EHOSTUNREACH,
    errno.EISDIR,
    errno.EMFILE,
    errno.ENETUNREACH,
    errno.ENOENT,
    errno.ENOSPC,
    errno.EPERM,
    errno.EPIPE,
    errno.EROFS,
    errno.ETIMEDOUT,
)
"""What the system says where servers and files are not to be had."""
_CONVERSION = re.compile(r"%(?:\.\d)?[sdf]")


def texts_heard() -> dict[str, str]:
    """Return where each sentence is said, by the sentence; one place of several."""
    found: dict[str, str] = {}
    for path in sorted(ROOT.rglob("*.py")):
        wanted = _wanted(path.relative_to(ROOT).as_posix())
        if wanted:
            found |= dict.fromkeys(_said_in(ast.parse(path.read_text("utf-8")), wanted), str(path))
    for row in all_rows():
        found |= dict.fromkeys((row.doc, row.kind.name, row.kind.forms), row.key)
    for table in (V2, V3, V4):
        for endpoint in table:
            found |= dict.fromkeys((endpoint.descr, _tag(endpoint)), endpoint.path)
    found |= dict.fromkeys(map(reason_text, ReasonCode), "reason_codes.py")
    found |= dict.fromkeys(map(os.strerror, SYSTEM_ERRORS), "the operating system")
    return {text: where for text, where in found.items() if _has_words(text)}


def _wanted(path: str) -> dict[str, int]:
    return {
        name: place
        for below, name, place in SAYING
        if not below or path == below or path.startswith(f"{below}/")
    }


def _said_in(module: ast.Module, wanted: dict[str, int]) -> Iterator[str]:
    assigned: dict[str, list[ast.expr]] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign):
            assigned.setdefault(_name(node.targets[0]), []).append(node.value)
        elif isinstance(node, ast.FunctionDef) and wanted.get(node.name) == RETURNED:
            for one in ast.walk(node):
                if isinstance(one, ast.Return) and one.value is not None:
                    yield from _sentences(one.value)
    for name, place in wanted.items():
        for said in assigned.get(name, []) if place == ASSIGNED else []:
            yield from _sentences(said)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and (name := _name(node.func)) in wanted:
            for argument in node.args[wanted[name] : wanted[name] + 1]:
                is_named = isinstance(argument, ast.Name)
                for said in assigned.get(argument.id, []) if is_named else [argument]:
                    yield from _sentences(said)
            if name == "because":
                for value in node.args[1:]:
                    yield from _sentences(value)


def _name(called: ast.expr) -> str:
    if isinstance(called, ast.Name):
        return called.id
    return called.attr if isinstance(called, ast.Attribute) else ""


def _sentences(said: ast.expr) -> Iterator[str]:
    """Yield what an expression may say; one sentence for each way of a condition."""
    if isinstance(said, ast.IfExp):
        yield from _sentences(said.body)
        yield from _sentences(said.orelse)
    elif isinstance(said, ast.Constant) and isinstance(said.value, str):
        places = count(1)
        yield _CONVERSION.sub(lambda _found: f"{{{next(places)}}}", said.value).replace("%%", "%")
    elif isinstance(said, ast.JoinedStr):
        yield _of_f_string(said)


def _of_f_string(said: ast.JoinedStr) -> str:
    places = count(1)
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else f"{{{next(places)}}}"
        for part in said.values
    )


def _has_words(text: str) -> bool:
    """Tell whether there is something to translate: more than a word of a protocol and values."""
    return re.search(r"[A-Za-z]{2,}", re.sub(r"\{\d\}", "", text)) is not None
