"""The tee: what crosses the wire is written down before anybody reads it.

Scrapy hands its spiders decoded, tidied responses; an archive needs the bytes. The only place where those pass,
above TLS and below every object, is Twisted's HTTP/1.1 client protocol, so this file reaches into private names of
Scrapy and Twisted, and no other file does. `tests/crawler/fetching/test_capture.py` is the contract that tells whether
a version of either still fits.

Spec: WARC/1.1 §6.3 (response), §6.4 (request), §5.13 (WARC-Truncated); RFC 9112 §6.3 (where a message ends).
"""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _ResultT,
    _ScrapyAgent,
)
from scrapy.exceptions import DownloadCancelledError, NotConfigured
from scrapy.utils._download_handlers import wrap_twisted_exceptions
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import _IdentityTransferDecoder

from archives.errors import WriteError
from archives.warc.records import Exchange, Truncated
from crawler.fetching.budget import HeldBytes, Transfer
from crawler.runs.run import META_CAPTURE, RunExtension

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.web._newclient import Request as TxRequest

    from pipelines.page.document import CaptureRef


class CaptureHandler(HTTP11DownloadHandler):
    """Scrapy's HTTP/1.1 download handler, with a copy of the wire kept by the run.

    Sets `request.meta["capture"]` to the `CaptureRef` of the response record before the response is passed on. A
    response whose capture could not be written is never passed on: its request fails with
    `archives.errors.WriteError`.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        run = crawler.get_extension(RunExtension)
        if run is None:
            raise NotConfigured("crawler.runs.run.RunExtension is not enabled, so nothing could be captured")
        self._held = crawler.get_extension(HeldBytes) or HeldBytes(crawler)
        self._pool._factory = _build_factory(run, self._held, crawler)

    async def download_request(self, request: Request) -> Response:
        """Download, and leave the capture's reference in the request's meta."""
        request.meta.pop(META_CAPTURE, None)
        agent = _CapturingAgent(
            contextFactory=self._contextFactory,
            bindAddress=self._bind_address,
            pool=self._pool,
            maxsize=self._default_maxsize,
            warnsize=self._default_warnsize,
            fail_on_dataloss=self._fail_on_dataloss,
            crawler=self._crawler,
            tls_verbose_logging=self._tls_verbose_logging,
        )
        with wrap_twisted_exceptions():
            response = await maybe_deferred_to_future(agent.download_request(request))
        self._held.hold(response)
        return response


class _Wire:
    """One request on one connection: the bytes so far, and how it ended."""

    __slots__ = (
        "began_at",
        "cipher_suite",
        "complete",
        "cut",
        "error",
        "head_bytes",
        "ip",
        "received",
        "ref",
        "sent",
        "size",
        "surplus",
        "transfer",
        "url",
    )

    def __init__(self, url: str, ip: str | None, transfer: Transfer) -> None:
        self.url = url
        self.ip = ip
        self.transfer = transfer
        self.head_bytes = 0
        self.cipher_suite: str | None = None
        self.began_at = datetime.now(UTC)
        self.sent: list[bytes] = []
        self.size = 0
        self.received = BytesIO()
        self.surplus = 0
        self.complete = False
        self.cut: Truncated | None = None
        self.ref: CaptureRef | None = None
        self.error: WriteError | None = None

    def build_exchange(self, truncated: Truncated | None) -> Exchange:
        """Freeze what was seen; bytes behind the message's end belong to no message and are left out."""
        self.received.truncate(self.size - self.surplus)
        # Not a list of pieces, which would have to be joined: a response that is large enough would be held twice.
        raw_response = self.received.getvalue()
        self.received.close()
        return Exchange(
            url=self.url,
            began_at=self.began_at,
            raw_request=b"".join(self.sent),
            raw_response=raw_response,
            ip=self.ip,
            cipher_suite=self.cipher_suite,
            truncated=truncated,
        )


class _SendTee:
    """Stands in for the transport while a request is written, and passes everything on."""

    def __init__(self, transport: Any, wire: _Wire) -> None:
        self._transport = transport
        self._wire = wire

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._wire.sent.append(data)
        self._transport.write(data)

    def writeSequence(self, chunks: Any) -> None:  # noqa: N802 (Twisted's name)
        chunks = list(chunks)
        self._wire.sent.extend(chunks)
        self._transport.writeSequence(chunks)


