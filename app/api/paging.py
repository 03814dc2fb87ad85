"""`_page` and `_limit`: which rows of a list a caller wants.

EMQX answers 500 where these are not integers; that is a caller's mistake, so it is result code 108 here.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.node.proxy import PageRequest
from app.services.query import not_convertible, to_integer

_MOST = 1_000_000_000
"""Larger numbers mean this one, so that the first row of a page stays a number that any index can take."""


def page_request(
    params: Mapping[str, object],
    default_limit: int,
    names: tuple[str, str] = ("_page", "_limit"),
) -> PageRequest:
    """Return the page that the parameters ask for.

    Args:
        params: The parameters of the call.
        default_limit: Rows per page where `_limit` is left out.
        names: What the two parameters are called.

    Returns:
        The page; numbers below 1 are kept, since the answer repeats them, and mean the first page.

    Raises:
        ServiceError: A value is not an integer, or `_limit` is below 0.
    """
    page_name, limit_name = names
    limit = to_integer(params.get(limit_name, default_limit))
    if limit < 0:
        raise not_convertible(params[limit_name], "integer")
    page = to_integer(params.get(page_name, 1))
    return PageRequest(page=min(page, _MOST), limit=min(limit, _MOST))
