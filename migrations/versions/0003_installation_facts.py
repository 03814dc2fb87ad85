"""What the database remembers of its own life."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.models.base import TABLE_OPTIONS, Key

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.create_table(
        "installation_facts",
        sa.Column("name", Key(64), nullable=False),
        sa.Column("value", sa.String(256), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation_facts")),
        **TABLE_OPTIONS,
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("installation_facts")
