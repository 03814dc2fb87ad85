"""How the third generation says things: as minirest does, which it shares with the fourth, but for its pages."""

from __future__ import annotations

from app.api import minirest
from app.api.endpoint import Answer
from app.api.minirest import OK, rows, success
from app.node.proxy import PageRequest, RowsPage

__all__ = ["OK", "page", "rows", "success"]


def page(encoded: RowsPage, asked: PageRequest) -> Answer:
    """Answer with one page of a list; none tells whether there is more."""
    return minirest.page(encoded, asked, with_hasnext=False)
