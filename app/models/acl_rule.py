"""ACL rules that the node itself keeps (EMQX's `emqx_auth_mnesia`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import LONG_TEXT, TABLE_OPTIONS, Base, Key

ACL_LOGIN_MAX_LENGTH = 512


class AclRule(Base):
    """One rule: this client may, or may not, publish or subscribe to this filter."""

    __tablename__ = "acl_rules"
    __table_args__ = (
        CheckConstraint("kind IN ('clientid', 'username', 'all')", name="kind"),
        CheckConstraint("action IN ('pub', 'sub')", name="action"),
        CheckConstraint("access IN ('allow', 'deny')", name="access"),
        # A filter is too long for an index; its digest stands for it.
        Index(None, "kind", "login", "action", "topic_sha256", unique=True),
        TABLE_OPTIONS,
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    kind: Mapped[str] = mapped_column(Key(16))
    login: Mapped[str] = mapped_column(Key(ACL_LOGIN_MAX_LENGTH))
    """Empty for everybody."""
    topic: Mapped[str] = mapped_column(LONG_TEXT)
    topic_sha256: Mapped[str] = mapped_column(Key(64))
    """Of the UTF-8 of `topic`, hexadecimal."""
    action: Mapped[str] = mapped_column(String(8))
    access: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[int] = mapped_column(BigInteger)
    """Unix milliseconds."""
