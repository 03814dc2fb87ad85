"""Pages of the list of all subscriptions, made from the sessions themselves: only what is shown becomes a record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter

from app.broker.cm import ManagedChannel
from app.broker.records import SubscriptionRecord
from app.node.pager import Pager
from app.node.proxy import PageRequest, RowsPage, SubscriptionQuery, SubscriptionRow
from app.node.queries import SubscriptionTest, is_empty, subscription_test

_SUBSCRIPTIONS = attrgetter("session.subscriptions")
STEPPING_OVER = 10
"""Stepping over a session is so many times cheaper than asking a filter about what it is subscribed to."""


async def page_of_all(
    pager: Pager,
    node: str,
    channels: Sequence[ManagedChannel],
    page: PageRequest,
    row: SubscriptionRow,
    total: int,
) -> RowsPage:
    """Make one page of all subscriptions: sessions in front of it are stepped over by their number of subscriptions.

    Args:
        pager: Keeps to the budget of reads.
        node: Name of the node.
        channels: Snapshot of the clients, in order.
        page: Which rows.
        row: Formats a record.
        total: How many subscriptions there are.
    """
    skip = (max(page.page, 1) - 1) * page.limit
    found: list[SubscriptionRecord] = []
    begin = 0
    if skip < total:
        # From whichever end is nearer: the last page is as near as the first.
        if skip <= total // 2:
            begin, skip = await _step_over(pager, channels, skip)
        else:
            begin, skip = await _step_back(pager, channels, total - skip)
    for part in pager.parts(channels, begin=begin):
        if skip >= total or len(found) >= page.limit:
            break
        async with pager.budget:
            for channel in part:
                session = channel.session
                count = len(session.subscriptions) if session else 0
                if skip >= count:
                    skip -= count
                    continue
                room = page.limit - len(found)
                found.extend(islice(_records(node, channel, None), skip, skip + room))
                skip = 0
                if len(found) >= page.limit:
                    break
    encoded = await pager.page(found, PageRequest(1, page.limit), _itself, row)
    shown = (max(page.page, 1) - 1) * page.limit + page.limit
    return RowsPage(encoded.rows, total, total > shown)


async def filtered_page(
    pager: Pager,
    node: str,
    channels: Sequence[ManagedChannel],
    query: SubscriptionQuery,
    page: PageRequest,
    row: SubscriptionRow,
) -> RowsPage:
    """Make one page of the subscriptions that fit.

    Args:
        pager: Keeps to the budget of reads.
        node: Name of the node.
        channels: Snapshot of the clients, in order.
        query: Which subscriptions; where it names a filter exactly, all that fit are counted, as EMQX does.
        page: Which rows.
        row: Formats a record.
    """
    assert not is_empty(query)
    counted = page.counted or query.topic is not None
    end = (max(page.page, 1) - 1) * page.limit + page.limit
    test = subscription_test(query)
    found: list[SubscriptionRecord] = []
    for part in pager.parts(channels):
        if not counted and len(found) > end:
            break
        async with pager.budget:
            for channel in part:
                found.extend(_records(node, channel, test))
    made = await pager.page(found, page, _itself, row)
    return made if counted else RowsPage(made.rows, -1, made.hasnext)


async def _step_over(
    pager: Pager, channels: Sequence[ManagedChannel], skip: int
) -> tuple[int, int]:
    """Return the index of a client to begin with, and how many subscriptions there are still to be stepped over."""
    begin = 0
    for part in pager.parts(channels, STEPPING_OVER):
        async with pager.budget:
            in_part = _count(part)
        if skip < in_part:
            break
        skip -= in_part
        begin += len(part)
    return begin, skip


async def _step_back(
    pager: Pager, channels: Sequence[ManagedChannel], left: int
) -> tuple[int, int]:
    """Return what `_step_over` does, for a page that begins so many subscriptions before the end."""
    begin = len(channels)
    for part in pager.parts(channels, STEPPING_OVER, backwards=True):
        async with pager.budget:
            in_part = _count(part)
        begin -= len(part)
        if left <= in_part:
            return begin, in_part - left
        left -= in_part
    # Somebody unsubscribed meanwhile: all that there is comes behind.
    return 0, 0


def _count(part: Sequence[ManagedChannel]) -> int:
    """Count the subscriptions of some clients, without a step of Python for each where all have a session."""
    try:
        return sum(map(len, map(_SUBSCRIPTIONS, part)))
    except AttributeError:
        return sum(len(one.session.subscriptions) for one in part if one.session is not None)


def _records(
    node: str, channel: ManagedChannel, test: SubscriptionTest | None
) -> Iterator[SubscriptionRecord]:
    session = channel.session
    if session is None:
        return
    clientid = channel.client.clientid
    for key, options in session.subscriptions.items():
        if test is None or test(key, options.qos, options.share):
            yield SubscriptionRecord(node, clientid, key, options.qos, options.share)


def _itself(record: SubscriptionRecord) -> SubscriptionRecord:
    return record
