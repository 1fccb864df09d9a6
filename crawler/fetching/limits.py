"""Middlewares that enforce the limits of a page and a host, each counted by name.

`docs/limits.md` lists every bound, also those that stand elsewhere. A page beyond a bound is reported to its request's
errback like one that could not be fetched, so that nobody waits for it; the crawl continues.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import weakref
from collections import Counter
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import TextResponse
from scrapy.responsetypes import responsetypes

from archives.errors import RecordError
from archives.warc.content_codings import ContentTooLarge, decode_body
from crawler.fetching.budget import HeldBytes

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

MAX_CODINGS = 5
MAX_PATH_SEGMENTS = 30
MAX_PATH_REPEATS = 3

# Decoded pages that are not done with; the next one is decoded when these are fewer bytes.
_WAITING_BYTES = 2 * 1024 * 1024
_LONGEST_WAIT_S = 30.0
_SMALL_BYTES = 64 * 1024
_POLL_S = 0.02


class BeyondBound(IgnoreRequest):
    """A request that is not sent because a bound of ours is reached, and that another run may send."""


class _Unread:
    """The bytes of large responses that have been decoded and are still referenced."""

    def __init__(self) -> None:
        self._size = 0
        self._kept = 0

    def hold(self, response: Response) -> None:
        """Count a response until it is gone."""
        size = len(response.body)
        if size > _SMALL_BYTES:
            self._size += size
            weakref.finalize(response, self._release, size).atexit = False

    def _release(self, size: int) -> None:
        self._size -= size
        self._kept = min(self._kept, self._size)

    async def wait(self) -> None:
        """Wait until few are left; not for ever, because a reader may wait for us or keep what it has read."""
        until = time.monotonic() + _LONGEST_WAIT_S
        while self._size - self._kept > _WAITING_BYTES:
            if time.monotonic() > until:
                self._kept = self._size
            await asyncio.sleep(_POLL_S)


class DecodingMiddleware(HttpCompressionMiddleware):
    """Undoes content codings as a reparse does, one response at a time, and only while few wait to be read.

    A few bytes decode to gigabytes, and as many responses as are requested at a time would fill the memory, even with
    `BOUNDS_DECODED_BYTES` for each.

    Stats: `bounds/codings`, `bounds/decoded_bytes`.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler=crawler)
        self._max_size = min(self._max_size, crawler.settings.getint("BOUNDS_DECODED_BYTES")) or self._max_size
        self._crawler = crawler
        self._turn = asyncio.Lock()
        self._held = crawler.get_extension(HeldBytes)
        self._unread = _Unread()

    async def process_response(self, request: Request, response: Response) -> Response:  # type: ignore[override]
        """Undo the content codings of a response.

        Raises:
            IgnoreRequest: there are too many of them, or what they hold is too large.
        """
        codings = b",".join(response.headers.getlist("Content-Encoding"))
        if not codings or request.method == "HEAD":
            return response
        if codings.count(b",") >= MAX_CODINGS:
            self._crawler.stats.inc_value("bounds/codings")
            raise IgnoreRequest(f"{response.url} has more than {MAX_CODINGS} content codings; it is not decoded")
        async with self._turn:
            await self._unread.wait()
            return self._decode_response(request, response)

    def _decode_response(self, request: Request, response: Response) -> Response:
        max_bytes = request.meta.get("download_maxsize", self._max_size) or sys.maxsize
        codings = [value.decode("latin-1") for value in response.headers.getlist("Content-Encoding")]
        names = [name for value in codings for name in value.split(",")]
        problem = ""
        try:
            body = decode_body(response.body, names, max_bytes=max_bytes)
        except ContentTooLarge as error:
            self._crawler.stats.inc_value("bounds/decoded_bytes")
            problem = str(error)
        except RecordError as error:
            problem = str(error)
        if problem:
            # Not raised above: the traceback would keep what has been decoded until it has been logged.
            raise IgnoreRequest(f"{response.url} is not read: {problem}")
        headers = response.headers
        headers.pop("Content-Encoding", None)
        kind = responsetypes.from_args(headers=headers, url=response.url, body=body)
        # Not the encoding that coded bytes seem to have.
        unknown = {"encoding": None} if issubclass(kind, TextResponse) else {}
        decoded = response.replace(cls=kind, headers=None, body=body, **unknown)
        decoded.headers = headers  # the constructor would copy them
        self._unread.hold(decoded)
        if self._held is not None:
            self._held.hold(decoded)
        return decoded


class HostMiddleware:
    """Asks a host for no more than `BOUNDS_HOST_PAGES` pages a run, all hosts for no more than `BOUNDS_RUN_PAGES`.

    Stats: `bounds/host_pages`, `bounds/run_pages`.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._per_host = crawler.settings.getint("BOUNDS_HOST_PAGES")
        self._per_run = crawler.settings.getint("BOUNDS_RUN_PAGES")
        self._asked: Counter[str] = Counter()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the middleware for one run."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Let a request pass, or raise `IgnoreRequest`."""
        host = urlsplit(request.url).netloc
        if 0 < self._per_run <= self._asked.total():
            self._crawler.stats.inc_value("bounds/run_pages")
            raise BeyondBound(f"{request.url}: the run has asked for BOUNDS_RUN_PAGES={self._per_run} pages")
        if 0 < self._per_host <= self._asked[host]:
            self._crawler.stats.inc_value("bounds/host_pages")
            raise BeyondBound(f"{request.url}: {host} was asked for BOUNDS_HOST_PAGES={self._per_host} pages")
        self._asked[host] += 1


def find_trap(url: str) -> str:
    """Return the name of the bound that an address is beyond, or ''.

    A path that contains itself comes from a relative link on a page that exists at every address.
    """
    segments = [segment for segment in urlsplit(url).path.split("/") if segment]
    if len(segments) > MAX_PATH_SEGMENTS:
        return "path_segments"
    return "path_repeats" if _has_repeats(segments) else ""


def _has_repeats(segments: list[str]) -> bool:
    """Return whether the same words stand more than MAX_PATH_REPEATS times in a row; numbers may, in a date."""
    times = MAX_PATH_REPEATS + 1
    for size in range(1, len(segments) // times + 1):
        for start in range(len(segments) - size * times + 1):
            block = segments[start : start + size]
            if segments[start : start + size * times] == block * times and not "".join(block).isdecimal():
                return True
    return False
