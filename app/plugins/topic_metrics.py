"""The module `emqx_mod_topic_metrics`: the engine of `app.broker.topic_metrics`, switched on and off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from app.broker.topic_metrics import TopicMetrics
from app.config.extensions import TOPIC_METRICS_MAX
from app.plugins.base import Context, Module


class TopicMetricsModule(Module):
    """Counts the messages of registered topics."""

    name: ClassVar[str] = "emqx_mod_topic_metrics"
    description: ClassVar[str] = "EMQX Topic Metrics Module"
    parameters = (TOPIC_METRICS_MAX,)

    def __init__(self, engine: TopicMetrics, stored_topics: Callable[[], Sequence[str]]) -> None:
        """Drive an engine; `stored_topics` says which topics were registered."""
        self._engine = engine
        self._stored_topics = stored_topics

    def prepare(self, config: Mapping[str, Any]) -> Sequence[str]:
        """Return the topics that were registered."""
        del config
        return self._stored_topics()

    def load(self, context: Context) -> None:
        """Begin to count."""
        self._engine.start(context.core, context.prepared, context.config[TOPIC_METRICS_MAX.key])

    def unload(self) -> None:
        """Count no more."""
        self._engine.stop()
