"""SQLite's write-ahead log, looked at from outside: whether commits in it are passed over, and how to have them read.

SQLite reads a log up to the first frame whose checksum is wrong and takes that for its end, as after a power cut. Where
whole commits follow, it is not the end but damage, and all of them would be lost without a word.

Source: https://www.sqlite.org/fileformat2.html, "The Write-Ahead Log". Knows bytes; no database.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

HEADER: Final = struct.Struct(">8I")
FRAME: Final = struct.Struct(">6I")
_MAGICS: Final = {0x377F_0682: "<", 0x377F_0683: ">"}
"""The byte order of the numbers that are summed up, by the first four bytes."""
_VERSION: Final = 3_007_000
PAGE_SIZE: Final = 4_096
"""What SQLite makes its files with."""
_SUMMED_OF_HEADER: Final = 24
_SUMMED_OF_FRAME: Final = 8
_MASK: Final = 0xFFFF_FFFF
SURELY_LOST: Final = 2
"""So many commits behind the end cannot come from one that was being written when the power failed."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """One page, with what stands before it."""

    at: int
    is_commit: bool
    checksum: tuple[int, int]


class Wal:
    """The bytes of a log."""

    def __init__(self, data: bytes) -> None:
        """Read its header; where that is damaged, what the first frame and SQLite's habits say instead."""
        self._data = data
        self._order = "<"
        self._page_size = PAGE_SIZE
        self._salts = (0, 0)
        if len(data) < HEADER.size + FRAME.size:
            return
        magic, _version, page_size, _count, salt1, salt2, *checksum = HEADER.unpack_from(data)
        order = _MAGICS.get(magic, self._order)
        if checksum == list(sum_of(order, data[:_SUMMED_OF_HEADER], (0, 0))):
            self._order, self._page_size, self._salts = order, page_size, (salt1, salt2)
        else:
            _page, _size, salt1, salt2, *_sums = FRAME.unpack_from(data, HEADER.size)
            self._salts = (salt1, salt2)

    def is_passed_over(self, frames_read: int) -> bool:
        """Tell whether whole commits stand behind the frames that SQLite has read.

        Args:
            frames_read: How many that were.
        """
        before: tuple[int, int] | None = None
        commits = 0
        for number, frame in enumerate(self._frames(), 1):
            if number <= frames_read:
                continue
            # Each continues the sum of the one before it, whatever became of that one's page.
            if before is not None and self._sum(frame.at, before) == frame.checksum:
                commits += frame.is_commit
            before = frame.checksum
        return commits >= SURELY_LOST

    def mended(self) -> bytes:
        """Return the log with salts and checksums that fit, so that SQLite reads all of it."""
        magic = next(magic for magic, order in _MAGICS.items() if order == self._order)
        head = HEADER.pack(magic, _VERSION, self._page_size, 0, *self._salts, 0, 0)
        checksum = sum_of(self._order, head[:_SUMMED_OF_HEADER], (0, 0))
        data = bytearray(self._data)
        data[: HEADER.size] = HEADER.pack(
            magic, _VERSION, self._page_size, 0, *self._salts, *checksum
        )
        for frame in self._frames():
            checksum = self._sum(frame.at, checksum)
            struct.pack_into(">4I", data, frame.at + _SUMMED_OF_FRAME, *self._salts, *checksum)
        return bytes(data)

    def _frames(self) -> list[_Frame]:
        """Return the frames of this log, without those behind them that an older one has left in their place."""
        size = FRAME.size + self._page_size
        frames = []
        ours = 0
        for at in range(HEADER.size, len(self._data) - size + 1, size):
            _page, size_after, salt1, salt2, sum1, sum2 = FRAME.unpack_from(self._data, at)
            frames.append(_Frame(at, bool(size_after), (sum1, sum2)))
            if (salt1, salt2) == self._salts:
                ours = len(frames)
        return frames[:ours]

    def _sum(self, at: int, before: tuple[int, int]) -> tuple[int, int]:
        """Return the checksum of the frame at a place, which goes on from that of the one before."""
        page = at + FRAME.size
        head = sum_of(self._order, self._data[at : at + _SUMMED_OF_FRAME], before)
        return sum_of(self._order, self._data[page : page + self._page_size], head)


def sum_of(order: str, data: bytes, before: tuple[int, int]) -> tuple[int, int]:
    """Return the checksum of bytes, behind what was summed up before."""
    one, two = before
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + two) & _MASK
        two = (two + second + one) & _MASK
    return one, two
