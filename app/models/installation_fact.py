"""What a database remembers of its own life, beside what it holds for its users."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TABLE_OPTIONS, Base, Key

DEFAULT_APP_CREATED = "default_app_created"
"""Since this fact is there, a missing default application is the operator's decision."""

DEFAULT_USER_CREATED = "default_user_created"
"""The same of the default dashboard user."""


class InstallationFact(Base):
    """One fact by its name; shared by all nodes that use the database."""

    __tablename__ = "installation_facts"
    __table_args__ = (TABLE_OPTIONS,)

    name: Mapped[str] = mapped_column(Key(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(256))
