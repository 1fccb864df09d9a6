"""One request on one connection: the bytes of both directions, recorded before they are parsed.

The framer reads along, so that the end of the message is known; what the crawl and the archive read is the record.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Protocol

from scrapy.exceptions import DownloadFailedError, ResponseDataLossError

from archives.warc.framing import Deviation, ResponseFramer
from archives.warc.records import Truncated

if TYPE_CHECKING:
    from crawler.fetching.budget import Transfer
    from pipelines.page.document import CaptureRef

# After these it is unknown what the next bytes of the connection belong to.
_UNSURE = frozenset(
    {
        Deviation.BYTES_BEHIND,
        Deviation.INVALID_LENGTH,
        Deviation.LENGTHS_DIFFER,
        Deviation.LENGTH_AND_CHUNKS,
        Deviation.NO_CHUNKS,
    }
)


class Listener(Protocol):
    """Whom a recording tells what happens."""

    def receive(self, recording: Recording, data: bytes, *, is_head_new: bool) -> None:
        """Look at bytes that have been written down; whatever is raised ends the exchange, cut for its length.

        Args:
            is_head_new: the head of the final response has just become whole.
        """

    def end(self, recording: Recording) -> None:
        """Take the recording over; called once."""


class Recording:
    """An exchange under way.

    Attributes:
        size: bytes received.
        truncated: why the response ends early, if it does.
        error: what the request fails with, if it does.
        reference: of the capture, once it has been written.
        finished: set once the listener has been notified of the end.
    """

    def __init__(self, raw_request: bytes, listener: Listener, *, is_bodiless: bool) -> None:
        self.raw_request = raw_request
        self.began_at = datetime.now(UTC)
        self.ip: str | None = None
        self.cipher_suite: str | None = None
        self.transfer: Transfer | None = None
        self.framer = ResponseFramer(is_bodiless=is_bodiless)
        self.received = BytesIO()
        self.size = 0
        self.truncated: Truncated | None = None
        self.error: Exception | None = None
        self.reference: CaptureRef | None = None
        self.is_over = False
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listener = listener

    @property
    def is_reusable(self) -> bool:
        """Whether the connection may carry another request."""
        head = self.framer.head
        if not self.framer.is_complete or head is None or self.error or not _UNSURE.isdisjoint(self.framer.deviations):
            return False
        words = b",".join(head.get_all(b"Connection")).lower()
        is_kept = head.version == b"HTTP/1.1" or b"keep-alive" in words
        return is_kept and b"close" not in words and head.status != 101 and self.framer.has_own_end

    @property
    def age_s(self) -> float:
        """Seconds since the request was sent."""
        return (datetime.now(UTC) - self.began_at).total_seconds()

    def cut_surplus(self) -> bytes:
        """Cut off and return what lies behind the end of the message."""
        end = self.framer.end
        if end is None or end >= self.size:
            return b""
        self.received.seek(end)
        surplus = self.received.read()
        self.received.truncate(end)
        return surplus

    def take(self, data: bytes) -> None:
        """Write down what came, and look at it."""
        was_in_head = self.framer.is_in_head
        self.received.write(data)
        self.size += len(data)
        self.framer.feed(data)
        try:
            self._listener.receive(self, data, is_head_new=was_in_head and not self.framer.is_in_head)
        except Exception as error:  # noqa: BLE001 - what anybody raises ends this exchange and no other
            self.stop(error, Truncated.LENGTH)
            return
        if self.framer.is_complete:
            self._end()
        elif self.framer.is_broken:
            self.stop(ResponseDataLossError("the chunks of the response cannot be read on"), Truncated.UNSPECIFIED)

    def lose(self, cause: Exception | None) -> None:
        """Take the end of the connection into account; without a cause it was an orderly one."""
        if cause is None and self.framer.close():
            self._end()
            return
        how = cause or "closed"
        error: Exception = ResponseDataLossError(f"the connection ended before the response did: {how}")
        if self.framer.head is None:
            where = "within the head of the answer" if self.size else "before an answer came"
            error = DownloadFailedError(f"the connection ended {where}: {how}")
        self.stop(error, Truncated.DISCONNECT)

    def stop(self, error: Exception, why: Truncated) -> None:
        """End the exchange with an error; what came is cut unless it is whole."""
        if not self.is_over:
            self.error = error
            self.truncated = None if self.framer.is_complete else why
            self._end()

    def _end(self) -> None:
        self.is_over = True
        self._listener.end(self)
        if not self.finished.done():
            self.finished.set_result(None)
