"""What an operator decided about plugins and modules."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import LONG_TEXT, TABLE_OPTIONS, Base, Key


class ExtensionState(Base):
    """One plugin or module on one node; what has no row is as its own defaults say."""

    __tablename__ = "extension_states"
    __table_args__ = (CheckConstraint("kind IN ('plugin', 'module')", name="kind"), TABLE_OPTIONS)

    kind: Mapped[str] = mapped_column(Key(16), primary_key=True)
    node: Mapped[str] = mapped_column(Key(256), primary_key=True)
    name: Mapped[str] = mapped_column(Key(128), primary_key=True)
    active: Mapped[bool] = mapped_column(Boolean)
    config_encrypted: Mapped[str | None] = mapped_column(LONG_TEXT)
    """JSON of the changed parameters; encrypted, for backends have passwords."""
