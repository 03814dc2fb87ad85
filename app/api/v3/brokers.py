"""Brokers in the words of the third generation."""

from __future__ import annotations

from app.api.endpoint import Answer, Call, Endpoint
from app.api.formats import uptime
from app.api.v3.dialect import success
from app.broker.records import BrokerRecord
from app.services import Services


def broker_row(broker: BrokerRecord) -> dict[str, object]:
    """Return one broker as a single answer shows it (seed 002, GET /api/v3/brokers/{node}); it does not name it."""
    return {
        "version": broker.version,
        "sysdescr": broker.sysdescr,
        "uptime": uptime(broker.uptime_s),
        "datetime": broker.datetime,
        "otp_release": broker.otp_release,
        "node_status": broker.node_status,
    }


def list_brokers(services: Services, _call: Call) -> Answer:
    """List the brokers of the cluster."""
    return success(
        [{"node": broker.node, **broker_row(broker)} for broker in services.brokers.list()]
    )


def get_broker(services: Services, _call: Call, node: str) -> Answer:
    """Show one broker."""
    return success(broker_row(services.brokers.get(node)))


ENDPOINTS = (
    Endpoint(
        "v3:GET /brokers",
        "list_brokers",
        "GET",
        "/brokers/",
        list_brokers,
        "A list of brokers in the cluster",
    ),
    Endpoint(
        "v3:GET /brokers/{node}",
        "get_broker",
        "GET",
        "/brokers/:node",
        get_broker,
        "Get broker info of a node",
    ),
)
