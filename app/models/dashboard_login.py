"""Logins at the dashboard: which browser belongs to whom, until when."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TABLE_OPTIONS, Base, Key
from app.models.user import USERNAME_MAX_LENGTH

DIGEST_LENGTH = 64
ADDRESS_MAX_LENGTH = 64
BROWSER_MAX_LENGTH = 256


class DashboardLogin(Base):
    """One browser that is logged in."""

    __tablename__ = "dashboard_logins"
    __table_args__ = (
        Index("ix_dashboard_logins_username", "username"),
        Index("ix_dashboard_logins_expires_at", "expires_at"),
        TABLE_OPTIONS,
    )

    token_sha256: Mapped[str] = mapped_column(Key(DIGEST_LENGTH), primary_key=True)
    """Of the token in the browser's cookie; the token itself is kept nowhere else."""
    username: Mapped[str] = mapped_column(Key(USERNAME_MAX_LENGTH))
    password_mark: Mapped[str] = mapped_column(String(DIGEST_LENGTH))
    """Which password it was opened with: with another one, the login is over."""
    address: Mapped[str] = mapped_column(String(ADDRESS_MAX_LENGTH))
    browser: Mapped[str] = mapped_column(String(BROWSER_MAX_LENGTH))
    created_at: Mapped[int] = mapped_column(BigInteger)
    """Unix milliseconds, as the two below."""
    seen_at: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[int] = mapped_column(BigInteger)
