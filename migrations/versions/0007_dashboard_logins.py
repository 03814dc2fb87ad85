"""Which browsers are logged in at the dashboard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.base import TABLE_OPTIONS, Key

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "dashboard_logins",
        sa.Column("token_sha256", Key(64), nullable=False),
        sa.Column("username", Key(256), nullable=False),
        sa.Column("password_mark", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("browser", sa.String(256), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_dashboard_logins")),
        **TABLE_OPTIONS,
    )
    op.create_index("ix_dashboard_logins_username", "dashboard_logins", ["username"])
    op.create_index("ix_dashboard_logins_expires_at", "dashboard_logins", ["expires_at"])


def downgrade() -> None:
    """Take it back."""
    op.drop_table("dashboard_logins")
