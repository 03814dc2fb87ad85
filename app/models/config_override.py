"""Settings that were changed while the node ran."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TABLE_OPTIONS, Base, Key


class ConfigOverride(Base):
    """One setting's value, stronger than the file and weaker than the environment."""

    __tablename__ = "config_overrides"
    __table_args__ = (TABLE_OPTIONS,)

    key: Mapped[str] = mapped_column(Key(256), primary_key=True)
    """EMQX's key, as `docs/configuration.md` lists it."""
    value: Mapped[object] = mapped_column(JSON)
    at: Mapped[int] = mapped_column(BigInteger)
    """Unix milliseconds."""
    by: Mapped[str] = mapped_column(String(256))
