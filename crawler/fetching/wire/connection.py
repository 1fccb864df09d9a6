"""One connection: passes bytes to the current exchange, and never to a later one.

Bytes that arrive while no request waits belong to the exchange before: the connection is closed, and they are kept.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from typing import TYPE_CHECKING, Any, Protocol, cast

from scrapy.exceptions import DownloadTimeoutError

from archives.warc.records import Truncated

if TYPE_CHECKING:
    from crawler.fetching.wire.recording import Recording

_STATUS_LINE = b"HTTP/"
# A server that sends a body where there is none sends it right away.
_REST_S = 0.05


class Owner(Protocol):
    """Who takes a connection back."""

    def take_back(self, connection: Connection) -> None:
        """Keep an idle connection for the next request."""

    def forget(self, connection: Connection) -> None:
        """Leave out a connection that has ended."""

    def receive_late(self, recording: Recording, data: bytes) -> None:
        """Keep bytes that came behind an exchange which is over."""


class Connection(asyncio.Protocol):
    """A connection to an origin or a proxy, for one exchange at a time.

    Attributes:
        is_used: it has carried an exchange before the one in progress.
        was_stale: the last exchange ended because the connection could not carry it any more.
    """

    def __init__(self, owner: Owner, idle_s: float) -> None:
        self.is_open = False
        self.is_used = False
        self.was_stale = False
        self._owner = owner
        self._idle_s = idle_s
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._recording: Recording | None = None
        self._last: Recording | None = None
        self._last_at = 0.0
        self._rests_until = 0.0
        self._is_paused = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember what to write to."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def begin(self, recording: Recording) -> None:
        """Send a request."""
        transport = self._transport
        if transport is None or not self.is_open:
            self.was_stale = True
            recording.lose(None)
            return
        self._recording = recording
        self.was_stale = False
        peer = transport.get_extra_info("peername")
        recording.ip = str(peer[0]).partition("%")[0] if isinstance(peer, tuple) else None
        cipher = transport.get_extra_info("cipher")
        recording.cipher_suite = cipher[0] if cipher else None
        self._last_at = self._loop.time()
        self._timer = self._loop.call_later(self._idle_s, self._look_at_clock) if self._idle_s else None
        transport.write(recording.raw_request)

    def is_quiet(self) -> bool:
        """Whether an idle connection may be used: it is open, and nothing has come that has not been read."""
        transport = self._transport
        if not self.is_open or transport is None or transport.is_closing() or self._loop.time() < self._rests_until:
            return False
        return not _has_input(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        """Hand bytes to the exchange that they belong to."""
        recording = self._recording
        self._last_at = self._loop.time()
        if recording is None or (self.is_used and not recording.size and not _may_be_status_line(data)):
            self._receive_late(data)
            return
        recording.take(data)
        if recording.is_over:
            self._let_go(recording)

    def eof_received(self) -> None:
        """Let the transport close itself."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the exchange in progress how its connection ended."""
        self.is_open = False
        self._owner.forget(self)
        recording = self._recording
        if recording is None:
            return
        self._detach()
        # Servers that end a TLS connection without a word are as common as those that say good-bye.
        is_orderly = isinstance(exc, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
        self.was_stale = self.is_used and not recording.size
        recording.lose(None if is_orderly else exc)

    def stop(self, error: Exception, why: Truncated) -> None:
        """Give up the exchange in progress, and the connection with it."""
        recording = self._recording
        self.abort()
        if recording is not None:
            self._detach()
            recording.stop(error, why)

    def abort(self) -> None:
        """Close at once."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        """Read nothing more for now; TCP tells the server to wait."""
        self._is_paused = True
        if self._transport is not None and self.is_open:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        self._is_paused = False
        self._last_at = self._loop.time()
        if self._transport is not None and self.is_open:
            self._transport.resume_reading()

    def _detach(self) -> None:
        self._last, self._recording = self._recording, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _let_go(self, recording: Recording) -> None:
        self._detach()
        if not recording.is_reusable:
            self.abort()
            return
        self.is_used = True
        # Where no body may follow, one that does would be taken for the next response.
        has_body = recording.framer.end != recording.framer.head_size
        self._rests_until = 0.0 if has_body else self._loop.time() + _REST_S
        self._owner.take_back(self)

    def _receive_late(self, data: bytes) -> None:
        """Close the connection; the request that may wait for it has had no answer."""
        recording = self._recording
        self.abort()
        if self._last is not None:
            self._owner.receive_late(self._last, data)
        if recording is not None:
            self._detach()
            self.was_stale = True
            recording.lose(None)

    def _look_at_clock(self) -> None:
        """End an exchange in which nothing has come for too long; a connection that we paused has time."""
        idle = 0.0 if self._is_paused else self._loop.time() - self._last_at
        if idle < self._idle_s:
            self._timer = self._loop.call_later(self._idle_s - idle, self._look_at_clock)
            return
        self._timer = None
        self.stop(DownloadTimeoutError(f"nothing came for {self._idle_s:g} s"), Truncated.TIME)


def _may_be_status_line(data: bytes) -> bool:
    beginning = data.lstrip(b"\r\n")[: len(_STATUS_LINE)].upper()
    return _STATUS_LINE.startswith(beginning)


def _has_input(sock: Any) -> bool:
    """Whether bytes, or the end, wait on a socket."""
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))
