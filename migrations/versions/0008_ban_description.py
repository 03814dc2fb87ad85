"""What EMQ X 3 says about a ban beside its reason."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Take the step."""
    op.add_column("banned", sa.Column("desc", sa.String(2048), nullable=True))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("banned", "desc")
