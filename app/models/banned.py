"""Bans: clients, users and addresses that must not come in."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TABLE_OPTIONS, Base, Key

BAN_WHO_MAX_LENGTH = 512
"""What an index entry holds everywhere: 3,072 bytes in InnoDB, some 2,700 in PostgreSQL."""
BAN_BY_MAX_LENGTH = 256
BAN_REASON_MAX_LENGTH = 2_048
BAN_DESC_MAX_LENGTH = 2_048
_KIND_MAX_LENGTH = 16


class Banned(Base):
    """One ban; the same `who` may be banned once of each kind."""

    __tablename__ = "banned"
    __table_args__ = (
        CheckConstraint("kind IN ('clientid', 'username', 'peerhost')", name="kind"),
        Index(None, "until"),
        TABLE_OPTIONS,
    )

    kind: Mapped[str] = mapped_column(Key(_KIND_MAX_LENGTH), primary_key=True)
    """EMQX's `as`: clientid, username or peerhost."""
    who: Mapped[str] = mapped_column(Key(BAN_WHO_MAX_LENGTH), primary_key=True)
    by: Mapped[str] = mapped_column(String(BAN_BY_MAX_LENGTH))
    reason: Mapped[str] = mapped_column(String(BAN_REASON_MAX_LENGTH))
    desc: Mapped[str | None] = mapped_column(String(BAN_DESC_MAX_LENGTH))
    """EMQ X 3's second text, which the fourth generation has no more."""
    at: Mapped[int] = mapped_column(BigInteger)
    """Unix seconds, as EMQX counts them."""
    until: Mapped[int | None] = mapped_column(BigInteger)
    """Unix seconds; NULL never ends."""

    def __repr__(self) -> str:
        """Name who is banned."""
        return f"Banned(kind={self.kind!r}, who={self.who!r}, until={self.until!r})"
