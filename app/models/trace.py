"""Traces: the log of one client, topic or address for a while."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import LONG_TEXT, TABLE_OPTIONS, Base, Key


class Trace(Base):
    """One trace; its log is a file under `instance/`."""

    __tablename__ = "traces"
    __table_args__ = (
        CheckConstraint("type IN ('clientid', 'topic', 'ip_address')", name="type"),
        TABLE_OPTIONS,
    )

    name: Mapped[str] = mapped_column(Key(256), primary_key=True)
    type: Mapped[str] = mapped_column(String(16))
    filter: Mapped[str] = mapped_column(LONG_TEXT)
    """The client id, topic filter or address."""
    start_at: Mapped[int] = mapped_column(BigInteger)
    end_at: Mapped[int] = mapped_column(BigInteger)
    """Unix seconds, both."""
    enable: Mapped[bool] = mapped_column(Boolean)
    """False once it was stopped by hand."""