class _CapturingProtocol(_LenientHTTP11ClientProtocol):
    """The client protocol with a `_Wire` for the exchange in progress.

    The wire is handed to the run just before the parser learns that the message is over (`_disconnectParser`), hence
    before anything above this class can act on the response.
    """

    run: RunExtension
    held: HeldBytes
    crawler: Crawler
    _wire: _Wire | None = None

    def request(self, request: TxRequest) -> Deferred[Any]:
        transport: Any = self.transport
        wire = self._wire = _Wire(
            _find_url(request), getattr(transport.getPeer(), "host", None), self.held.begin(transport)
        )
        self.transport = cast("Any", _SendTee(transport, wire))
        try:
            deferred = super().request(request)
        finally:
            self.transport = transport

        def attach(response: Any) -> Any:
            response._wire = wire
            return response

        return deferred.addCallback(attach)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        wire = self._wire
        if wire is not None:
            if not wire.size:
                wire.cipher_suite = _find_cipher(self.transport)
            wire.received.write(data)
            wire.size += len(data)
            # One copy for the archive, one for the spider.
            self.held.grow(wire.transfer, 2 * len(data))
        super().dataReceived(data)
        if wire is not None and wire is self._wire and self._is_in_head():
            self._bound_head(wire, len(data))

    def _is_in_head(self) -> bool:
        return getattr(self._parser, "state", "") in ("STATUS", "HEADER")

    def _bound_head(self, wire: _Wire, size: int) -> None:
        """Break off a response whose head, interim responses included, has no end."""
        wire.head_bytes += size
        if 0 < self.crawler.settings.getint("BOUNDS_HEAD_BYTES") < wire.head_bytes and wire.cut is None:
            wire.cut = Truncated.LENGTH
            self.crawler.stats.inc_value("bounds/head_bytes")
            cast("Any", self.transport).abortConnection()

    def _finishResponse(self, rest: bytes) -> None:  # noqa: N802
        if self._wire is not None:
            self._wire.complete = True
            self._wire.surplus = len(rest)
        super()._finishResponse(rest)

    def _disconnectParser(self, reason: Any) -> None:  # noqa: N802
        self._hand_over(reason)
        super()._disconnectParser(reason)

    def connectionLost(self, reason: Any = connectionDone) -> None:  # noqa: N802
        super().connectionLost(reason)
        self._hand_over(reason)

    def _hand_over(self, reason: Any) -> None:
        wire, self._wire = self._wire, None
        if wire is None:
            return
        if wire.size:
            self._write(wire, reason)
        else:
            self.run.count_silence()
        self.held.finish(wire.transfer)

    def _write(self, wire: _Wire, reason: Any) -> None:
        exchange = wire.build_exchange(self._find_truncation(wire, reason))
        try:
            wire.ref = self.run.write(exchange)
        except WriteError as error:
            wire.error = error

    def _find_truncation(self, wire: _Wire, reason: Any) -> Truncated | None:
        if wire.complete:
            return None
        cause = reason.value if isinstance(reason, Failure) else reason
        if wire.cut is None and isinstance(cause, ConnectionDone) and _ends_with_connection(self._parser):
            return None
        if wire.cut is None and isinstance(cause, CancelledError):
            return Truncated.TIME
        if wire.cut is None and isinstance(cause, ConnectionAborted):
            return Truncated.UNSPECIFIED
        return wire.cut or Truncated.DISCONNECT


class _CapturingAgent(_ScrapyAgent):
    """Scrapy's agent; it knows why it cuts a response off, and which request a capture belongs to."""

    _request: Request
    _wire: _Wire | None = None

    def download_request(self, request: Request) -> Deferred[Response]:
        self._request = request
        return super().download_request(request)

    def _cb_bodyready(self, txresponse: Any, request: Request) -> Any:
        self._wire = txresponse._wire
        try:
            return super()._cb_bodyready(txresponse, request)
        except DownloadCancelledError:
            self._wire.cut = Truncated.LENGTH
            raise

    def _cb_timeout(self, result: Any, request: Request, url: str, timeout: float) -> Any:
        if self._wire is not None and isinstance(result, Failure):
            is_in_time = cast("Any", self._timeout_cl).active()
            self._wire.cut = Truncated.LENGTH if is_in_time else Truncated.TIME
        return super()._cb_timeout(result, request, url, timeout)

    def _cb_bodydone(self, result: _ResultT, url: str) -> Response:
        wire = self._wire
        if wire is not None and wire.error is not None:
            raise wire.error
        if wire is not None and wire.ref is not None:
            self._request.meta[META_CAPTURE] = wire.ref
        return super()._cb_bodydone(result, url)


def _build_factory(run: RunExtension, held: HeldBytes, crawler: Crawler) -> type[_LenientHTTP11ClientFactory]:
    class Protocol(_CapturingProtocol):
        pass

    Protocol.run = run
    Protocol.held = held
    Protocol.crawler = crawler

    class Factory(_LenientHTTP11ClientFactory):
        def buildProtocol(self, addr: Any) -> _CapturingProtocol:  # noqa: ARG002, N802
            return Protocol(self._quiescentCallback)

    return Factory


def _find_url(request: TxRequest) -> str:
    """Return the address asked for; a request to a proxy names it whole."""
    uri = request.uri if request.uri.startswith((b"http://", b"https://")) else request.absoluteURI
    return str(uri.decode("ascii"))


def _find_cipher(transport: Any) -> str | None:
    handle = getattr(transport, "getHandle", lambda: None)()
    name = getattr(handle, "get_cipher_name", lambda: None)()
    return str(name) if name else None


def _ends_with_connection(parser: Any) -> bool:
    """Tell whether the body has no length of its own, so that closing the connection ends it."""
    decoder = getattr(parser, "bodyDecoder", None)
    return isinstance(decoder, _IdentityTransferDecoder) and decoder.contentLength is None
