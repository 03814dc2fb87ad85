"""Nodes in the words of the second generation: what they are, and how they fare."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import memory, uptime
from app.api.v2.dialect import success
from app.broker.records import BrokerRecord, NodeRecord
from app.services import Services


def broker_row(broker: BrokerRecord) -> dict[str, object]:
    """Return what a node is (seed 003, GET /api/v2/management/nodes/{node_name}); the answer does not name it."""
    return {
        "version": broker.version,
        "sysdescr": broker.sysdescr,
        "uptime": uptime(broker.uptime_s),
        "datetime": broker.datetime,
        "otp_release": broker.otp_release,
        "node_status": broker.node_status,
    }


def node_row(node: NodeRecord) -> dict[str, object]:
    """Return how a node fares (seed 003, GET /api/v2/monitoring/nodes); memory is text here and there."""
    return {
        "name": node.node,
        "otp_release": node.otp_release,
        "memory_total": str(memory(node.memory_total_bytes)),
        "memory_used": str(memory(node.memory_used_bytes)),
        "process_available": node.process_available,
        "process_used": node.process_used,
        "max_fds": node.max_fds,
        "clients": node.live_connections,
        "node_status": node.node_status,
        "load1": f"{node.load1:.2f}",
        "load5": f"{node.load5:.2f}",
        "load15": f"{node.load15:.2f}",
    }


def list_brokers(services: Services, _call: Call) -> Answer:
    """List the nodes of the cluster."""
    return success(
        [{"name": broker.node, **broker_row(broker)} for broker in services.brokers.list()]
    )


def get_broker(services: Services, _call: Call, node_name: str) -> Answer:
    """Show one node."""
    return success(broker_row(services.brokers.get(node_name)))


def list_nodes(services: Services, _call: Call) -> Answer:
    """Show how the nodes of the cluster fare."""
    return success([node_row(node) for node in services.nodes.list()])


def get_node(services: Services, _call: Call, node_name: str) -> Answer:
    """Show how one node fares."""
    return success(node_row(services.nodes.get(node_name)))


ENDPOINTS = (
    Endpoint(
        "v2:GET /management/nodes",
        "list_brokers",
        "GET",
        "management/nodes",
        list_brokers,
        "A list of nodes in the cluster",
    ),
    Endpoint(
        "v2:GET /management/nodes/{node_name}",
        "get_broker",
        "GET",
        "management/nodes/:node_name",
        get_broker,
        "Basic facts about a node",
    ),
    Endpoint(
        "v2:GET /monitoring/nodes",
        "list_nodes",
        "GET",
        "monitoring/nodes",
        list_nodes,
        "How the nodes in the cluster fare",
    ),
    Endpoint(
        "v2:GET /monitoring/nodes/{node_name}",
        "get_node",
        "GET",
        "monitoring/nodes/:node_name",
        get_node,
        "How a node fares",
    ),
)
