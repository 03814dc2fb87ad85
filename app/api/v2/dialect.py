"""How the second generation says things: its envelope, its pages, its errors.

Success is `code` 0 with `result`; an error is HTTP 200 with another `code`. What EMQ 2 does not know or could not do
is a 404 without a word. GET has parameters in the query string alone, other methods in the body alone (EMQ 2.3.11).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TypeVar

import orjson
from flask import Request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.api.blueprint import Dialect
from app.api.endpoint import Answer, Call
from app.api.paging import page_request
from app.api.reading import NotJson, read_body, read_query
from app.config import ManagementSettings
from app.errors import ResultCode, ServiceError
from app.node.proxy import PageRequest, RowsPage
from app.services.nodes import UnknownNode

T = TypeVar("T")

log = logging.getLogger(__name__)

OK = Answer(b'{"code":0,"result":[]}')
NOT_FOUND = Answer(b"", 404, "text/plain")
DEFAULT_PAGE_SIZE = 20


class UnreadablePage(Exception):
    """A page number or size that is none."""


def success(result: object) -> Answer:
    """Answer with plain values."""
    return Answer(b'{"code":0,"result":%b}' % orjson.dumps(result))


def objects(encoded: bytes) -> Answer:
    """Answer a look-up with encoded objects, joined by commas."""
    return Answer(b'{"code":0,"result":{"objects":[%b]}}' % encoded)


def asked_page(call: Call) -> PageRequest:
    """Return the page that is asked for.

    Raises:
        UnreadablePage: `curr_page` or `page_size` is no number, or no row fits in a page.
    """
    try:
        asked = page_request(call.params, DEFAULT_PAGE_SIZE, ("curr_page", "page_size"))
    except ServiceError as error:
        raise UnreadablePage from error
    if asked.limit < 1:
        raise UnreadablePage
    return asked


def page(encoded: RowsPage, asked: PageRequest) -> Answer:
    """Answer with one page of a list; the number of pages is rounded up."""
    return Answer(
        b'{"code":0,"result":{"current_page":%d,"page_size":%d,"total_num":%d,"total_page":%d,"objects":[%b]}}'
        % (
            asked.page,
            asked.limit,
            encoded.total,
            -(-encoded.total // asked.limit),
            encoded.rows,
        )
    )


def parameter(params: Mapping[str, object], name: str, kind: type[T]) -> T:
    """Return a parameter that the call must have.

    Raises:
        ServiceError: It is not there (107), or of another type (108).
    """
    if name not in params:
        raise ServiceError(ResultCode.MISSING_PARAMETER, "params error")
    return _of_type(params[name], kind)


def parameters(params: Mapping[str, object], kinds: Mapping[str, type[object]]) -> None:
    """Look whether a call has what it must have, and then whether all is of the right type.

    Raises:
        ServiceError: Something is not there (107), or of another type (108).
    """
    if not kinds.keys() <= params.keys():
        raise ServiceError(ResultCode.MISSING_PARAMETER, "params error")
    for name, kind in kinds.items():
        _of_type(params[name], kind)


def optional(params: Mapping[str, object], name: str, default: T) -> T:
    """Return a parameter that the call may have, of the type of its default.

    Raises:
        ServiceError: It is of another type (108).
    """
    return _of_type(params[name], type(default)) if name in params else default


def bad_type() -> ServiceError:
    """Return the error for a parameter that is of the wrong kind."""
    return ServiceError(ResultCode.BAD_PARAMETER, "params type error")


def _of_type(value: object, kind: type[T]) -> T:
    # JSON's true is no number, though Python takes it for one.
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise bad_type()


def _read_call(request: Request, limits: ManagementSettings) -> Call:
    if request.method == "GET":
        query = read_query(request.environ.get("QUERY_STRING", ""))
        return Call(query, None, limits.max_row_limit)
    body = read_body(request, limits.max_body_size)
    return Call(body if isinstance(body, dict) else {}, body, limits.max_row_limit)


def _refusal(error: ServiceError) -> Answer:
    return Answer(orjson.dumps({"code": int(error.code), "message": error.message}))


def _crash(error: Exception) -> Answer:
    if isinstance(error, RequestEntityTooLarge):
        words = b"Request body is larger than management.max_body_size"
        return Answer(words, 413, "text/plain")
    if isinstance(error, HTTPException):
        return Answer(b"", error.code or 500, "text/plain")
    log.error("an API call crashed", exc_info=error)
    return Answer(b"", 500, "text/plain")


DIALECT = Dialect(
    read_call=_read_call,
    unknown=lambda _: NOT_FOUND,
    errors={
        ServiceError: _refusal,
        UnknownNode: lambda _: _refusal(ServiceError(ResultCode.BADRPC)),
        NotJson: lambda _: _refusal(ServiceError(ResultCode.NOT_JSON, "Body not json")),
        UnreadablePage: lambda _: NOT_FOUND,
        Exception: _crash,
    },
)
