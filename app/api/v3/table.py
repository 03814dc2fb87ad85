"""The endpoint table of the third generation: a listing, and the resources that it lists."""

from __future__ import annotations

from app.api.endpoint import EndpointTable
from app.api.v3.alarms import ENDPOINTS as ALARMS
from app.api.v3.apps import ENDPOINTS as APPS
from app.api.v3.banned import ENDPOINTS as BANNED
from app.api.v3.brokers import ENDPOINTS as BROKERS
from app.api.v3.configs import ENDPOINTS as CONFIGS
from app.api.v3.connections import ENDPOINTS as CONNECTIONS
from app.api.v3.descriptions import DESCRIPTIONS
from app.api.v3.listeners import ENDPOINTS as LISTENERS
from app.api.v3.listing import endpoints as listing
from app.api.v3.logins import ENDPOINTS as LOGINS
from app.api.v3.metrics import ENDPOINTS as METRICS
from app.api.v3.nodes import ENDPOINTS as NODES
from app.api.v3.plugins import ENDPOINTS as PLUGINS
from app.api.v3.pubsub import ENDPOINTS as PUBSUB
from app.api.v3.routes import ENDPOINTS as ROUTES
from app.api.v3.rules import ENDPOINTS as RULES
from app.api.v3.sessions import ENDPOINTS as SESSIONS
from app.api.v3.stats import ENDPOINTS as STATS
from app.api.v3.subscriptions import ENDPOINTS as SUBSCRIPTIONS
from app.api.v3.users import ENDPOINTS as USERS

BASE = "/api/v3"

_RESOURCES = EndpointTable.of(
    BASE,
    ALARMS,
    APPS,
    BANNED,
    BROKERS,
    CONFIGS,
    CONNECTIONS,
    LISTENERS,
    LOGINS,
    METRICS,
    NODES,
    PLUGINS,
    PUBSUB,
    ROUTES,
    RULES,
    SESSIONS,
    STATS,
    SUBSCRIPTIONS,
    USERS,
)

TABLE = EndpointTable.of(BASE, listing(_RESOURCES), _RESOURCES).described(DESCRIPTIONS)
