"""The endpoint table of the fourth generation: the resources in the order in which EMQX lists its modules."""

from __future__ import annotations

from collections.abc import Iterable

from app.api.endpoint import Endpoint, EndpointTable
from app.api.v4.acl import ENDPOINTS as ACL
from app.api.v4.actions import ENDPOINTS as ACTIONS
from app.api.v4.alarms import ENDPOINTS as ALARMS
from app.api.v4.apps import ENDPOINTS as APPS
from app.api.v4.audit import ENDPOINTS as AUDIT
from app.api.v4.auth_mnesia import ENDPOINTS as AUTH_MNESIA
from app.api.v4.banned import ENDPOINTS as BANNED
from app.api.v4.bridges import ENDPOINTS as BRIDGES
from app.api.v4.brokers import ENDPOINTS as BROKERS
from app.api.v4.client_control import ENDPOINTS as CLIENT_CONTROL
from app.api.v4.client_story import ENDPOINTS as CLIENT_STORY
from app.api.v4.clients import ENDPOINTS as CLIENTS
from app.api.v4.configs import ENDPOINTS as CONFIGS
from app.api.v4.data import ENDPOINTS as DATA
from app.api.v4.dead_letters import ENDPOINTS as DEAD_LETTERS
from app.api.v4.delayed import ENDPOINTS as DELAYED
from app.api.v4.descriptions import DESCRIPTIONS
from app.api.v4.explain import ENDPOINTS as EXPLAIN
from app.api.v4.history import ENDPOINTS as HISTORY
from app.api.v4.listeners import ENDPOINTS as LISTENERS
from app.api.v4.listing import endpoints as listing
from app.api.v4.metrics import ENDPOINTS as METRICS
from app.api.v4.modules import ENDPOINTS as MODULES
from app.api.v4.nodes import ENDPOINTS as NODES
from app.api.v4.operation import ENDPOINTS as OPERATION
from app.api.v4.plugins import ENDPOINTS as PLUGINS
from app.api.v4.prometheus import ENDPOINTS as PROMETHEUS
from app.api.v4.pubsub import ENDPOINTS as PUBSUB
from app.api.v4.resource_types import ENDPOINTS as RESOURCE_TYPES
from app.api.v4.resources import ENDPOINTS as RESOURCES
from app.api.v4.retained import ENDPOINTS as RETAINED
from app.api.v4.routes import ENDPOINTS as ROUTES
from app.api.v4.rule_events import ENDPOINTS as RULE_EVENTS
from app.api.v4.rules import ENDPOINTS as RULES
from app.api.v4.sasl import ENDPOINTS as SASL
from app.api.v4.slow_subscriptions import ENDPOINTS as SLOW_SUBSCRIPTIONS
from app.api.v4.stats import ENDPOINTS as STATS
from app.api.v4.subscriptions import ENDPOINTS as SUBSCRIPTIONS
from app.api.v4.telemetry import ENDPOINTS as TELEMETRY
from app.api.v4.topic_metrics import ENDPOINTS as TOPIC_METRICS
from app.api.v4.trace import ENDPOINTS as TRACE
from app.api.v4.users import ENDPOINTS as USERS

BASE = "/api/v4"

_RESOURCES = EndpointTable.of(
    BASE,
    AUTH_MNESIA,
    ACL,
    ALARMS,
    APPS,
    AUDIT,
    BANNED,
    BRIDGES,
    BROKERS,
    CLIENTS,
    CLIENT_CONTROL,
    CLIENT_STORY,
    CONFIGS,
    DATA,
    DEAD_LETTERS,
    DELAYED,
    EXPLAIN,
    HISTORY,
    LISTENERS,
    METRICS,
    MODULES,
    NODES,
    OPERATION,
    PLUGINS,
    PROMETHEUS,
    PUBSUB,
    ROUTES,
    RULES,
    ACTIONS,
    RESOURCES,
    RESOURCE_TYPES,
    RETAINED,
    RULE_EVENTS,
    SASL,
    SLOW_SUBSCRIPTIONS,
    STATS,
    SUBSCRIPTIONS,
    TELEMETRY,
    TOPIC_METRICS,
    TRACE,
    USERS,
)

TABLE = EndpointTable.of(BASE, listing(_RESOURCES), _RESOURCES).described(DESCRIPTIONS)


def table_with(more: Iterable[Endpoint]) -> EndpointTable:
    """Return the table with further calls, which its listing shows as well."""
    resources = EndpointTable.of(BASE, _RESOURCES, more)
    return EndpointTable.of(BASE, listing(resources), resources).described(DESCRIPTIONS)
