"""The last lines of this node's log, for whoever cannot get at where the log goes."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass

from app.actor import current_actor

KEPT = 2_000
"""Lines."""
MAX_CHARS = 4_000
"""Of a line, and of what went wrong."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line."""

    at_ms: int
    level: str
    """DEBUG, INFO, WARNING, ERROR or CRITICAL."""
    logger: str
    message: str
    request_id: str


class RecentLog(logging.Handler):
    """Keeps the last lines; any thread may write and read."""

    def __init__(self) -> None:
        """Keep nothing until it is started."""
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=KEPT)

    def start(self) -> None:
        """Listen from now on."""
        logging.getLogger().addHandler(self)

    def stop(self) -> None:
        """Listen no more. Doing it twice is no error."""
        logging.getLogger().removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        try:
            text = record.getMessage()
            if record.exc_info:
                text += "\n" + logging.Formatter().formatException(record.exc_info)
        except Exception:  # noqa: BLE001 - a line that cannot be made must not end what wrote it
            self.handleError(record)
            return
        request_id = current_actor().request_id or ""
        at_ms = int(record.created * 1000)
        line = LogLine(at_ms, record.levelname, record.name, text[:MAX_CHARS], request_id)
        self._lines.append(line)

    def lines(self, least: int = logging.NOTSET, text: str = "") -> list[LogLine]:
        """Return what was said, the newest first.

        Args:
            least: Weight of a line, one of `logging`'s levels.
            text: Only lines that hold it, in the message or as its logger; letters may be large or small.
        """
        wanted = text.casefold()
        weights = logging.getLevelNamesMapping()
        return [
            line
            for line in reversed(self._lines.copy())
            if weights.get(line.level, 0) >= least
            and (wanted in line.message.casefold() or wanted in line.logger.casefold())
        ]
