"""The part of a connection that the express lane works on, and what its steps share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from app.broker.channel.channel import Channel
from app.broker.flusher import Flusher
from app.broker.router import Route
from app.broker.session import Session

MAX_LANE_BYTES: Final = 16_383
"""Remaining Length that two bytes can say; longer packets gain nothing here."""
CLOSED: Final = object()
"""What `express` is where a connection may not take the lane."""
ACK_SIZE: Final = 4
# As in `PacketType`, as plain numbers: they count in lists.
PUBLISH: Final = 3
PUBACK: Final = 4
PUBREC: Final = 5
PUBREL: Final = 6
PUBCOMP: Final = 7
PUBACK_HEAD: Final = b"\x40\x02"
PUBREC_HEAD: Final = b"\x50\x02"
PUBREL_HEAD: Final = b"\x62\x02"
PUBCOMP_HEAD: Final = b"\x70\x02"


class Lane(asyncio.Protocol):
    """The part of a connection that the express lane works on."""

    __slots__ = (
        "asks_acl",
        "channel",
        "express",
        "flusher",
        "gate",
        "is_v5",
        "max_output_buffer",
        "out",
        "out_size",
        "routes",
        "session",
    )

    channel: Channel
    session: Session
    """Of the channel, since the lane was opened."""
    flusher: Flusher
    out: list[bytes]
    """What this turn of the loop sends."""
    out_size: int
    """Bytes of it."""
    gate: int
    """Mark of the storage that has to be safe before what this turn sends may leave; 0 where nothing has to."""
    max_output_buffer: int
    express: object
    """The broker's token of the moment when the lane was opened, or `CLOSED`."""
    routes: dict[bytes, Route]
    """Topics that this client may publish on, as they stand in a packet: two bytes of length, then the name."""
    is_v5: bool
    asks_acl: bool
    """Publishing hangs on verdicts of the ACL; those on the topics in `routes` are known."""

    def find_route(self, raw: bytes) -> Route | None:
        """Look up a topic that is not in `routes`; None where the ordinary way has to."""
        raise NotImplementedError

    def flush(self) -> None:
        """Send it."""
        raise NotImplementedError

    def hold(self) -> None:
        """Have the session queue from now on: more waits to be sent than `max_output_buffer`."""
        raise NotImplementedError


Step = Callable[[Lane, bytes, int, int], int]
"""`step(lane, data, pos, end)` obeys the packet at `pos`; returns where the next begins, 0 where it leaves it alone."""


def say(lane: Lane, kind: int, head: bytes, packet_ids: list[bytes]) -> None:
    """Send an acknowledgement for each packet id."""
    count = len(packet_ids)
    channel = lane.channel
    channel.counters.send_pkt += count
    channel.metrics.packets_sent[kind] += count
    if not lane.out:
        lane.flusher.add(lane)
    lane.out.append(head + head.join(packet_ids))
    lane.out_size += ACK_SIZE * count
    if lane.out_size > lane.max_output_buffer:
        lane.hold()
