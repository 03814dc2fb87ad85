"""The module `emqx_mod_slow_subs`: the ranking of `app.broker.slow_subs`, switched on and off."""

from __future__ import annotations

from typing import ClassVar

from app.broker.slow_subs import STATS_TYPES, SlowSubs, SlowSubsConfig
from app.config.kinds import above_zero, between, choice, duration, whole
from app.config.table import Setting
from app.plugins.base import Context, Module

THRESHOLD = "module.slow_subs.threshold"
TOP_K = "module.slow_subs.top_k_num"
EXPIRE_INTERVAL = "module.slow_subs.expire_interval"
STATS_TYPE = "module.slow_subs.stats_type"


class SlowSubsModule(Module):
    """Ranks the subscribers that take longest."""

    name: ClassVar[str] = "emqx_mod_slow_subs"
    description: ClassVar[str] = "EMQX Slow Subscribers Statistics Module"
    parameters = (
        Setting(THRESHOLD, between(duration, "100ms", "1d"), "500ms", "What counts as slow."),
        Setting(TOP_K, whole(1, 1_000), "10", "How many of the slowest are kept."),
        Setting(EXPIRE_INTERVAL, above_zero(duration), "5m", "How long each of them is kept."),
        Setting(
            STATS_TYPE,
            choice(*STATS_TYPES),
            "whole",
            "Which time counts: `whole` from publishing to acknowledgement, `internal` to sending, `response` "
            "from sending to acknowledgement.",
        ),
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
                threshold_ms=round(config[THRESHOLD] * 1_000),
                top_k=config[TOP_K],
                expire_interval_s=config[EXPIRE_INTERVAL],
                stats_type=config[STATS_TYPE],
            ),
        )

    def unload(self) -> None:
        """Rank no more."""
        self._engine.stop()
