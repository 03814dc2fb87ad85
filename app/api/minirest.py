"""What the third and the fourth generation say alike: envelopes, errors, the texts of their routing.

Both stand on EMQX's minirest. Rows arrive encoded and leave encoded; only the envelope is written here. Nearly every
error travels with HTTP 200 and says so in `code`; 404 and 400 as HTTP statuses mean the routing, 500 means us (EMQX
3.2 and 4.4, minirest 0.3).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import orjson
from flask import Request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.api.blueprint import Dialect
from app.api.endpoint import Answer, Call
from app.api.reading import NotJson, read_body, read_query
from app.config import ManagementSettings
from app.errors import ServiceError
from app.node.proxy import PageRequest, RowsPage
from app.services.nodes import UnknownNode
from app.services.refusals import ExplainedError, WordedError

log = logging.getLogger(__name__)

OK = Answer(b'{"code":0}')


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


def read_call(request: Request, limits: ManagementSettings) -> Call:
    """Read what the caller sent; the content type does not matter.

    Raises:
        NotJson: There is a body, and it is no JSON.
        RequestEntityTooLarge: The body is larger than the limits allow.
    """
    query = read_query(request.environ.get("QUERY_STRING", ""))
    body = read_body(request, limits.max_body_size)
    # EMQX looks a name up in the query string first and in the body then.
    params: Mapping[str, object] = {**body, **query} if isinstance(body, dict) else query
    return Call(params, body, limits.max_row_limit, limits.v3_names)


def refusal(error: ServiceError) -> Answer:
    """Answer what a service refuses: HTTP 200, the code or its word in the body, or a bare message."""
    body: dict[str, object] = {"message": error.message}
    if isinstance(error, WordedError):
        body = {"code": error.word, **body}
    elif not error.bare:
        body = {"code": int(error.code), **body}
    if isinstance(error, ExplainedError):
        body = {**body, "reason": error.reason}
    return Answer(orjson.dumps(body))


def crash(error: Exception) -> Answer:
    """Answer what nobody expected: the traceback goes to the log, not to the caller."""
    if isinstance(error, RequestEntityTooLarge):
        return text("Request body is larger than management.max_body_size", 413)
    if isinstance(error, HTTPException):
        return text(error.name, error.code or 500)
    log.error("an API call crashed", exc_info=error)
    return text("Internal Error", 500)


DIALECT = Dialect(
    read_call=read_call,
    unknown=lambda rest: not_found() if rest else bad_request(),
    errors={
        ServiceError: refusal,
        UnknownNode: lambda _: not_found(),
        NotJson: lambda _: bad_request(),
        Exception: crash,
    },
)
"""How calls of both generations are read, and how their errors are told."""
