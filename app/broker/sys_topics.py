"""The broker speaks about itself: `$SYS/brokers/#`, as EMQX publishes it.

Source: EMQX 4.4; names of stats keep their dots, names of metrics get slashes. The first round comes one interval
after the start.
"""

from __future__ import annotations

from app.broker.core import BrokerCore
from app.broker.message import Message
from app.broker.stats import Stats
from app.clock import local_datetime, uptime_text
from app.version import SYSDESCR, VERSION


class SysTopics:
    """Publishes the node's facts and figures in two rhythms: interval and heartbeat."""

    def __init__(self, core: BrokerCore, stats: Stats) -> None:
        """Take what is reported on."""
        self._core = core
        self._stats = stats
        self._started_at_s = core.clock.monotonic_s()
        self._prefix = f"$SYS/brokers/{core.config.node_name}"

    def start(self) -> None:
        """Begin; an interval of 0 keeps silent."""
        if self._core.config.sys_interval_s:
            self._core.after(self._core.config.sys_interval_s, self._tick)
        if self._core.config.sys_heartbeat_s:
            self._core.after(self._core.config.sys_heartbeat_s, self._heartbeat)

    def _tick(self) -> None:
        config = self._core.config
        self._publish("$SYS/brokers", config.node_name, retain=True)
        self._publish(f"{self._prefix}/version", VERSION, retain=True)
        self._publish(f"{self._prefix}/sysdescr", SYSDESCR, retain=True)
        for name, value in self._stats.snapshot().items():
            self._publish(f"{self._prefix}/stats/{name}", str(value))
        for name, value in self._core.metrics.snapshot().items():
            self._publish(f"{self._prefix}/metrics/{name.replace('.', '/')}", str(value))
        self._core.after(config.sys_interval_s, self._tick)

    def _heartbeat(self) -> None:
        up_s = int(self._core.clock.monotonic_s() - self._started_at_s)
        self._publish(f"{self._prefix}/uptime", uptime_text(up_s))
        self._publish(f"{self._prefix}/datetime", local_datetime(self._core.clock.wall_ms()))
        self._core.after(self._core.config.sys_heartbeat_s, self._heartbeat)

    def _publish(self, topic: str, text: str, *, retain: bool = False) -> None:
        if retain or self._core.router.match(topic).receivers:
            message = Message(topic, text.encode(), 0, retain, self._core.clock.wall_ms())
            self._core.publish(message)
