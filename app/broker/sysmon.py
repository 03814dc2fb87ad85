"""What keeps everybody waiting: turns of the loop and garbage collections that take too long, told as they happen.

Source: EMQX 4.4 `emqx_sys_mon`, which watches the processes of Erlang's runtime for the same; its `large_heap`,
`busy_port` and `busy_dist_port` have no counterpart here.
"""

from __future__ import annotations

import gc
import logging
import os

from app.broker.core import BrokerCore
from app.broker.message import Message

logger = logging.getLogger(__name__)

QUIET_S = 2.0
"""An event that comes again sooner is not told again."""


class SysMonitor:
    """Watches the loop and the collector of this process."""

    def __init__(self, core: BrokerCore) -> None:
        """Take what is to be told how long what may take."""
        self._core = core
        self._config = core.config.monitors
        self._prefix = f"$SYS/brokers/{core.config.node_name}/sysmon/"
        self._told_at_s: dict[str, float] = {}
        self._gc_began_s = 0.0
        self._longest_gc_s = 0.0
        """Since it was last told; noted on whatever thread collects, told on the loop."""

    def start(self) -> None:
        """Watch the collector, where that is wanted."""
        if self._config.long_gc_s:
            gc.callbacks.append(self._on_gc)

    def stop(self) -> None:
        """Let go of the collector."""
        if self._on_gc in gc.callbacks:
            gc.callbacks.remove(self._on_gc)

    def note_turn(self, late_s: float) -> None:
        """Hear by how much a regular turn of the loop came too late."""
        if self._config.long_schedule_s and late_s > self._config.long_schedule_s:
            self._tell("long_schedule", late_s)
        if self._longest_gc_s:
            longest_s, self._longest_gc_s = self._longest_gc_s, 0.0
            self._tell("long_gc", longest_s)

    def _on_gc(self, phase: str, _info: dict[str, int]) -> None:
        now_s = self._core.clock.monotonic_s()
        if phase == "start":
            self._gc_began_s = now_s
            return
        took_s = now_s - self._gc_began_s
        if took_s > self._config.long_gc_s:
            self._longest_gc_s = max(self._longest_gc_s, took_s)

    def _tell(self, event: str, took_s: float) -> None:
        now_s = self._core.clock.monotonic_s()
        if now_s - self._told_at_s.get(event, -QUIET_S) < QUIET_S:
            return
        self._told_at_s[event] = now_s
        text = f"{event} warning: pid = {os.getpid()}, info: [{{timeout,{round(took_s * 1000)}}}]"
        logger.warning("%s", text)
        topic = self._prefix + event
        self._core.publish(Message(topic, text.encode(), 0, False, self._core.clock.wall_ms()))
