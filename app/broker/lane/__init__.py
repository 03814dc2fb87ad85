"""The express lane: what most packets are, straight from one connection's bytes to another's.

Theory: nearly all traffic is PUBLISH without RETAIN, DUP and properties on a topic that came before, and its
acknowledgements. For these nothing has to be decided again, and the bytes on both sides of the packet id go out as
they came. So the lane reads them where they lie, changes the session as `session.py` would, counts, and appends to
what the receivers' connections send at the end of this turn. Whatever is not of that kind, in packet, client, topic or
receiver, it leaves untouched to the ordinary way (decoder, channel, session), which is where the rules are. From
outside the two ways cannot be told apart.

A connection takes the lane while its `express` is the broker's (`BrokerCore.express`), which is replaced whenever a
hook comes that would have to hear of such a message. Nothing here waits, makes a task or refuses a packet.

This is the one room that knows the insides of its neighbours and works on their slots instead of calling their
methods: a call costs 3 % of what forwarding a message may cost.
"""

from __future__ import annotations

from typing import Final

from app.broker.lane.acks import puback, pubcomp, pubrec, pubrel
from app.broker.lane.lane import (
    CLOSED,
    MAX_LANE_BYTES,
    PUBACK_HEAD,
    PUBCOMP_HEAD,
    PUBREC_HEAD,
    PUBREL_HEAD,
    Lane,
    Step,
)
from app.broker.lane.publish import publish

__all__ = ["CLOSED", "MAX_LANE_BYTES", "Lane", "take"]


def take(lane: Lane, data: bytes) -> int:
    """Obey the packets at the beginning of a chunk that can go this way.

    Returns:
        Where the first one begins that cannot, or is not whole.
    """
    pos, end = 0, len(data)
    token = lane.express
    while pos < end and lane.express is token:
        step = STEPS[data[pos]]
        if step is None:
            break
        after = step(lane, data, pos, end)
        if not after:
            break
        pos = after
    return pos


def _steps() -> tuple[Step | None, ...]:
    """Return, for each of the 256 first bytes, what obeys a packet that begins so."""
    steps: list[Step | None] = [None] * 256
    for first in (0x30, 0x32, 0x34):
        steps[first] = publish
    for head, step in (
        (PUBACK_HEAD, puback),
        (PUBREC_HEAD, pubrec),
        (PUBREL_HEAD, pubrel),
        (PUBCOMP_HEAD, pubcomp),
    ):
        steps[head[0]] = step
    return tuple(steps)


STEPS: Final = _steps()
