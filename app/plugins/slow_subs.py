"""The module `emqx_mod_slow_subs`: the ranking of `app.broker.slow_subs`, switched on and off."""

from __future__ import annotations

from typing import ClassVar

from app.broker.slow_subs import SlowSubs, SlowSubsConfig
from app.config.extensions import (
    SLOW_SUBS_EXPIRE_INTERVAL,
    SLOW_SUBS_STATS_TYPE,
    SLOW_SUBS_THRESHOLD,
    SLOW_SUBS_TOP_K,
)
from app.plugins.base import Context, Module


class SlowSubsModule(Module):
    """Ranks the subscribers that take longest."""

    name: ClassVar[str] = "emqx_mod_slow_subs"
    description: ClassVar[str] = "EMQX Slow Subscribers Statistics Module"
    parameters = (
        SLOW_SUBS_THRESHOLD,
        SLOW_SUBS_TOP_K,
        SLOW_SUBS_EXPIRE_INTERVAL,
        SLOW_SUBS_STATS_TYPE,
    )

    def __init__(self, engine: SlowSubs) -> None:
        """Drive an engine."""
        self._engine = engine

    def load(self, context: Context) -> None:
        """Begin to rank."""
        config = context.config
        self._engine.start(
            context.core,
            SlowSubsConfig(
                threshold_ms=round(config[SLOW_SUBS_THRESHOLD.key] * 1_000),
                top_k=config[SLOW_SUBS_TOP_K.key],
                expire_interval_s=config[SLOW_SUBS_EXPIRE_INTERVAL.key],
                stats_type=config[SLOW_SUBS_STATS_TYPE.key],
            ),
        )

    def unload(self) -> None:
        """Rank no more."""
        self._engine.stop()
