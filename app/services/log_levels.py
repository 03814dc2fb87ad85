"""How much this node's log says, changed while it runs; the next start says `log.level` again."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from app.errors import ResultCode, ServiceError
from app.services.audit import AuditService

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "notice": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "alert": logging.CRITICAL,
    "emergency": logging.CRITICAL,
}
"""EMQX's eight words; those that Python has no level for mean the nearest one."""


class LogLevelsService:
    """Shows and sets the level of the root logger, which all others follow."""

    def __init__(self, audit_log: AuditService) -> None:
        """Write changes down there."""
        self._audit = audit_log

    def primary(self) -> str:
        """Return the level that holds, in lower case."""
        return logging.getLevelName(logging.getLogger().level).lower()

    def set_primary(self, params: Mapping[str, object]) -> str:
        """Set the level and return the one that holds now.

        Args:
            params: `level`, one of `LEVELS`.

        Raises:
            ServiceError: It is missing, or none.
        """
        if "level" not in params:
            raise ServiceError(ResultCode.MISSING_PARAMETER, "missing mandatory params: ['level']")
        level = LEVELS.get(str(params["level"]))
        if level is None:
            raise ServiceError(
                ResultCode.BAD_PARAMETER, f"value of 'level' must be one of: {list(LEVELS)}"
            )
        before = self.primary()
        self._audit.note("log.set_level", "primary", before=before, after=params["level"])
        logging.getLogger().setLevel(level)
        return self.primary()
