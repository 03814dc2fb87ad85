"""Applications: who may call the management API (EMQX's AppID and AppSecret)."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TABLE_OPTIONS, Base, Key

APP_ID_MAX_LENGTH = 256
APP_NAME_MAX_LENGTH = 256
APP_DESC_MAX_LENGTH = 2_048
APP_SECRET_MAX_LENGTH = 256
_SECRET_ENCRYPTED_MAX_LENGTH = 2_048
"""Four bytes to a character, padding, and the base64 of it: 256 characters become 1,464 at most."""


class App(Base):
    """One application. NULL is EMQX's `undefined`: what an update did not name."""

    __tablename__ = "apps"
    __table_args__ = (TABLE_OPTIONS,)

    app_id: Mapped[str] = mapped_column(Key(APP_ID_MAX_LENGTH), primary_key=True)
    name: Mapped[str | None] = mapped_column(String(APP_NAME_MAX_LENGTH))
    secret_encrypted: Mapped[str] = mapped_column(String(_SECRET_ENCRYPTED_MAX_LENGTH))
    desc: Mapped[str | None] = mapped_column(String(APP_DESC_MAX_LENGTH))
    status: Mapped[bool | None] = mapped_column(Boolean)
    expired: Mapped[int | None] = mapped_column(BigInteger)
    """Unix seconds; NULL never ends."""
    permission: Mapped[str] = mapped_column(String(16), server_default="full")
    """full, read_only or publish_only; EMQX's own applications may do everything."""

    def __repr__(self) -> str:
        """Name the application; what its secret is stays out of logs even encrypted."""
        return f"App(app_id={self.app_id!r}, name={self.name!r}, status={self.status!r})"
