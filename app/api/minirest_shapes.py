"""The envelopes of the third and the fourth generation as descriptions say them; `app.api.minirest` writes them."""

from __future__ import annotations

from app.api.describing import NODE, Description, Example, Parameter, Row, Word, row

OK = row(code=Word((0,)))
PAGING = (Parameter("_page", 1), Parameter("_limit", 50))
DONE = Description(OK)
"""A call without a body that answers nothing but that it is done."""


def data(shape: Example) -> Row:
    """Return the envelope around one value."""
    return row(data=shape, code=Word((0,)))


def shown(shape: Example) -> Description:
    """Describe a call that shows one value."""
    return Description(data(shape))


def by_node(key: str, shape: Example) -> Description:
    """Describe a call that shows something of every node."""
    return shown([row("", node=NODE, **{key: shape})])


def paged(one: Example, *filters: Parameter, with_hasnext: bool = True) -> Description:
    """Describe a call that shows a page of a list."""
    meta: dict[str, Example] = {"page": 1, "limit": 50, "count": 1}
    if with_hasnext:
        meta["hasnext"] = False
    return Description(row(meta=row("", **meta), data=[one], code=Word((0,))), (*filters, *PAGING))


def done(body: Example) -> Description:
    """Describe a call that takes a body, and answers nothing but that it is done."""
    return Description(OK, body=body)
