"""Looks at the listeners from time to time, and raises and ends the alarms about them.

Two for each: `listener/<identifier>/<address>/max_connections` while it is full, and `…/down` while it does not listen
or cannot accept. EMQX 4.4 has no such alarms; names and details follow its others.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.broker.core import BrokerCore
from app.broker.listener import Listener
from app.broker.os_mon import Machine, percent

NO_DESCRIPTORS = "Too many open files"


class ListenerMonitor:
    """The look at every listener."""

    def __init__(self, core: BrokerCore, listeners: Sequence[Listener], machine: Machine) -> None:
        """Take what is watched and where its alarms go."""
        self._core = core
        self._listeners = listeners
        self._machine = machine
        self._config = core.config.monitors

    def start(self) -> None:
        """Look for the first time one interval from now."""
        self._core.after(self._config.check_interval_s, self._again)

    def _again(self) -> None:
        # The next look is certain before this one can fail.
        self._core.after(self._config.check_interval_s, self._again)
        self.check()

    def check(self) -> None:
        """Look at every listener that is meant to listen."""
        has_descriptors = self._machine.has_free_fd()
        for listener in self._listeners:
            if listener.is_wanted:
                self._check_room(listener)
                self._check_accepts(listener, has_descriptors=has_descriptors)

    def _check_room(self, listener: Listener) -> None:
        """Raise above the high watermark or where somebody was refused, end below the low one."""
        config = self._config
        name = f"{alarm_name(listener)}/max_connections"
        count, limit = len(listener.connections), listener.config.max_connections
        refused, listener.has_refused = listener.has_refused, False
        if refused or count / limit >= config.listener_high_watermark:
            details: dict[str, str | int | float] = {
                "listen_on": listener.listen_on,
                "connections": count,
                "max_connections": limit,
                "high_watermark": percent(config.listener_high_watermark),
                "low_watermark": percent(config.listener_low_watermark),
            }
            message = f"Listener {listener.config.identifier} has {count} of {limit} connections"
            self._core.alarms.activate(name, message, details)
        elif count / limit < config.listener_low_watermark:
            self._core.alarms.deactivate(name)

    def _check_accepts(self, listener: Listener, *, has_descriptors: bool) -> None:
        name = f"{alarm_name(listener)}/down"
        # What was told since the last look: an acceptor in trouble tries again every second.
        trouble, listener.trouble = listener.trouble, ""
        if listener.start_error:
            trouble = listener.start_error
        elif not trouble and not has_descriptors:
            # The event loop's own server says nothing of it.
            trouble = NO_DESCRIPTORS
        if trouble:
            message = f"Listener {listener.config.identifier} cannot accept connections: {trouble}"
            details = {"listen_on": listener.listen_on, "reason": trouble}
            self._core.alarms.activate(name, message, details)
        else:
            self._core.alarms.deactivate(name)


def alarm_name(listener: Listener) -> str:
    """Return what a listener's alarms begin with; several addresses may share an identifier."""
    return f"listener/{listener.config.identifier}/{listener.listen_on}"
