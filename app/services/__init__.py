"""Use cases: what the APIs and the dashboard may do, whichever words they use for it.

Services take and return plain values, frozen records and encoded rows. They raise `ServiceError`; they know neither
Flask nor envelopes. Commands and lists go to the nodes through `app.node.proxy`, entities to the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, Unpack

from app.node.proxy import Nodes
from app.services.alarms import AlarmsService
from app.services.brokers import BrokersService
from app.services.client_story import ClientStoryService
from app.services.clients import ClientsService
from app.services.control import ControlService
from app.services.explain import ExplainService
from app.services.listeners import ListenersService
from app.services.metrics import MetricsService
from app.services.nodes import NodesService
from app.services.prometheus import PrometheusService
from app.services.pubsub import PubSubService
from app.services.routes import RoutesService
from app.services.stats import StatsService
from app.services.subscriptions import SubscriptionsService

if TYPE_CHECKING:
    # What only asks the nodes must not load the database's libraries.
    from app.services.acl_file import AclFileService
    from app.services.acl_rules import AclRulesService
    from app.services.apps import AppsService
    from app.services.audit import AuditService
    from app.services.backups import BackupsService
    from app.services.banned import BannedService
    from app.services.configs import ConfigsService
    from app.services.credentials import CredentialsService
    from app.services.dashboard_logins import DashboardLogins
    from app.services.data import DataServices
    from app.services.history import HistoryService
    from app.services.insight import Insight
    from app.services.login_limits import LoginLimits
    from app.services.modules import ModulesService
    from app.services.observers import Observers
    from app.services.operation import Operation
    from app.services.plugins import PluginsService
    from app.services.resources import ResourcesService
    from app.services.rules import RulesService
    from app.services.sasl import SaslService
    from app.services.users import UsersService


class StoredServices(TypedDict):
    """The services that need the database; the composition root makes each."""

    apps: AppsService
    banned: BannedService
    audit: AuditService
    configs: ConfigsService
    data: DataServices
    backups: BackupsService
    plugins: PluginsService
    modules: ModulesService
    credentials: CredentialsService
    acl_rules: AclRulesService
    acl_file: AclFileService
    sasl: SaslService
    users: UsersService
    history: HistoryService
    login_limits: LoginLimits
    logins: DashboardLogins
    observers: Observers
    rules: RulesService
    resources: ResourcesService
    operation: Operation
    insight: Insight


@dataclass(frozen=True, slots=True)
class Services:
    """All services of one node; the composition root makes it, handlers receive it."""

    clients: ClientsService
    client_story: ClientStoryService
    subscriptions: SubscriptionsService
    routes: RoutesService
    pubsub: PubSubService
    prometheus: PrometheusService
    nodes: NodesService
    brokers: BrokersService
    metrics: MetricsService
    stats: StatsService
    listeners: ListenersService
    alarms: AlarmsService
    apps: AppsService
    banned: BannedService
    audit: AuditService
    configs: ConfigsService
    data: DataServices
    backups: BackupsService
    plugins: PluginsService
    modules: ModulesService
    credentials: CredentialsService
    acl_rules: AclRulesService
    acl_file: AclFileService
    sasl: SaslService
    users: UsersService
    history: HistoryService
    login_limits: LoginLimits
    logins: DashboardLogins
    control: ControlService
    explain: ExplainService
    observers: Observers
    rules: RulesService
    resources: ResourcesService
    operation: Operation
    insight: Insight

    @classmethod
    def over(cls, nodes: Nodes, **stored: Unpack[StoredServices]) -> Services:
        """Make the services that need only the nodes, and bundle them with those that need the database."""
        return cls(
            clients=ClientsService(nodes),
            client_story=ClientStoryService(nodes),
            subscriptions=SubscriptionsService(nodes),
            routes=RoutesService(nodes),
            pubsub=PubSubService(nodes),
            prometheus=PrometheusService(nodes),
            nodes=NodesService(nodes),
            brokers=BrokersService(nodes),
            metrics=MetricsService(nodes),
            stats=StatsService(nodes),
            listeners=ListenersService(nodes),
            alarms=AlarmsService(nodes),
            control=ControlService(nodes),
            explain=ExplainService(nodes),
            **stored,
        )
