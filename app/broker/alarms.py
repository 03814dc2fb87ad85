"""Alarms: what is wrong now, and what was. It raises none itself and knows nobody who does.

Source: EMQX 4.4 `emqx_alarm`; seed 004, GET /api/v4/alarms. The loop alone changes alarms and replaces what others
may read whole.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from app.broker.message import Message
from app.clock import Clock
from app.config import AlarmConfig

logger = logging.getLogger(__name__)

Scalar = str | int | float


@dataclass(frozen=True, slots=True)
class AlarmRecord:
    """One alarm. Times are microseconds since the epoch, as in EMQX."""

    name: str
    message: str
    activate_at_us: int
    details: Mapping[str, Scalar] = field(default_factory=dict)
    deactivate_at_us: int | None = None
    """None while the alarm is active."""

    @property
    def activated(self) -> bool:
        """Tell whether the alarm is active."""
        return self.deactivate_at_us is None

    def row(self) -> dict[str, object]:
        """Return the alarm in EMQX's words, without its duration."""
        return {
            "name": self.name,
            "message": self.message,
            "details": dict(self.details),
            "activate_at": self.activate_at_us,
            "deactivate_at": "infinity" if self.activated else self.deactivate_at_us,
            "activated": self.activated,
        }


class Alarms:
    """The alarms of one node."""

    def __init__(
        self, config: AlarmConfig, node: str, clock: Clock, publish: Callable[[Message], int]
    ) -> None:
        """Start with no alarm; `publish` tells subscribers of `$SYS`."""
        self._config = config
        self._topic = f"$SYS/brokers/{node}/alarms"
        self._clock = clock
        self._publish = publish
        self._active: dict[str, AlarmRecord] = {}
        self._past: tuple[AlarmRecord, ...] = ()

    def is_active(self, name: str) -> bool:
        """Tell whether an alarm is active."""
        return name in self._active

    def activated(self) -> list[AlarmRecord]:
        """Return what is wrong now; may be asked from any thread."""
        return list(self._active.values())

    def deactivated(self) -> list[AlarmRecord]:
        """Return what was wrong and still counts, oldest first; may be asked from any thread."""
        since_us = self._now_us() - round(self._config.validity_period_s * 1_000_000)
        return [alarm for alarm in self._past if (alarm.deactivate_at_us or 0) >= since_us]

    def activate(self, name: str, message: str, details: Mapping[str, Scalar]) -> bool:
        """Raise an alarm; False where it is active already."""
        if name in self._active:
            return False
        alarm = AlarmRecord(name, message, self._now_us(), dict(details))
        self._active = {**self._active, name: alarm}
        logger.warning("Alarm %s is activated: %s", name, message)
        self._tell("activate", alarm)
        return True

    def deactivate(self, name: str) -> bool:
        """End an alarm; False where it is not active."""
        alarm = self._active.get(name)
        if alarm is None:
            return False
        ended = replace(alarm, deactivate_at_us=self._now_us())
        self._past = (*self.deactivated(), ended)[-self._config.size_limit :]
        self._active = {key: other for key, other in self._active.items() if key != name}
        logger.warning("Alarm %s is deactivated", name)
        self._tell("deactivate", ended)
        return True

    def delete_deactivated(self) -> None:
        """Forget the past."""
        self._past = ()

    def _tell(self, event: str, alarm: AlarmRecord) -> None:
        payload = json.dumps(alarm.row(), separators=(",", ":")).encode()
        self._publish(
            Message(
                f"{self._topic}/{event}",
                payload,
                0,
                False,
                self._clock.wall_ms(),
                properties={"content_type": "application/json"},
            )
        )

    def _now_us(self) -> int:
        return self._clock.wall_ms() * 1_000
