"""Resources: what rules and bridges connect to."""

from __future__ import annotations

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import LONG_TEXT, TABLE_OPTIONS, Base, Key

RESOURCE_ID_MAX_LENGTH = 256


class Resource(Base):
    """One resource."""

    __tablename__ = "resources"
    __table_args__ = (TABLE_OPTIONS,)

    id: Mapped[str] = mapped_column(Key(RESOURCE_ID_MAX_LENGTH), primary_key=True)
    type: Mapped[str] = mapped_column(String(128))
    config_encrypted: Mapped[str] = mapped_column(LONG_TEXT)
    """JSON; encrypted, for it has passwords in it."""
    description: Mapped[str] = mapped_column(String(2_048))
    created_at: Mapped[int | None] = mapped_column(BigInteger)
    """Unix milliseconds; an imported one may not know."""

    def __repr__(self) -> str:
        """Name the resource; its configuration stays out of logs."""
        return f"Resource(id={self.id!r}, type={self.type!r})"
