"""How the fourth generation says things: envelopes, errors, the texts of its routing.

Rows arrive encoded and leave encoded; only the envelope is written here. Nearly every error travels with HTTP 200 and
says so in `code`; 404 and 400 as HTTP statuses mean the routing, 500 means us (EMQX 4.4, minirest 0.3).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import unquote_plus

import orjson
from flask import Request, Response
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.api.endpoint import Answer, Call
from app.errors import ServiceError
from app.node.proxy import PageRequest, RowsPage

log = logging.getLogger(__name__)

OK = Answer(b'{"code":0}')

_READ_AWAY_TIMES = 4
_CHUNK = 65_536
_DEEPEST = 250
"""Brackets within brackets that orjson writes without a complaint (its limit is 254)."""


class NotJson(Exception):
    """A body that is no JSON."""


def success(data: object) -> Answer:
    """Answer with plain values."""
    return Answer(b'{"data":%b,"code":0}' % orjson.dumps(data))


def rows(encoded: bytes) -> Answer:
    """Answer with encoded objects, joined by commas."""
    return Answer(b'{"data":[%b],"code":0}' % encoded)


def page(encoded: RowsPage, asked: PageRequest, *, with_hasnext: bool = True) -> Answer:
    """Answer with one page of a list.

    Args:
        encoded: The rows and what is known about the rest.
        asked: What the caller asked for; the answer repeats it as it was.
        with_hasnext: Whether this list tells if there is more (routes and bans do not).
    """
    hasnext = b',"hasnext":%b' % (b"true" if encoded.hasnext else b"false") if with_hasnext else b""
    return Answer(
        b'{"meta":{"page":%d,"limit":%d,"count":%d%b},"data":[%b],"code":0}'
        % (asked.page, asked.limit, encoded.total, hasnext, encoded.rows)
    )


def text(body: str, status: int) -> Answer:
    """Answer with plain text, as the routing does."""
    return Answer(body.encode(), status, "text/plain")


def not_found() -> Answer:
    """Answer for paths, methods and nodes that do not exist."""
    return text("Not found.", 404)


def bad_request() -> Answer:
    """Answer for a body that is no JSON, and for anything but GET on the base path."""
    return text("Bad Request", 400)


def response(answer: Answer) -> Response:
    """Turn an answer into Flask's."""
    return Response(answer.body, answer.status, content_type=answer.content_type)


def read_call(request: Request, max_row_limit: int, max_body_size: int) -> Call:
    """Read what the caller sent; the content type does not matter.

    Raises:
        NotJson: There is a body, and it is no JSON.
        RequestEntityTooLarge: The body is larger than `max_body_size` bytes.
    """
    query = read_query(request.environ.get("QUERY_STRING", ""))
    body = _read_body(request, max_body_size)
    # EMQX looks a name up in the query string first and in the body then.
    params: Mapping[str, object] = {**body, **query} if isinstance(body, dict) else query
    return Call(params, body, max_row_limit)


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


def _read_body(request: Request, max_body_size: int) -> object:
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
    while most > 0 and (chunk := stream.read(_CHUNK)):
        most -= len(chunk)


def refusal(error: ServiceError) -> Response:
    """Answer what a service refuses: HTTP 200, the code in the body, or a bare message."""
    body: dict[str, object] = {"message": error.message}
    if not error.bare:
        body = {"code": int(error.code), **body}
    return response(Answer(orjson.dumps(body)))


def crash(error: Exception) -> Response:
    """Answer what nobody expected: the traceback goes to the log, not to the caller."""
    if isinstance(error, RequestEntityTooLarge):
        return response(text("Request body is larger than management.max_body_size", 413))
    if isinstance(error, HTTPException):
        return response(text(error.name, error.code or 500))
    log.error("an API call crashed", exc_info=error)
    return response(text("Internal Error", 500))
