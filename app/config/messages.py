"""What the broker does with messages on their way, apart from routing them."""

from __future__ import annotations

from dataclasses import dataclass

from app.config.kinds import whole
from app.config.table import setting


@dataclass(frozen=True, slots=True)
class DelayedConfig:
    """Messages that are published later."""

    max_delayed_messages: int = setting(
        "delayed.max_delayed_messages",
        whole(),
        "0",
        "Most messages that may wait for their time; 0 sets no limit.",
        hot=True,
    )
