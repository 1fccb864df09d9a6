"""Limits how many bytes of responses are held in memory at once.

Each response alone is bounded by `DOWNLOAD_MAXSIZE`, but many come at a time, and each is held twice: once for the
archive and once for the spider. When all of them together are beyond the budget, the connections that have delivered
much already are not read from until others are done. TCP tells the server to wait. The eldest is always read from, so
that something always ends.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Protocol, Self

from crawler.fetching.allocation import sweep_soon

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

_SMALL_BYTES = 64 * 1024
_LARGE_BYTES = 4 * 1024 * 1024


class Pausable(Protocol):
    """A connection that can be left unread."""

    def pause(self) -> None:
        """Read nothing more for now."""

    def resume(self) -> None:
        """Read on."""


class Transfer:
    """One response on its way.

    Attributes:
        size: bytes held of it so far.
    """

    __slots__ = ("connection", "is_paused", "size", "was_paused")

    def __init__(self, connection: Pausable) -> None:
        self.connection = connection
        self.size = 0
        self.is_paused = False
        self.was_paused = False


class HeldBytes:
    """The budget of one run; `BOUNDS_HELD_BYTES` says how large it is.

    Stats: `bounds/held_bytes`, the responses that had to wait.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._most = crawler.settings.getint("BOUNDS_HELD_BYTES")
        self._transfers: dict[Transfer, None] = {}
        self.held = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the budget for one run."""
        return cls(crawler)

    def begin(self, connection: Pausable) -> Transfer:
        """Note that a response is awaited on a connection."""
        transfer = Transfer(connection)
        self._transfers[transfer] = None
        return transfer

    def grow(self, transfer: Transfer, size: int) -> None:
        """Note that so many bytes more are held; stop reading where that is too much."""
        transfer.size += size
        self.held += size
        if not self._most or self.held <= self._most or transfer.size <= _SMALL_BYTES:
            return
        if next(iter(self._transfers)) is not transfer:
            if not transfer.is_paused:
                transfer.is_paused = True
                transfer.connection.pause()
            if not transfer.was_paused:
                transfer.was_paused = True
                self._crawler.stats.inc_value("bounds/held_bytes")

    def finish(self, transfer: Transfer) -> None:
        """Note that a transfer is over and its bytes are in the archive or given up."""
        del self._transfers[transfer]
        _read_on(transfer)
        self._release(transfer.size)
        if transfer.size > _LARGE_BYTES:
            sweep_soon()

    def hold(self, response: Response) -> None:
        """Count the body of a response for as long as the response is alive."""
        size = len(response.body)
        if size > _SMALL_BYTES:
            self.held += size
            weakref.finalize(response, self._release, size).atexit = False

    def _release(self, size: int) -> None:
        self.held -= size
        for number, transfer in enumerate(self._transfers):
            if number and 0 < self._most < self.held:
                break
            _read_on(transfer)


def _read_on(transfer: Transfer) -> None:
    if transfer.is_paused:
        transfer.is_paused = False
        transfer.connection.resume()
