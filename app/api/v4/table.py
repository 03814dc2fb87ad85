"""The endpoint table of the fourth generation: the resources in the order in which EMQX lists its modules."""

from __future__ import annotations

from app.api.endpoint import EndpointTable
from app.api.v4 import (
    apps,
    banned,
    brokers,
    clients,
    listeners,
    listing,
    metrics,
    nodes,
    pubsub,
    routes,
    stats,
    subscriptions,
)

BASE = "/api/v4"

_RESOURCES = EndpointTable.of(
    BASE,
    apps.ENDPOINTS,
    banned.ENDPOINTS,
    brokers.ENDPOINTS,
    clients.ENDPOINTS,
    listeners.ENDPOINTS,
    metrics.ENDPOINTS,
    nodes.ENDPOINTS,
    pubsub.ENDPOINTS,
    routes.ENDPOINTS,
    stats.ENDPOINTS,
    subscriptions.ENDPOINTS,
)

TABLE = EndpointTable.of(BASE, listing.endpoints(_RESOURCES), _RESOURCES)
