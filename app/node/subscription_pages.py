"""Pages of the list of all subscriptions, made from the sessions themselves: only what is shown becomes a record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, repeat
from operator import attrgetter

from app.broker.cm import ManagedChannel
from app.broker.records import SubscriptionRecord
from app.broker.router import SubOptions
from app.node.pager import Pager, encode_now
from app.node.proxy import PageRequest, RowsPage, SubscriptionQuery, SubscriptionRow
from app.node.queries import is_empty, subscription_test

Entry = tuple[str, str, SubOptions]
"""Whose subscription it is, its filter as the lists show it, and how it is meant."""

_SUBSCRIPTIONS = attrgetter("session.subscriptions")
STEPPING_OVER = 10
"""Stepping over a session is so many times cheaper than asking a filter about what it is subscribed to."""
MANY = 500
"""A session with more subscriptions is not looked through in one go."""
_NONE: Mapping[str, SubOptions] = {}


async def page_of_all(
    pager: Pager,
    node: str,
    channels: list[ManagedChannel],
    page: PageRequest,
    row: SubscriptionRow,
    total: int,
) -> RowsPage:
    """Make one page of all subscriptions: sessions in front of it are stepped over by their number of subscriptions.

    Args:
        pager: Keeps to the budget of reads.
        node: Name of the node.
        channels: Snapshot of the clients, in order; it is empty afterwards.
        page: Which rows.
        row: Formats a record.
        total: How many subscriptions there are.
    """
    start = page.start
    # Side by side, since ten thousand tuples would have the garbage collector look at everything that is young.
    clientids: list[str] = []
    filters: list[str] = []
    options: list[SubOptions] = []
    if start < total and page.limit:
        # From whichever end is nearer: the last page is as near as the first.
        if start <= total // 2:
            begin, skip = await _step_over(pager, channels, start)
        else:
            begin, skip = await _step_back(pager, channels, total - start)

        def look(part: Sequence[ManagedChannel]) -> bool:
            nonlocal skip
            for channel in part:
                subscriptions = _subscriptions(channel)
                shown = min(len(subscriptions) - skip, page.limit - len(filters))
                if shown > 0:
                    clientids.extend(repeat(channel.client.clientid, shown))
                    filters.extend(islice(subscriptions, skip, skip + shown))
                    options.extend(islice(subscriptions.values(), skip, skip + shown))
                skip = max(skip - len(subscriptions), 0)
            return len(filters) >= page.limit

        await pager.look_through(channels, look, begin=begin)
    await pager.forget(channels)
    entries = zip(clientids, filters, options, strict=True)
    rows = await pager.rows(entries, len(filters), partial(_record, node), row)
    return RowsPage(rows, total, total > page.end)


async def filtered_page(
    pager: Pager,
    node: str,
    channels: Sequence[ManagedChannel],
    query: SubscriptionQuery,
    page: PageRequest,
    row: SubscriptionRow,
) -> RowsPage:
    """Make one page of the subscriptions that fit; those of sessions that have very many come last.

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
    test = subscription_test(query)
    found: list[Entry] = []
    large: list[ManagedChannel] = []

    def look(part: Sequence[ManagedChannel]) -> bool:
        for channel in part:
            if len(_subscriptions(channel)) > MANY:
                large.append(channel)
            else:
                for key, options in _subscriptions(channel).items():
                    if test(key, options.qos, options.share):
                        found.append((channel.client.clientid, key, options))
        return is_enough()

    def look_closer(part: Sequence[Entry]) -> bool:
        found.extend(entry for entry in part if test(entry[1], entry[2].qos, entry[2].share))
        return is_enough()

    def is_enough() -> bool:
        return not counted and len(found) > page.end

    await pager.look_through(channels, look)
    for channel in large:
        if not is_enough():
            await pager.look_through(list(_entries(channel)), look_closer)
    made = await pager.page(found, page, partial(_record, node), row)
    return made if counted else RowsPage(made.rows, -1, made.hasnext)


async def all_of_client(
    pager: Pager, node: str, channel: ManagedChannel, row: SubscriptionRow
) -> bytes:
    """Make the rows of one client's subscriptions: at once, unless it has very many.

    Args:
        pager: Keeps to the budget of reads.
        node: Name of the node.
        channel: The client.
        row: Formats a record.
    """
    record = partial(_record, node)
    if len(_subscriptions(channel)) <= MANY:
        return encode_now(map(row, map(record, _entries(channel))))
    entries = list(_entries(channel))
    made = await pager.page(entries, PageRequest(1, len(entries)), record, row)
    return made.rows


async def _step_over(
    pager: Pager, channels: Sequence[ManagedChannel], skip: int
) -> tuple[int, int]:
    """Return the index of a client to begin with, and how many subscriptions there are still to be stepped over."""
    begin = 0

    def look(part: Sequence[ManagedChannel]) -> bool:
        nonlocal begin, skip
        in_part = _count(part)
        if skip < in_part:
            return True
        skip -= in_part
        begin += len(part)
        return False

    await pager.look_through(channels, look, STEPPING_OVER)
    return begin, skip


async def _step_back(
    pager: Pager, channels: Sequence[ManagedChannel], left: int
) -> tuple[int, int]:
    """Return what `_step_over` does, for a page that begins so many subscriptions before the end."""
    begin = len(channels)
    skip = 0

    def look(part: Sequence[ManagedChannel]) -> bool:
        nonlocal begin, left, skip
        in_part = _count(part)
        begin -= len(part)
        skip = in_part - left
        left -= in_part
        return skip >= 0

    await pager.look_through(channels, look, STEPPING_OVER, backwards=True)
    # Somebody may have unsubscribed meanwhile: then all that there is comes behind.
    return begin, max(skip, 0)


def _count(part: Sequence[ManagedChannel]) -> int:
    """Count the subscriptions of some clients, without a step of Python for each where all have a session."""
    try:
        return sum(map(len, map(_SUBSCRIPTIONS, part)))
    except AttributeError:
        return sum(len(_subscriptions(one)) for one in part)


def _subscriptions(channel: ManagedChannel) -> Mapping[str, SubOptions]:
    session = channel.session
    return _NONE if session is None else session.subscriptions


def _entries(channel: ManagedChannel) -> Iterator[Entry]:
    clientid = channel.client.clientid
    return ((clientid, key, options) for key, options in _subscriptions(channel).items())


def _record(node: str, entry: Entry) -> SubscriptionRecord:
    clientid, key, options = entry
    return SubscriptionRecord(node, clientid, key, options.qos, options.share)
