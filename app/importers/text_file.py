"""Reading foreign files: text of a size that a person could have written."""

from __future__ import annotations

from pathlib import Path

from app.importers.plan import ImportRefusedError

MAX_BYTES = 64 * 1024 * 1024


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        ImportRefusedError: It cannot be read, is too large, or is no UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ImportRefusedError(f"Give a file that can be read: {error}.") from None
    if len(content) > MAX_BYTES:
        raise ImportRefusedError(f"Give a smaller file: {path} is larger than 64 MB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportRefusedError(
            f"Save {path} as UTF-8: the byte at {error.start} is not."
        ) from None
    if "\0" in text:
        raise ImportRefusedError(f"Give a text file: {path} holds a NUL.")
    return text
