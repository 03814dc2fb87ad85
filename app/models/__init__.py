"""The tables, the database that holds them, and the steps that brought it to its shape.

Only services and storage may look in here; what leaves them are frozen records, never rows.
"""

from app.models.acl_rule import AclRule
from app.models.app import App
from app.models.audit_entry import AuditEntry
from app.models.banned import Banned
from app.models.base import Base
from app.models.config_override import ConfigOverride
from app.models.dashboard_login import DashboardLogin
from app.models.data_file import DataFile
from app.models.database import Database, DatabaseError
from app.models.extension_state import ExtensionState
from app.models.history import HistorySample
from app.models.installation_fact import InstallationFact
from app.models.migration import is_at_head, migrate
from app.models.mqtt_credential import MqttCredential
from app.models.resource import Resource
from app.models.rule import Rule
from app.models.sasl_credential import SaslCredential
from app.models.schema import Schema
from app.models.topic_metric import TopicMetric
from app.models.trace import Trace
from app.models.user import User

__all__ = [
    "AclRule",
    "App",
    "AuditEntry",
    "Banned",
    "Base",
    "ConfigOverride",
    "DashboardLogin",
    "DataFile",
    "Database",
    "DatabaseError",
    "ExtensionState",
    "HistorySample",
    "InstallationFact",
    "MqttCredential",
    "Resource",
    "Rule",
    "SaslCredential",
    "Schema",
    "TopicMetric",
    "Trace",
    "User",
    "is_at_head",
    "migrate",
]
