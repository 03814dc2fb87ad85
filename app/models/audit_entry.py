"""The audit log: who changed what, when and from where."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TABLE_OPTIONS, Base

ACTOR_MAX_LENGTH = 256
TARGET_MAX_LENGTH = 512
_KIND_MAX_LENGTH = 16
_ACTION_MAX_LENGTH = 64
_ADDRESS_MAX_LENGTH = 64
_REQUEST_ID_MAX_LENGTH = 64


class AuditEntry(Base):
    """One change; never altered, only swept when it is old."""

    __tablename__ = "audit_log"
    __table_args__ = (Index(None, "at"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    at: Mapped[int] = mapped_column(BigInteger)
    """Unix milliseconds."""
    actor_kind: Mapped[str] = mapped_column(String(_KIND_MAX_LENGTH))
    """app, user, cli, system, or nobody for a request without a login."""
    actor: Mapped[str] = mapped_column(String(ACTOR_MAX_LENGTH))
    address: Mapped[str] = mapped_column(String(_ADDRESS_MAX_LENGTH))
    """Where the request came from; empty for what came from no network."""
    request_id: Mapped[str] = mapped_column(String(_REQUEST_ID_MAX_LENGTH))
    action: Mapped[str] = mapped_column(String(_ACTION_MAX_LENGTH))
    """`banned.create`, `app.update`: the thing and what happened to it."""
    target: Mapped[str] = mapped_column(String(TARGET_MAX_LENGTH))
    before: Mapped[object] = mapped_column(JSON(none_as_null=True), nullable=True)
    after: Mapped[object] = mapped_column(JSON(none_as_null=True), nullable=True)
    """Without secrets; NULL where there was, or is, nothing."""
