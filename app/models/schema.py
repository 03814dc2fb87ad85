"""Schemas that an enterprise EMQX exported: kept, so that what is imported can be exported again."""

from __future__ import annotations

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TABLE_OPTIONS, Base, Key


class Schema(Base):
    """One schema of the registry, as the export has it."""

    __tablename__ = "schemas"
    __table_args__ = (TABLE_OPTIONS,)

    name: Mapped[str] = mapped_column(Key(256), primary_key=True)
    definition: Mapped[object] = mapped_column(JSON)
