"""Rules: SQL over messages and what happens to its results."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import LONG_TEXT, TABLE_OPTIONS, Base, Key

RULE_ID_MAX_LENGTH = 256


class Rule(Base):
    """One rule."""

    __tablename__ = "rules"
    __table_args__ = (TABLE_OPTIONS,)

    id: Mapped[str] = mapped_column(Key(RULE_ID_MAX_LENGTH), primary_key=True)
    rawsql: Mapped[str] = mapped_column(LONG_TEXT)
    actions: Mapped[object] = mapped_column(JSON)
    """A list of `{id, name, args, fallbacks}`, as EMQX exports them."""
    enabled: Mapped[bool] = mapped_column(Boolean)
    description: Mapped[str] = mapped_column(String(2_048))
    on_action_failed: Mapped[str] = mapped_column(String(16))
    """continue or stop."""
    created_at: Mapped[int] = mapped_column(BigInteger)
    """Unix milliseconds."""
