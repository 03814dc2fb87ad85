"""Applications that may call the management API."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.base import TABLE_OPTIONS, Key

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "apps",
        sa.Column("app_id", Key(256), nullable=False),
        sa.Column("name", sa.String(256), nullable=True),
        sa.Column("secret_encrypted", sa.String(2048), nullable=False),
        sa.Column("desc", sa.String(2048), nullable=True),
        sa.Column("status", sa.Boolean(), nullable=True),
        sa.Column("expired", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_apps")),
        **TABLE_OPTIONS,
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("apps")
