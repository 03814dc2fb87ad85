"""What administrators decide: users, audit log, settings, plugins, files, credentials, rules, traces."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGBLOB

from app.models.base import LONG_TEXT, TABLE_OPTIONS, Key

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    _people()
    _node_state()
    _admission()
    _rules()
    _watching()


def _people() -> None:
    """Dashboard users, what applications may do, and who changed what."""
    op.create_table(
        "audit_log",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(256), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(512), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
        **TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_audit_log_at"), "audit_log", ["at"], unique=False)
    op.create_table(
        "users",
        sa.Column("username", Key(256), nullable=False),
        sa.Column("password_hash", sa.String(512), nullable=False),
        sa.Column("tags", sa.String(256), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "role IN ('administrator', 'operator', 'viewer')", name=op.f("ck_users_role")
        ),
        sa.PrimaryKeyConstraint("username", name=op.f("pk_users")),
        **TABLE_OPTIONS,
    )
    op.add_column(
        "apps", sa.Column("permission", sa.String(16), server_default="full", nullable=False)
    )


def _node_state() -> None:
    """Settings, plugins and modules as they were changed, and export files."""
    op.create_table(
        "config_overrides",
        sa.Column("key", Key(256), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.String(256), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_config_overrides")),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "data_files",
        sa.Column("filename", Key(255), nullable=False),
        sa.Column("node", sa.String(256), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary().with_variant(LONGBLOB(), "mysql"), nullable=False),
        sa.PrimaryKeyConstraint("filename", name=op.f("pk_data_files")),
        **TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_data_files_created_at"), "data_files", ["created_at"], unique=False)
    op.create_table(
        "extension_states",
        sa.Column("kind", Key(16), nullable=False),
        sa.Column("node", Key(256), nullable=False),
        sa.Column("name", Key(128), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("config_encrypted", LONG_TEXT, nullable=True),
        sa.CheckConstraint("kind IN ('plugin', 'module')", name=op.f("ck_extension_states_kind")),
        sa.PrimaryKeyConstraint("kind", "node", "name", name=op.f("pk_extension_states")),
        **TABLE_OPTIONS,
    )


def _admission() -> None:
    """What the node's own authentication and ACL know."""
    op.create_table(
        "acl_rules",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", Key(16), nullable=False),
        sa.Column("login", Key(512), nullable=False),
        sa.Column("topic", LONG_TEXT, nullable=False),
        sa.Column("topic_sha256", Key(64), nullable=False),
        sa.Column("action", sa.String(8), nullable=False),
        sa.Column("access", sa.String(8), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("access IN ('allow', 'deny')", name=op.f("ck_acl_rules_access")),
        sa.CheckConstraint("action IN ('pub', 'sub')", name=op.f("ck_acl_rules_action")),
        sa.CheckConstraint(
            "kind IN ('clientid', 'username', 'all')", name=op.f("ck_acl_rules_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acl_rules")),
        **TABLE_OPTIONS,
    )
    op.create_index(
        op.f("ix_acl_rules_kind_login_action_topic_sha256"),
        "acl_rules",
        ["kind", "login", "action", "topic_sha256"],
        unique=True,
    )
    op.create_table(
        "mqtt_credentials",
        sa.Column("kind", Key(16), nullable=False),
        sa.Column("login", Key(512), nullable=False),
        sa.Column("password_hash", sa.String(1024), nullable=False),
        sa.Column("is_superuser", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('clientid', 'username')", name=op.f("ck_mqtt_credentials_kind")
        ),
        sa.PrimaryKeyConstraint("kind", "login", name=op.f("pk_mqtt_credentials")),
        **TABLE_OPTIONS,
    )


def _rules() -> None:
    """Rules, resources, schemas."""
    op.create_table(
        "resources",
        sa.Column("id", Key(256), nullable=False),
        sa.Column("type", sa.String(128), nullable=False),
        sa.Column("config_encrypted", LONG_TEXT, nullable=False),
        sa.Column("description", sa.String(2048), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resources")),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "rules",
        sa.Column("id", Key(256), nullable=False),
        sa.Column("rawsql", LONG_TEXT, nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("description", sa.String(2048), nullable=False),
        sa.Column("on_action_failed", sa.String(16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "schemas",
        sa.Column("name", Key(256), nullable=False),
        sa.Column("definition", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schemas")),
        **TABLE_OPTIONS,
    )


def _watching() -> None:
    """Traces and topics that are counted."""
    op.create_table(
        "topic_metrics",
        sa.Column("topic_sha256", Key(64), nullable=False),
        sa.Column("topic", LONG_TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic_sha256", name=op.f("pk_topic_metrics")),
        **TABLE_OPTIONS,
    )
    op.create_table(
        "traces",
        sa.Column("name", Key(256), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("filter", LONG_TEXT, nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.Column("enable", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "type IN ('clientid', 'topic', 'ip_address')", name=op.f("ck_traces_type")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_traces")),
        **TABLE_OPTIONS,
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_column("apps", "permission")
    op.drop_table("users")
    op.drop_table("traces")
    op.drop_table("topic_metrics")
    op.drop_table("schemas")
    op.drop_table("rules")
    op.drop_table("resources")
    op.drop_table("mqtt_credentials")
    op.drop_table("extension_states")
    op.drop_index(op.f("ix_data_files_created_at"), table_name="data_files")
    op.drop_table("data_files")
    op.drop_table("config_overrides")
    op.drop_index(op.f("ix_audit_log_at"), table_name="audit_log")
    op.drop_table("audit_log")
    op.drop_index(op.f("ix_acl_rules_kind_login_action_topic_sha256"), table_name="acl_rules")
    op.drop_table("acl_rules")
