"""The download handler: sends requests with our own client and writes their captures.

An exchange is written before its response is passed on, and the response is read from what was written, by the
functions that a reparse uses. So a spider cannot see anything that the archive does not hold.

Spec: WARC/1.1 §6.3 (response), §6.4 (request), §5.13 (WARC-Truncated).
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from scrapy import signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import (
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
    StopDownload,
)
from scrapy.http import Headers

from archives.errors import WriteError
from archives.warc.framing import Deviation
from archives.warc.http_responses import Answer, build_answer
from archives.warc.messages import cut_payload
from archives.warc.records import Exchange, Truncated
from crawler.fetching.archived import make_response
from crawler.fetching.budget import HeldBytes
from crawler.fetching.pauses import HostPauses
from crawler.fetching.relays import META_RELAY, Relay
from crawler.fetching.resolver import PublicResolver
from crawler.fetching.wire.dialling import Dialler
from crawler.fetching.wire.pool import ConnectionPool
from crawler.fetching.wire.proxies import Proxy
from crawler.fetching.wire.recording import Recording
from crawler.fetching.wire.request_bytes import build_request, find_route
from crawler.fetching.wire.tls import TlsContexts
from crawler.runs.captures import MAY_BE_COMPLETE, holds_complete_page
from crawler.runs.run import META_CAPTURE, RunExtension
from crawler.sessions.session import META_LOGIN, SourceSession

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from crawler.fetching.wire.connection import Connection
    from crawler.fetching.wire.request_bytes import Route

logger = logging.getLogger(__name__)

# What may be asked twice without harm, where a connection that was kept open turns out to be closed.
_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


class CaptureHandler(BaseDownloadHandler):
    """Downloads by HTTP/1.1, and has every exchange written down where the run captures.

    Sets `request.meta["capture"]` to the `CaptureRef` of the response record before the response is passed on. A
    response whose capture could not be written is never passed on: its request fails with
    `archives.errors.WriteError`.

    Where the spider has a `session`, its secrets are added to what is sent and starred out of what is written down. A
    response in which that cannot be done, because a secret stands inside a coding, is neither kept nor read. Where the
    spider has a `proxy`, all requests go through it, and what it wants to know of us is starred out likewise.

    Stats: `wire/deviation/<name>` for each way in which a response departs from the standard, by
    `archives.warc.framing.Deviation`; `session/not_kept`.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self.run = crawler.get_extension(RunExtension)
        self.held = crawler.get_extension(HeldBytes) or HeldBytes(crawler)
        session = getattr(crawler.spider, "session", None)
        self.session: SourceSession | None = session if isinstance(session, SourceSession) else None
        proxy = getattr(crawler.spider, "proxy", None)
        self.proxy: Proxy | None = proxy if isinstance(proxy, Proxy) else None
        self.max_head_bytes = settings.getint("BOUNDS_HEAD_BYTES")
        self.max_bytes = settings.getint("DOWNLOAD_MAXSIZE")
        self.warn_bytes = settings.getint("DOWNLOAD_WARNSIZE")
        self.fails_on_loss = settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS")
        self._local_address = settings.get("DOWNLOAD_BIND_ADDRESS")
        self._pauses = crawler.get_extension(HostPauses)
        self._resolver = PublicResolver(settings)
        dialler = Dialler(
            self._resolver,
            TlsContexts(settings),
            timeout_s=settings.getfloat("DOWNLOAD_CONNECT_TIMEOUT"),
            encoding=settings.get("HTTPPROXY_AUTH_ENCODING"),
        )
        self.pool = ConnectionPool(
            dialler, idle_s=settings.getfloat("DOWNLOAD_IDLE_TIMEOUT"), receive_late=self._keep_late_bytes
        )

    async def download_request(self, request: Request) -> Response:
        """Download, and leave the capture's reference in the request's meta."""
        request.meta.pop(META_CAPTURE, None)
        # Past the middlewares requests wait for their turn, in which their host may have asked for a pause.
        host = urlsplit(request.url).hostname or ""
        while left := self._pauses.find_left(host) if self._pauses else 0.0:
            await asyncio.sleep(left)
        download = Download(self, request)
        response = await download.run(self._local_address)
        if self._pauses is not None:
            self._pauses.note(host, response)
        self.held.hold(response)
        return response

    async def close(self) -> None:
        """Close what is open."""
        self.pool.close()
        self._resolver.close()

    def count(self, name: str) -> None:
        """Count something."""
        self.crawler.stats.inc_value(name)

    def _keep_late_bytes(self, recording: Recording, data: bytes) -> None:
        """Keep bytes that came when their response had been passed on."""
        self.count(f"wire/deviation/{Deviation.LATE_BYTES}")
        ref = recording.reference
        if self.run is not None and ref is not None:
            self.run.write_late(ref, self.session.secrets.mask(data) if self.session else data)


