"""How a node fared, period by period, at three resolutions that each hold a fixed number of rows."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TABLE_OPTIONS, Base, Key


class HistorySample(Base):
    """What was seen in one period. Levels are rings: a period takes the row of the one that left its span.

    Everything adds up, so that samples join a period one by one, before and after a restart alike. Counters are what
    came to pass; gauges are kept as value times milliseconds, and their mean is that divided by `covered_ms`. All are
    whole numbers, which every database keeps alike.
    """

    __tablename__ = "history_samples"
    __table_args__ = (TABLE_OPTIONS,)

    node: Mapped[str] = mapped_column(Key(255), primary_key=True)
    period_s: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """The level: how many seconds one row stands for."""
    slot: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """The place in the ring."""
    at: Mapped[int] = mapped_column(BigInteger)
    """When the period began: Unix milliseconds, a multiple of the period."""
    covered_ms: Mapped[int] = mapped_column(BigInteger)
    """For how long the node was watched: what sums are divided by."""
    connections: Mapped[int] = mapped_column(BigInteger)
    sessions: Mapped[int] = mapped_column(BigInteger)
    subscriptions: Mapped[int] = mapped_column(BigInteger)
    topics: Mapped[int] = mapped_column(BigInteger)
    retained: Mapped[int] = mapped_column(BigInteger)
    memory: Mapped[int] = mapped_column(BigInteger)
    """Bytes that the process holds in memory, times milliseconds."""
    messages_received: Mapped[int] = mapped_column(BigInteger)
    messages_sent: Mapped[int] = mapped_column(BigInteger)
    messages_dropped: Mapped[int] = mapped_column(BigInteger)
    bytes_received: Mapped[int] = mapped_column(BigInteger)
    bytes_sent: Mapped[int] = mapped_column(BigInteger)
    cpu_ms: Mapped[int] = mapped_column(BigInteger)
    """Processor time that the process used."""
