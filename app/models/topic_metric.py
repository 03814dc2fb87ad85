"""Topics whose messages are counted on their own."""

from __future__ import annotations

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import LONG_TEXT, TABLE_OPTIONS, Base, Key


class TopicMetric(Base):
    """One registered topic."""

    __tablename__ = "topic_metrics"
    __table_args__ = (TABLE_OPTIONS,)

    topic_sha256: Mapped[str] = mapped_column(Key(64), primary_key=True)
    """A topic is too long for a key; its digest stands for it."""
    topic: Mapped[str] = mapped_column(LONG_TEXT)
    created_at: Mapped[int] = mapped_column(BigInteger)
    """Unix milliseconds."""
