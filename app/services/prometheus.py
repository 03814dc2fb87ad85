"""What this node counts, under the names of EMQX's Prometheus plugin, as text for a scraper or as groups for JSON.

The names follow from the counters' own (`messages.qos0.sent` is `emqx_messages_qos0_sent`), so that none is forgotten.
Counters carry no `_total`, which EMQX's dashboards in Grafana would not find; prometheus_client insists on it, so the
few lines of text are written here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from app.broker.metrics import METRICS
from app.broker.os_mon import Machine
from app.node.proxy import Nodes

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_RENAMED = {"packets.connect.received": "emqx_packets_connect"}
"""The one name that EMQX does not form by its own rule."""
_GROUPS = {
    "bytes": "packets",
    "packets": "packets",
    "messages": "messages",
    "delivery": "delivery",
    "client": "client",
    "session": "session",
}
_DESCRIPTIONS = {row.name: row.doc for row in METRICS}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value with its name, its kind in Prometheus' words, and EMQX's group, if it has one there."""

    name: str
    kind: str
    group: str | None
    value: float
    description: str


class PrometheusService:
    """Reads everything that this node counts; nothing is asked of other nodes, each is scraped for itself."""

    def __init__(self, nodes: Nodes) -> None:
        """Ask the node of this process."""
        self._nodes = nodes
        self._lock = threading.Lock()
        # Its own look at the processor: the alarms' one starts a new period with every look.
        self._machine = Machine()
        self._cpu_use = 0.0

    def text(self) -> str:
        """Return the exposition format, version 0.0.4."""
        return "".join(
            f"# HELP {sample.name} {sample.description}\n"
            f"# TYPE {sample.name} {sample.kind}\n"
            f"{sample.name} {sample.value}\n"
            for sample in self.samples()
        )

    def groups(self) -> dict[str, dict[str, float]]:
        """Return the values by EMQX's groups: stats, metrics (of the machine), packets, messages and so on."""
        found: dict[str, dict[str, float]] = {}
        for sample in self.samples():
            if sample.group is not None:
                found.setdefault(sample.group, {})[sample.name] = sample.value
        return found

    def samples(self) -> Iterator[Sample]:
        """Yield every value."""
        node = self._nodes.local
        for name, value in node.stats().items():
            yield Sample(_emqx_name(name), "gauge", "stats", value, name)
        yield from self._vm()
        for name, value in node.metrics().items():
            group = _GROUPS.get(name.partition(".")[0])
            yield Sample(_emqx_name(name), "counter", group, value, _DESCRIPTIONS.get(name, name))

    def _vm(self) -> Iterator[Sample]:
        info = self._nodes.local.node_info()
        cpu_use = self._cpu_percent()
        values = {
            "cpu_use": (cpu_use, "Percentage of the machine's CPU in use since the last look"),
            "cpu_idle": (round(100 - cpu_use, 2), "Percentage of the machine's CPU that was idle"),
            "run_queue": (round(info.load1), "Tasks that ran or waited over the last minute"),
            # EMQX counts what waits in the mailboxes of its processes; here a connection's work waits for its turn.
            "process_messages_in_queues": (
                info.waiting_to_send,
                "Connections whose packets wait for the end of the loop's turn",
            ),
            "total_memory": (info.memory_total_bytes, "Bytes of the machine's memory"),
            "used_memory": (info.memory_used_bytes, "Bytes of it in use"),
        }
        for name, (value, description) in values.items():
            yield Sample(f"emqx_vm_{name}", "gauge", "metrics", value, description)

    def _cpu_percent(self) -> float:
        with self._lock:
            share = self._machine.cpu_usage()
            if share is not None:
                self._cpu_use = round(100 * share, 2)
            return self._cpu_use


def _emqx_name(name: str) -> str:
    return _RENAMED.get(name) or "emqx_" + name.replace(".", "_")
