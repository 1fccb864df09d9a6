"""Conditional requests: fetches only what has changed since the last capture.

The validators come from the last capture of the very same address. Where the publisher answers 304 the page is read
from that capture, as if it had been sent again: what it states joins to nothing new, and what it links to is still
followed.

Spec: RFC 9110 §13.1.2 (If-None-Match), §13.1.3 (If-Modified-Since), §15.4.5 (304).
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Self

from scrapy import signals
from scrapy.exceptions import NotConfigured

from archives.captures.revisits import read_resolved
from archives.errors import ArchiveError
from archives.index.catalogue import CollectionIndex
from crawler.fetching.archived import build_response
from crawler.fetching.relays import META_RELAY, is_for_browser
from crawler.runs.captures import refer_to
from crawler.runs.memory import CaptureMemory
from crawler.runs.run import META_CAPTURE, RunExtension

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from archives.warc.reader import Capture

logger = logging.getLogger(__name__)

META_REVALIDATES = "revalidates"
FLAG_UNCHANGED = "unchanged"
_CONDITIONS = ((b"ETag", b"If-None-Match"), (b"Last-Modified", b"If-Modified-Since"))


class RevalidateMiddleware:
    """Asks only for what has changed since the last capture.

    Attributes:
        memory: what earlier runs captured.

    Stats: `revalidate/asked`, `revalidate/unchanged`, `revalidate/unreadable`.
    """

    def __init__(self, crawler: Crawler, index: CollectionIndex) -> None:
        self._crawler = crawler
        self._index = index
        self.memory = CaptureMemory(index, settles_after=timedelta(days=crawler.settings.getfloat("REVALIDATE_DAYS")))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Build the middleware where captures are kept.

        Raises:
            NotConfigured: they are not, or `REVALIDATE_ENABLED` is off.
        """
        run = crawler.get_extension(RunExtension)
        if run is None or not crawler.settings.getbool("REVALIDATE_ENABLED"):
            raise NotConfigured
        middleware = cls(crawler, CollectionIndex(run.collection))
        crawler.signals.connect(middleware.close, signal=signals.spider_closed)
        return middleware

    def close(self) -> None:
        """Close the catalogue."""
        self._index.close()

    def process_request(self, request: Request) -> None:
        """Add the conditions that the last capture's validators allow."""
        request.meta.pop(META_REVALIDATES, None)
        if request.method != "GET" or META_RELAY in request.meta or self._is_rendered(request.url):
            return
        if any(condition in request.headers for _, condition in _CONDITIONS):
            return
        capture = self._find_capture(request.url)
        if capture is None:
            return
        for validator, condition in _CONDITIONS:
            value = capture.head.get(validator)
            if value:
                request.headers[condition] = value
                request.meta[META_REVALIDATES] = True
        if META_REVALIDATES in request.meta:
            self._crawler.stats.inc_value("revalidate/asked")

    def _is_rendered(self, url: str) -> bool:
        """Return whether a page is for the browser: that it is unchanged says nothing of what its scripts will show."""
        source = getattr(self._crawler.spider, "source", None)
        return source is not None and is_for_browser(source, url)

    def process_response(self, request: Request, response: Response) -> Response:
        """Answer with the last capture where the publisher says that it still holds."""
        if response.status != 304 or not request.meta.get(META_REVALIDATES):
            return response
        capture = self._find_capture(request.url)
        if capture is None:
            return response
        self._crawler.stats.inc_value("revalidate/unchanged")
        request.meta[META_CAPTURE] = refer_to(capture)
        return build_response(capture, request.url, flags=[FLAG_UNCHANGED])

    def _find_capture(self, url: str) -> Capture | None:
        """Return the last good capture of an address, or None."""
        try:
            entry = self._index.find_nearest(url, is_exact=True)
            capture = read_resolved(self._index, entry) if entry else None
            return capture if capture and capture.head.status == 200 and not capture.truncated else None
        except ArchiveError as error:
            self._crawler.stats.inc_value("revalidate/unreadable")
            logger.warning("The last capture of %s cannot be read, so it is fetched in full: %s", url, error)
            return None
