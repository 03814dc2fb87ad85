"""Clients, users and addresses that must not come in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.base import TABLE_OPTIONS, Key

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "banned",
        sa.Column("kind", Key(16), nullable=False),
        sa.Column("who", Key(512), nullable=False),
        sa.Column("by", sa.String(256), nullable=False),
        sa.Column("reason", sa.String(2048), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('clientid', 'username', 'peerhost')", name=op.f("ck_banned_kind")
        ),
        sa.PrimaryKeyConstraint("kind", "who", name=op.f("pk_banned")),
        **TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_banned_until"), "banned", ["until"])


def downgrade() -> None:
    """Take it back."""
    op.drop_index(op.f("ix_banned_until"), table_name="banned")
    op.drop_table("banned")
