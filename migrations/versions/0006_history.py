"""How the nodes fared: rings of periods at three resolutions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.base import TABLE_OPTIONS, Key

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_GAUGES = ("connections", "sessions", "subscriptions", "topics", "retained", "memory")
_COUNTERS = (
    "messages_received",
    "messages_sent",
    "messages_dropped",
    "bytes_received",
    "bytes_sent",
    "cpu_ms",
)


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "history_samples",
        sa.Column("node", Key(255), nullable=False),
        sa.Column("period_s", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("covered_ms", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _GAUGES + _COUNTERS),
        sa.PrimaryKeyConstraint("node", "period_s", "slot", name=op.f("pk_history_samples")),
        **TABLE_OPTIONS,
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("history_samples")
