"""What is kept of the passwords of SCRAM users (EMQX's `emqx_sasl`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TABLE_OPTIONS, Base, Key

USERNAME_MAX_LENGTH = 512


class SaslCredential(Base):
    """One user of one mechanism. Enough to check a proof, not to give one (RFC 5802, section 3)."""

    __tablename__ = "sasl_credentials"
    __table_args__ = (TABLE_OPTIONS,)

    mechanism: Mapped[str] = mapped_column(Key(32), primary_key=True)
    username: Mapped[str] = mapped_column(Key(USERNAME_MAX_LENGTH), primary_key=True)
    """As SASLprep leaves it."""
    salt: Mapped[str] = mapped_column(String(1_024))
    """Base64, as are the keys."""
    iteration_count: Mapped[int]
    stored_key: Mapped[str] = mapped_column(String(128))
    server_key: Mapped[str] = mapped_column(String(128))
    is_superuser: Mapped[bool]
    created_at: Mapped[int] = mapped_column(BigInteger)
    """Unix milliseconds."""

    def __repr__(self) -> str:
        """Name the user; keys stay out of logs."""
        return f"SaslCredential(mechanism={self.mechanism!r}, username={self.username!r})"
