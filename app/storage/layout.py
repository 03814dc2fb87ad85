"""The journal's format: how what the broker says becomes bytes, and how they are read.

A row of the journal is one group of events that became safe together:

    CRC-32 of the rest · wall time in ms · event · event · …

An event is a byte that says its kind, then numbers of fixed width, then texts whose lengths are among the numbers. What
is said for every message is packed so; what is said now and then is a JSON document. A message stands in its group
once, and the events behind it name it by its place among the group's messages, so that a group can be read by itself.
All numbers are little-endian.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

FORMAT: Final = 1
"""Of the whole journal. What only adds kinds of events or members of documents is a new number all the same."""


class Kind(IntEnum):
    """What an event says."""

    MESSAGE = 1
    DELIVERY = 2
    SENT = 3
    RELEASED = 4
    FINISHED = 5
    AWAITS = 6
    WAS_RELEASED = 7
    RETAINED = 8
    DELAYED = 9
    DELAYED_IS_OVER = 10
    WILL_IS_OVER = 11
    ENDED = 12
    SESSION = 13
    STAY = 14
    SUBSCRIBED = 15
    UNSUBSCRIBED = 16
    RETAINED_IS_GONE = 17
    ALIVE = 18
    """Nothing but that the node was there when the group was closed."""
    RUN = 19
    FINISHED_RUN = 20


HEAD: Final = struct.Struct("<Iq")
CRC_LAYOUT: Final = struct.Struct("<I")
AT_LAYOUT: Final = struct.Struct("<q")
MESSAGE_LAYOUT: Final = struct.Struct("<BBqIIII")
"""Flags, time; sizes of topic, payload, origin, properties."""
DELIVERY_LAYOUT: Final = struct.Struct("<BBIQHII")
"""Flags, session, key, packet id, place of the message, size of what else there is."""
RUN_LAYOUT: Final = struct.Struct("<BBIQqIIII")
"""Flags, session, first key, time; sizes of topic, origin and each payload; how many."""
KEYS_LAYOUT: Final = struct.Struct("<BII")
"""Session, how many keys follow."""
SENT_LAYOUT: Final = struct.Struct("<BIQH")
"""Session, key, packet id."""
KEYED_LAYOUT: Final = struct.Struct("<BIQ")
"""Session, key."""
ID_LAYOUT: Final = struct.Struct("<BIH")
"""Session, packet id."""
RETAINED_LAYOUT: Final = struct.Struct("<BIQ")
"""Place of the message, place in the order of publishing."""
DELAYED_LAYOUT: Final = struct.Struct("<BIQqI")
"""Place of the message, number, when it is due, size of the topic."""
NUMBER_LAYOUT: Final = struct.Struct("<BQ")
DOCUMENT_LAYOUT: Final = struct.Struct("<BI")

QOS_BITS: Final = 3
RETAIN_BIT: Final = 4
RELEASED_BIT: Final = 8
