"""Pages of the clients that are connected, which is all that lists of the second and third generation know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter

from app.broker.cm import ManagedChannel
from app.broker.records import ClientRecord
from app.node.pager import Pager
from app.node.proxy import ClientQuery, ClientRow, PageRequest, RowsPage

CONNECTED = ClientQuery(conn_state="connected")
_IS_CONNECTED = attrgetter("is_connected")
COUNTING = 10
"""Whether a client is connected is counted so many times faster than a filter is asked."""


async def connected_page(
    pager: Pager,
    channels: list[ManagedChannel],
    page: PageRequest,
    record: Callable[[ManagedChannel], ClientRecord],
    row: ClientRow,
) -> RowsPage:
    """Make one page of the clients that are connected; all are counted, without a step of Python for each.

    Args:
        pager: Keeps to the budget of reads.
        channels: Snapshot of the clients, in order; it is empty afterwards.
        page: Which rows.
        record: Makes the frozen record of a client, on the loop.
        row: Formats a record.
    """
    start, end = page.start, page.end
    shown: list[ManagedChannel] = []
    total = 0

    def look(part: Sequence[ManagedChannel]) -> bool:
        nonlocal total
        here = sum(map(_IS_CONNECTED, part))
        if total < end and total + here > start:
            connected = list(filter(_IS_CONNECTED, part))
            shown.extend(connected[max(start - total, 0) : end - total])
        total += here
        return False

    await pager.look_through(channels, look, COUNTING)
    await pager.forget(channels)
    rows = await pager.rows(shown, len(shown), record, row)
    return RowsPage(rows, total, total > end)
