"""What is in a payload, for people: as text, as JSON or as bytes."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

MOST_SHOWN = 65_536
"""Bytes of a payload that a page shows; the whole of it can be fetched."""
BYTES_A_LINE = 16
FORMS = ("json", "text", "hex")


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload in one of its forms."""

    form: str
    """Of `FORMS`."""
    forms: tuple[str, ...]
    """The forms that it has."""
    text: str
    size: int
    is_cut: bool


def shown_payload(payload: bytes, wanted: str = "") -> Payload:
    """Return a payload as it is shown.

    Args:
        payload: The bytes.
        wanted: The form that was asked for; the first that it has by default.
    """
    part = payload[:MOST_SHOWN]
    found = {"json": _json(payload), "text": _text(part), "hex": _hex(part)}
    forms = tuple(form for form in FORMS if found[form] is not None)
    form = wanted if wanted in forms else forms[0]
    return Payload(form, forms, found[form] or "", len(payload), len(payload) > MOST_SHOWN)


def _json(payload: bytes) -> str | None:
    """Return indented JSON; None for what is none, or nothing but a number."""
    if len(payload) > MOST_SHOWN or payload.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        return orjson.dumps(orjson.loads(payload), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return None


def _text(part: bytes) -> str | None:
    try:
        text = part.decode()
    except UnicodeDecodeError as error:
        # A character may have been cut through at the end.
        if error.start < len(part) - 3 or len(part) < MOST_SHOWN:
            return None
        text = part[: error.start].decode()
    return (
        text
        if all(character.isprintable() or character in "\r\n\t" for character in text)
        else None
    )


def _hex(part: bytes) -> str:
    lines = []
    for start in range(0, len(part), BYTES_A_LINE):
        row = part[start : start + BYTES_A_LINE]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{start:08x}  {row.hex(' '):<{BYTES_A_LINE * 3}} {letters}")
    return "\n".join(lines)
