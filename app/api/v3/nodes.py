"""Nodes in the words of the third generation."""

from __future__ import annotations

from collections.abc import Callable

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import memory, uptime
from app.api.v3.dialect import success
from app.broker.records import NodeRecord
from app.services import Services


def node_row(node: NodeRecord, size: Callable[[int], str | int]) -> dict[str, object]:
    """Return one node as a single answer shows it (seed 002, GET /api/v3/nodes/{node}).

    Args:
        node: The node.
        size: How memory is written: as text in the list, as a number of bytes for one node.
    """
    return {
        "name": node.node,
        "version": node.version,
        "node_status": node.node_status,
        "otp_release": node.otp_release,
        "uptime": uptime(node.uptime_s),
        "connections": node.live_connections,
        "load1": f"{node.load1:.2f}",
        "load5": f"{node.load5:.2f}",
        "load15": f"{node.load15:.2f}",
        "max_fds": node.max_fds,
        "memory_total": size(node.memory_total_bytes),
        "memory_used": size(node.memory_used_bytes),
        "process_available": node.process_available,
        "process_used": node.process_used,
    }


def list_nodes(services: Services, _call: Call) -> Answer:
    """List the nodes of the cluster."""
    return success(
        [{"node": node.node, **node_row(node, memory)} for node in services.nodes.list()]
    )


def get_node(services: Services, _call: Call, node: str) -> Answer:
    """Show one node."""
    return success(node_row(services.nodes.get(node), int))


ENDPOINTS = (
    Endpoint(
        "v3:GET /nodes",
        "list_nodes",
        "GET",
        "/nodes/",
        list_nodes,
        "A list of nodes in the cluster",
    ),
    Endpoint(
        "v3:GET /nodes/{node}",
        "get_node",
        "GET",
        "/nodes/:node",
        get_node,
        "Lookup a node in the cluster",
    ),
)
