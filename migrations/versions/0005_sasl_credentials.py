"""What is kept of the passwords of SCRAM users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.base import TABLE_OPTIONS, Key

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "sasl_credentials",
        sa.Column("mechanism", Key(32), nullable=False),
        sa.Column("username", Key(512), nullable=False),
        sa.Column("salt", sa.String(1024), nullable=False),
        sa.Column("iteration_count", sa.Integer(), nullable=False),
        sa.Column("stored_key", sa.String(128), nullable=False),
        sa.Column("server_key", sa.String(128), nullable=False),
        sa.Column("is_superuser", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mechanism", "username", name=op.f("pk_sasl_credentials")),
        **TABLE_OPTIONS,
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("sasl_credentials")
