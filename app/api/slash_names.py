"""Counters and gauges as EMQ 2 and EMQ X 3.0 name them: with slashes where EMQX 4 has dots.

Tables from the old name to ours. Most names differ in the slashes alone; what was counted in one sum is a sum here.
Source: seeds 002 and 003, the calls about metrics and stats.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

Names = Mapping[str, tuple[str, ...]]
"""The old name, and the names of ours whose sum it is."""

_AS_THEY_ARE = (
    "bytes/received",
    "bytes/sent",
    "messages/dropped",
    "messages/qos0/received",
    "messages/qos0/sent",
    "messages/qos1/received",
    "messages/qos1/sent",
    "messages/qos2/received",
    "messages/qos2/sent",
    "messages/received",
    "messages/retained",
    "messages/sent",
    "packets/puback/missed",
    "packets/puback/received",
    "packets/puback/sent",
    "packets/pubcomp/missed",
    "packets/pubcomp/received",
    "packets/pubcomp/sent",
    "packets/publish/received",
    "packets/publish/sent",
    "packets/pubrec/missed",
    "packets/pubrec/received",
    "packets/pubrec/sent",
    "packets/pubrel/missed",
    "packets/pubrel/received",
    "packets/pubrel/sent",
    "packets/received",
    "packets/sent",
)
_BOTH: Names = {
    **{name: (name.replace("/", "."),) for name in _AS_THEY_ARE},
    "packets/connack": ("packets.connack.sent",),
    "packets/connect": ("packets.connect.received",),
    "packets/pingreq": ("packets.pingreq.received",),
    "packets/pingresp": ("packets.pingresp.sent",),
    "packets/suback": ("packets.suback.sent",),
    "packets/subscribe": ("packets.subscribe.received",),
    "packets/unsuback": ("packets.unsuback.sent",),
    "packets/unsubscribe": ("packets.unsubscribe.received",),
}
_QOS2_REFUSED = "messages.dropped.receive_maximum"
_QOS2_GIVEN_UP = "messages.dropped.await_pubrel_timeout"

METRICS_V2: Names = {
    **_BOTH,
    "messages/qos2/dropped": (_QOS2_REFUSED, _QOS2_GIVEN_UP),
    "packets/disconnect": ("packets.disconnect.received",),
}
METRICS_V3: Names = {
    **_BOTH,
    "messages/expired": ("messages.dropped.expired", "delivery.dropped.expired"),
    "messages/forward": ("messages.forward",),
    "messages/qos2/dropped": (_QOS2_REFUSED,),
    "messages/qos2/expired": (_QOS2_GIVEN_UP,),
    "packets/auth": ("packets.auth.received", "packets.auth.sent"),
    "packets/disconnect/received": ("packets.disconnect.received",),
    "packets/disconnect/sent": ("packets.disconnect.sent",),
}


def _gauges(*same: str, connected: str) -> Names:
    # What the older generations call clients or connections are those that are there now.
    ours = {connected: "live_connections"} | {name: name.replace("/", ".") for name in same}
    return {
        f"{old}/{end}": (f"{name}.{end}",) for old, name in ours.items() for end in ("count", "max")
    }


_GAUGES = ("retained", "routes", "sessions", "subscribers", "subscriptions", "topics")
STATS_V2: Names = _gauges(*_GAUGES, connected="clients")
STATS_V3: Names = _gauges(
    *_GAUGES, "sessions/persistent", "subscriptions/shared", connected="connections"
)


def renamed(values: Mapping[str, int], names: Names) -> dict[str, int]:
    """Return the values under their old names."""
    return {old: sum(values[name] for name in ours) for old, ours in names.items()}


def spelled(
    names: str, slashes: Callable[[], dict[str, int]], dots: Callable[[], dict[str, int]]
) -> dict[str, int]:
    """Return the values as `management.v3_names` wants them: under the names of 3.0, of 3.2, or both.

    Args:
        names: `slashes`, `dots` or `both`.
        slashes: Makes those of 3.0.
        dots: Makes those of 3.2.
    """
    if names == "both":
        return {**slashes(), **dots()}
    return dots() if names == "dots" else slashes()
