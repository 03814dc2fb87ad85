"""The start: what the last process kept is read, and what cannot be read is put aside, never passed over in silence."""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from app.broker.ports import StoredState
from app.clock import Clock
from app.storage.database import JournalDatabase, UnreadableError, storage_url
from app.storage.errors import StorageError
from app.storage.layout import FORMAT
from app.storage.recovery import Recovery
from app.storage.wal import Wal

logger = logging.getLogger(__name__)

COMPANIONS: Final = ("", "-wal", "-shm")
"""What SQLite adds to the name of a database for the files that belong to it."""
_MAGIC: Final = b"SQLite format 3\x00"
_PAGE_SIZE_AT: Final = 16
_PAGES_AT: Final = 28
"""Where the header of an SQLite file has its page size and how many pages there are."""
_AT_MOST_TIMES: Final = 1_000
"""A header that claims more is damaged itself."""


@dataclass(slots=True)
class Opened:
    """A journal that can be written, and what it said."""

    database: JournalDatabase
    state: StoredState
    highest: int
    """Of all keys and numbers that were given."""
    lowest_row: int
    next_row: int
    size: int
    """Bytes of all rows."""


def open_journal(url: str, clock: Clock) -> Opened:
    """Open the journal and read it.

    Raises:
        StorageError: it cannot be used, or a newer version has written it.
    """
    database = JournalDatabase(storage_url(url))
    # Before SQLite has it: what it cannot read of it, it removes.
    log = _log_of(database)
    try:
        _check_format(database)
        if log and Wal(log).is_passed_over(database.frames_in_log()):
            raise UnreadableError(f"The file {database.path}-wal is damaged.")
        return _read(database)
    except UnreadableError as error:
        return _salvage(database, error, clock, log)
    except SQLAlchemyError as error:
        raise database.explained(error) from error


def _check_format(database: JournalDatabase) -> None:
    found = database.open()
    if found > FORMAT:
        where = database.url.render_as_string(hide_password=True)
        raise StorageError(
            f"The broker's state in {where} was written by a newer version of Godwit: "
            "start that one, or set storage.url to another database."
        )
    if found != FORMAT:
        database.set_format(FORMAT)


def _read(database: JournalDatabase) -> Opened:
    recovery = Recovery()
    lowest, last, size = 1, 0, 0
    damaged: list[int] = []
    for number, body in database.rows():
        if not last:
            lowest = number
        last = number
        size += len(body)
        damaged += recovery.read([(number, body)])
    state = recovery.state()
    if damaged:
        database.put_aside(damaged)
        state.trouble = (
            f"{len(damaged)} of the journal's groups were damaged and are in the table journal_damaged now: "
            "what they said is lost, what stood before and behind them was kept."
        )
        logger.error("%s", state.trouble)
    return Opened(database, state, recovery.highest, lowest, last + 1, size)


def _log_of(database: JournalDatabase) -> bytes:
    """Return SQLite's log as the last process has left it; empty where it was closed."""
    log = database.path.with_name(f"{database.path.name}-wal")
    return log.read_bytes() if database.is_file and log.is_file() else b""


def _salvage(database: JournalDatabase, error: UnreadableError, clock: Clock, log: bytes) -> Opened:
    """Put a damaged file aside, and begin a new one with the rows that can still be read from both ends."""
    database.close()
    when = time.strftime("%Y%m%d-%H%M%S", time.gmtime(clock.wall_ms() / 1000))
    aside = _put_aside(database.path, when)
    if log:
        # Closing has removed it.
        aside.with_name(f"{aside.name}-wal").write_bytes(log)
    rows = _rows_of(aside)
    fresh = JournalDatabase(database.url)
    try:
        _check_format(fresh)
        for number, body in sorted(rows.items()):
            fresh.add(number, body)
        opened = _read(fresh)
    except SQLAlchemyError as trouble:
        raise fresh.explained(trouble) from trouble
    opened.state.trouble = (
        f"{str(error).rstrip('.')}; it was put aside as {aside}, and {len(rows)} of its groups could be read "
        "and were kept."
    )
    logger.error("%s", opened.state.trouble)
    return opened


def _rows_of(aside: Path) -> dict[int, bytes]:
    """Return what can be read of a damaged file; the file itself stays as it is."""
    copy = aside.with_name(f"{aside.name}.reading")
    try:
        for companion in COMPANIONS:
            file = aside.with_name(aside.name + companion)
            if file.exists():
                shutil.copyfile(file, copy.with_name(copy.name + companion))
        _stretch(copy)
        log = copy.with_name(f"{copy.name}-wal")
        if log.exists():
            log.write_bytes(Wal(log.read_bytes()).mended())
        database = JournalDatabase(storage_url(f"sqlite:///{copy}"))
        rows = _readable(database)
        database.close()
    finally:
        for companion in COMPANIONS:
            copy.with_name(copy.name + companion).unlink(missing_ok=True)
    return rows


def _stretch(file: Path) -> None:
    """Make a file that was cut off as long as it says it is: SQLite refuses all of it otherwise."""
    with file.open("r+b") as raw:
        head = raw.read(_PAGES_AT + 4)
        if len(head) < _PAGES_AT + 4:
            return
        page = int.from_bytes(head[_PAGE_SIZE_AT : _PAGE_SIZE_AT + 2], "big")
        said = int.from_bytes(head[_PAGES_AT:], "big") * (65_536 if page == 1 else page)
        size = file.stat().st_size
        if head.startswith(_MAGIC) and size < said <= size * _AT_MOST_TIMES:
            raw.truncate(said)


def _readable(database: JournalDatabase) -> dict[int, bytes]:
    rows: dict[int, bytes] = {}
    for backwards in (False, True):
        try:
            for number, body in database.rows(backwards=backwards):
                if number in rows:
                    break
                rows[number] = body
        except StorageError:
            # Up to here, and no further.
            database.close()
    return rows


def _put_aside(path: Path, when: str) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{when}")
    count = 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.name}.damaged-{when}-{count}")
    for companion in COMPANIONS:
        file = path.with_name(path.name + companion)
        if file.exists():
            file.rename(aside.with_name(aside.name + companion))
    return aside
