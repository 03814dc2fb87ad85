"""Export files: whole files as rows, so that they are where the rest is."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, LargeBinary, String
from sqlalchemy.dialects.mysql import LONGBLOB
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import TABLE_OPTIONS, Base, Key

FILENAME_MAX_LENGTH = 255
_CONTENT = LargeBinary().with_variant(LONGBLOB(), "mysql")
"""MariaDB's plain BLOB would end at 64 KB."""


class DataFile(Base):
    """One export file, written here or uploaded."""

    __tablename__ = "data_files"
    __table_args__ = (Index(None, "created_at"), TABLE_OPTIONS)

    filename: Mapped[str] = mapped_column(Key(FILENAME_MAX_LENGTH), primary_key=True)
    node: Mapped[str] = mapped_column(String(256))
    size: Mapped[int] = mapped_column(BigInteger)
    """Bytes of `content`."""
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int] = mapped_column(BigInteger)
    """Unix milliseconds."""
    content: Mapped[bytes] = mapped_column(_CONTENT, deferred=True)

    def __repr__(self) -> str:
        """Name the file; it may hold secrets."""
        return f"DataFile(filename={self.filename!r}, size={self.size!r})"
