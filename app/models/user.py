"""Dashboard users: who may log in to the dashboard and to the API that it serves."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TABLE_OPTIONS, Base, Key

USERNAME_MAX_LENGTH = 256
TAGS_MAX_LENGTH = 256
_PASSWORD_HASH_MAX_LENGTH = 512
_ROLE_MAX_LENGTH = 16


class User(Base):
    """One user of the dashboard."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('administrator', 'operator', 'viewer')", name="role"),
        TABLE_OPTIONS,
    )

    username: Mapped[str] = mapped_column(Key(USERNAME_MAX_LENGTH), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(_PASSWORD_HASH_MAX_LENGTH))
    """Argon2's own form, or `emqx:` and the salted MD5 of an imported EMQX until the next login."""
    tags: Mapped[str] = mapped_column(String(TAGS_MAX_LENGTH))
    role: Mapped[str] = mapped_column(String(_ROLE_MAX_LENGTH))
    must_change_password: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[int] = mapped_column(BigInteger)
    """Unix milliseconds."""

    def __repr__(self) -> str:
        """Name the user; a hash stays out of logs."""
        return f"User(username={self.username!r}, role={self.role!r})"
