"""The module `emqx_mod_trace`: the traces of `app.broker.trace`, switched on and off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from app.broker.trace import Tracer, TraceSpec
from app.config.extensions import TRACE_MAX_FILE_SIZE
from app.plugins.base import Context, Module


class TraceModule(Module):
    """Writes down what one client, topic or address does."""

    name: ClassVar[str] = "emqx_mod_trace"
    description: ClassVar[str] = "EMQX Trace Module"
    parameters = (TRACE_MAX_FILE_SIZE,)

    def __init__(self, engine: Tracer, stored_traces: Callable[[], Sequence[TraceSpec]]) -> None:
        """Drive an engine; `stored_traces` says which traces there are, and which go on."""
        self._engine = engine
        self._stored_traces = stored_traces

    def prepare(self, config: Mapping[str, Any]) -> Sequence[TraceSpec]:
        """Return the traces that go on."""
        del config
        return self._stored_traces()

    def load(self, context: Context) -> None:
        """Begin, or go on."""
        self._engine.start(context.core, context.prepared, context.config[TRACE_MAX_FILE_SIZE.key])

    def unload(self) -> None:
        """End all traces; they and their files are kept."""
        self._engine.stop()
