"""The endpoint table of the second generation, in the order of its documents."""

from __future__ import annotations

from app.api.endpoint import EndpointTable
from app.api.v2.alarms import ENDPOINTS as ALARMS
from app.api.v2.clients import ENDPOINTS as CLIENTS
from app.api.v2.configs import ENDPOINTS as CONFIGS
from app.api.v2.descriptions import DESCRIPTIONS
from app.api.v2.listeners import ENDPOINTS as LISTENERS
from app.api.v2.metrics import ENDPOINTS as METRICS
from app.api.v2.nodes import ENDPOINTS as NODES
from app.api.v2.plugins import ENDPOINTS as PLUGINS
from app.api.v2.pubsub import ENDPOINTS as PUBSUB
from app.api.v2.routes import ENDPOINTS as ROUTES
from app.api.v2.sessions import ENDPOINTS as SESSIONS
from app.api.v2.stats import ENDPOINTS as STATS
from app.api.v2.subscriptions import ENDPOINTS as SUBSCRIPTIONS
from app.api.v2.users import ENDPOINTS as USERS

BASE = "/api/v2"

TABLE = EndpointTable.of(
    BASE,
    NODES,
    CLIENTS,
    SESSIONS,
    SUBSCRIPTIONS,
    ROUTES,
    PUBSUB,
    PLUGINS,
    LISTENERS,
    METRICS,
    STATS,
    ALARMS,
    CONFIGS,
    USERS,
).described(DESCRIPTIONS)