class Download:
    """One request on its way: the listener of its recording."""

    def __init__(self, handler: CaptureHandler, request: Request) -> None:
        meta = request.meta
        self._handler = handler
        self._request = request
        self._timeout_s = float(meta.get("download_timeout") or 0)
        self._max_bytes = int(meta.get("download_maxsize", handler.max_bytes) or 0)
        self._warn_bytes = int(meta.get("download_warnsize", handler.warn_bytes) or 0)
        self._connection: Connection | None = None
        self._answer: Answer | None = None
        self._stopped: StopDownload | None = None
        self._session = handler.session if handler.session and handler.session.admits(request.url) else None
        self._written_request = b""

    async def run(self, local_address: tuple[str, int] | None) -> Response:
        """Send the request, once more where a connection that was kept open breaks before anything came."""
        loop = asyncio.get_running_loop()
        route = find_route(self._request, local_address, self._handler.proxy)
        raw_request = self._build_request(route)
        began = loop.time()
        deadline = loop.call_later(self._timeout_s, self._expire) if self._timeout_s else None
        is_fresh = False
        try:
            while True:
                left = max(0.001, self._timeout_s - (loop.time() - began)) if self._timeout_s else 0.0
                connection = await self._handler.pool.take(route, timeout_s=left, is_fresh=is_fresh)
                recording = Recording(raw_request, self, is_bodiless=self._request.method == "HEAD")
                await self._exchange(connection, recording)
                if is_fresh or not connection.was_stale or self._request.method not in _REPEATABLE:
                    return self._build_response(recording)
                is_fresh = True
        finally:
            if deadline is not None:
                deadline.cancel()

    def _build_request(self, route: Route) -> bytes:
        """Return what is sent, and remember what is written down of it."""
        proxy = self._handler.proxy
        fields = self._session.list_fields(self._request.url) if self._session else []
        if proxy is not None and proxy.authorization:
            fields.append((b"Proxy-Authorization", proxy.authorization, True))
        if self._session is None and not fields:
            self._written_request = build_request(self._request, route)
            return self._written_request
        if META_RELAY in self._request.meta and b"Cookie" in self._request.headers:
            fields = [field for field in fields if field[0] != b"Cookie"]  # the browser has ours, and more
        starred = [(name, b"*" * len(value) if is_secret else value) for name, value, is_secret in fields]
        self._written_request = build_request(self._request, route, starred)
        if self._session is not None:
            is_login = META_LOGIN in self._request.meta
            self._written_request = self._session.mask_request(self._written_request, is_login=is_login)
        return build_request(self._request, route, [(name, value) for name, value, _ in fields])

    async def _exchange(self, connection: Connection, recording: Recording) -> None:
        self._connection = connection
        recording.transfer = self._handler.held.begin(connection)
        connection.begin(recording)
        try:
            await recording.finished
        except asyncio.CancelledError:
            connection.stop(DownloadCancelledError("the download was given up"), Truncated.UNSPECIFIED)
            raise
        finally:
            self._connection = None

    def _expire(self) -> None:
        if self._connection is not None:
            error = DownloadTimeoutError(f"{self._request.url} took longer than {self._timeout_s:g} s")
            self._connection.stop(error, Truncated.TIME)

    def receive(self, recording: Recording, data: bytes, *, is_head_new: bool) -> None:
        """Hold a response to its bounds, and tell those who listen to Scrapy's signals."""
        handler = self._handler
        assert recording.transfer is not None
        # One copy for the archive, one for the spider.
        handler.held.grow(recording.transfer, 2 * len(data))
        framer = recording.framer
        if framer.is_in_head or is_head_new:
            self._bound_head(framer.head_size or recording.size)
        if is_head_new:
            self._receive_head(recording)
        if not framer.is_in_head:
            self._receive_body(recording, data)

    def _bound_head(self, size: int) -> None:
        if 0 < self._handler.max_head_bytes < size:
            self._handler.count("bounds/head_bytes")
            raise DownloadFailedError(f"{self._request.url} has a head of more than BOUNDS_HEAD_BYTES")

    def _receive_head(self, recording: Recording) -> None:
        self._request.meta["download_latency"] = recording.age_s
        head = recording.framer.head
        if head is None:
            return
        expected = recording.framer.body_size
        self._send(signals.headers_received, headers=Headers(head.headers), body_length=expected)
        if expected is not None:
            self._bound_body(expected, "announces")

    def _receive_body(self, recording: Recording, data: bytes) -> None:
        size = recording.size - recording.framer.head_size
        self._send(signals.bytes_received, data=data[-size:] if size < len(data) else data)
        self._bound_body(size, "has")

    def _bound_body(self, size: int, verb: str) -> None:
        if 0 < self._max_bytes < size:
            raise DownloadCancelledError(
                f"{self._request.url} {verb} {size} bytes, more than DOWNLOAD_MAXSIZE={self._max_bytes}"
            )
        if 0 < self._warn_bytes < size:
            logger.warning("%s %s %d bytes, more than DOWNLOAD_WARNSIZE", self._request.url, verb, size)
            self._warn_bytes = 0

    def _send(self, signal: object, **arguments: object) -> None:
        """Send a signal of Scrapy's, any receiver of which may ask for the download to stop."""
        crawler = self._handler.crawler
        results = crawler.signals.send_catch_log(signal, request=self._request, spider=crawler.spider, **arguments)
        for _, result in results:
            if isinstance(error := getattr(result, "value", None), StopDownload):
                self._stopped = error
                raise error

    def end(self, recording: Recording) -> None:
        """Have the exchange written, unless no byte came."""
        handler = self._handler
        assert recording.transfer is not None
        try:
            if recording.size:
                self._write(recording)
            elif handler.run is not None:
                handler.run.count_silence()
        finally:
            handler.held.finish(recording.transfer)

    def _write(self, recording: Recording) -> None:
        handler, framer = self._handler, recording.framer
        surplus = recording.cut_surplus()
        # Not a list of pieces, which would have to be joined: a response that is large enough would be held twice.
        raw_response = recording.received.getvalue()
        if isinstance(relay := self._request.meta.get(META_RELAY), Relay):
            relay.receive(raw_response)
        if self._session is not None:
            raw_response, surplus = self._hide_secrets(raw_response), self._session.secrets.mask(surplus)
            if self._session.is_leaking(raw_response):
                handler.count("session/not_kept")
                recording.error = DownloadFailedError(f"{self._request.url} repeats a secret in coded bytes; not kept")
                return
        algorithm = handler.run.digest_algorithm if handler.run is not None else "sha1"
        self._answer = build_answer(raw_response, algorithm)
        if recording.truncated in MAY_BE_COMPLETE and holds_complete_page(self._answer):
            framer.deviations[Deviation.ENDS_EARLY] = None
            recording.error = None
        exchange = Exchange(
            url=self._request.url,
            began_at=recording.began_at,
            raw_request=self._written_request,
            raw_response=raw_response,
            ip=recording.ip,
            cipher_suite=recording.cipher_suite,
            truncated=recording.truncated,
            deviations=tuple(framer.deviations),
            surplus=surplus,
        )
        recording.received.close()
        for deviation in framer.deviations:
            handler.count(f"wire/deviation/{deviation}")
        if handler.run is None:
            return
        try:
            recording.reference = handler.run.write(exchange, self._answer)
        except WriteError as error:
            recording.error = error

    def _hide_secrets(self, raw_response: bytes) -> bytes:
        assert self._session is not None
        self._session.note_response(self._request.url, raw_response, is_login=META_LOGIN in self._request.meta)
        return self._session.mask_response(raw_response)

    def _build_response(self, recording: Recording) -> Response:
        """Return the response, or raise why there is none."""
        error, answer = recording.error, self._answer
        flags = []
        if self._stopped is not None and error is self._stopped:
            flags, error = ["download_stopped"], None
        elif isinstance(error, ResponseDataLossError) and not self._fails_on_loss:
            flags, error = ["dataloss"], None
        if error is not None:
            raise error
        if answer is None or recording.framer.head is None:
            raise DownloadFailedError(f"{self._request.url} was not answered by an HTTP response")
        if recording.reference is not None:
            self._request.meta[META_CAPTURE] = recording.reference
        ip = ipaddress.ip_address(recording.ip) if recording.ip else None
        body = cut_payload(answer.head.headers, answer.block[answer.head_size :])
        self._answer = None
        response = make_response(answer.head, body, self._request.url, flags=flags, ip=ip)
        if self._stopped is not None and self._stopped.fail:
            self._stopped.response = response
            raise self._stopped
        return response

    @property
    def _fails_on_loss(self) -> bool:
        return bool(self._request.meta.get("download_fail_on_dataloss", self._handler.fails_on_loss))
