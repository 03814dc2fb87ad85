"""Reading what a caller sent: query string and JSON body, whatever the content type says.

Knows HTTP and JSON; how the parts are put together, and what is answered to a body that is none, is for each
generation to say.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import unquote_plus

import orjson
from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

_READ_AWAY_TIMES = 4
_CHUNK = 65_536
_DEEPEST = 250
"""Brackets within brackets that orjson writes without a complaint (its limit is 254)."""


class NotJson(Exception):
    """A body that is no JSON."""


def read_query(query_string: str) -> dict[str, object]:
    """Return the parameters of a query string; the first of a name counts, one without `=` is True."""
    params: dict[str, object] = {}
    for part in query_string.split("&") if query_string else ():
        name, equals, value = part.partition("=")
        if name:
            params.setdefault(_decoded(name), _decoded(value) if equals else True)
    return params


def _decoded(text: str) -> str:
    # A server hands the bytes over as latin-1; a client that did not encode them meant UTF-8.
    return unquote_plus(text if text.isascii() else text.encode("latin-1").decode(errors="replace"))


def read_body(request: Request, max_body_size: int) -> object:
    """Return the decoded body, or None where there is none.

    Raises:
        NotJson: There is a body, and it is no JSON.
        RequestEntityTooLarge: The body is larger than `max_body_size` bytes.
    """
    environ = request.environ
    if not environ.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" not in environ:
        return None
    # A body without a length is cut at this limit without a word; one byte more tells it from one that fits.
    request.max_content_length = max_body_size + 1
    try:
        body = request.get_data(cache=False)
        if len(body) > max_body_size:
            raise RequestEntityTooLarge
    except RequestEntityTooLarge:
        _read_away(request, most=max_body_size * _READ_AWAY_TIMES)
        raise
    if not body:
        return None
    try:
        # Bytes that are no UTF-8 are replaced, not refused.
        decoded = orjson.loads(body if body.isascii() else body.decode(errors="replace"))
        if body.count(b"[") + body.count(b"{") > _DEEPEST:
            # It may be nested deeper than the encoder goes, and answers and payloads repeat what was sent.
            orjson.dumps(decoded)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
        raise NotJson from error
    return decoded


def _read_away(request: Request, most: int) -> None:
    """Take what the caller still sends, up to a limit: closed at once, it would see a reset and not our sentence."""
    stream = request.environ["wsgi.input"]
    # One that sends nothing, or has gone, is told at once.
    with suppress(OSError):
        while most > 0 and (chunk := stream.read(_CHUNK)):
            most -= len(chunk)
