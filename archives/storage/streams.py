"""Seekable streams over parts of files: a member of a ZIP, a remote object, a gzip member."""

from __future__ import annotations

import io
from abc import abstractmethod


class SeekableStream(io.RawIOBase):
    """A stream for reading. A subclass implements `_find_size`, and `readinto`, which moves `_position` on."""

    def __init__(self) -> None:
        super().__init__()
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return how many bytes lie before the place that is read next."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; parameters and result as `io.IOBase.seek`."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position}[whence] if whence != io.SEEK_END else self._find_size()
        self._go(max(0, start + offset))
        return self._position

    def _go(self, position: int) -> None:
        self._position = position

    @abstractmethod
    def _find_size(self) -> int:
        """Return the number of bytes in all."""
