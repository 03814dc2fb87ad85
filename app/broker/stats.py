"""Gauges of one broker, under EMQX's names, each with the highest value since start.

Source: seed 004, GET /api/v4/stats. They are read off the live structures when asked for and noted once a second, so
that a peak between two questions is seen.
"""

from __future__ import annotations

from app.broker.core import BrokerCore


class Stats:
    """Values and peaks."""

    def __init__(self, core: BrokerCore) -> None:
        """Start every peak at what is there now."""
        self._core = core
        self._peaks: dict[str, int] = {}
        self.note()

    def note(self) -> dict[str, int]:
        """Read every gauge, raise the peaks, return the gauges by name without `.count`."""
        core = self._core
        channels = len(core.cm.channels)
        routes = len(core.router)
        values = {
            "connections": channels,
            "live_connections": core.cm.live,
            "channels": channels,
            "sessions": channels,
            "sessions.persistent": core.cm.persistent,
            "topics": routes,
            "routes": routes,
            "suboptions": core.subscriptions.count,
            "subscribers": core.subscriptions.count,
            "subscriptions": core.subscriptions.count,
            "subscriptions.shared": core.shared.count,
            "retained": len(core.retained),
            "delayed": len(core.delayed),
            "resources": core.gauges.get("resources", _none)(),
        }
        peaks = self._peaks
        for name, value in values.items():
            if value > peaks.get(name, -1):
                peaks[name] = value
        return values

    def snapshot(self) -> dict[str, int]:
        """Return `<name>.count` and `<name>.max` of every gauge."""
        snapshot: dict[str, int] = {}
        for name, value in self.note().items():
            snapshot[f"{name}.count"] = value
            snapshot[f"{name}.max"] = self._peaks[name]
        return snapshot


def _none() -> int:
    return 0
