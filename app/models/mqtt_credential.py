"""Credentials of MQTT clients that the node itself keeps (EMQX's `emqx_auth_mnesia`)."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TABLE_OPTIONS, Base, Key

LOGIN_MAX_LENGTH = 512


class MqttCredential(Base):
    """One login of MQTT clients: a client id or a user name, and its password."""

    __tablename__ = "mqtt_credentials"
    __table_args__ = (
        CheckConstraint("kind IN ('clientid', 'username')", name="kind"),
        TABLE_OPTIONS,
    )

    kind: Mapped[str] = mapped_column(Key(16), primary_key=True)
    login: Mapped[str] = mapped_column(Key(LOGIN_MAX_LENGTH), primary_key=True)
    password_hash: Mapped[str] = mapped_column(String(1_024))
    """EMQX's form: the base64 of four bytes of salt and the hexadecimal digest of salt and password."""
    is_superuser: Mapped[bool]
    created_at: Mapped[int] = mapped_column(BigInteger)
    """Unix milliseconds."""

    def __repr__(self) -> str:
        """Name the login; a hash stays out of logs."""
        return f"MqttCredential(kind={self.kind!r}, login={self.login!r})"
