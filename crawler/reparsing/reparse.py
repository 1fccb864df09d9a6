"""Making posts again from the archive: the same callbacks and pipelines, fed from records instead of sockets.

A reparse goes from record to record, not from link to link: every capture that the source's rules recognise is read
once, in the order of capture, and what its page links to is not asked for. Only a redirect is followed, inside the
archive, to the capture of its target nearest in time.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy import Request, signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import IgnoreRequest

from archives.captures.revisits import read_resolved
from archives.errors import ArchiveError, RecordError
from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import REVISIT_MIME
from archives.storage.collection import Collection
from archives.warc.reader import read_capture, read_record
from crawler.fetching.archived import build_response, refer_to
from crawler.runs.run import META_CAPTURE, SOURCE_URI
from crawler.sources import Source, SourceError, find_source, load_source
from crawler.spiders.base import NewsSpider
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from archives.index.cdxj import IndexEntry
    from pipelines.posts.items import Post

META_ENTRY = "index_entry"
# Of these media types page requisites are, and no document that states anything.
_NO_PAGES = ("image/", "video/", "audio/", "font/", "text/css", "text/javascript")
_REDIRECTS = frozenset((301, 302, 303, 307, 308))

# What differs from a crawl: nothing is asked of anybody, so nobody has to be spared, and posts are written once, at
# the end.
REPARSE_SETTINGS: dict[str, Any] = {
    "ARCHIVE_MODE": "reparse",
    "AUTOTHROTTLE_ENABLED": False,
    "CONCURRENT_REQUESTS": 8,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
    "DOWNLOAD_DELAY": 0,
    "HTTPPROXY_ENABLED": False,
    "POSTS_HOLD": True,
    "RETRY_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
}


class NetworkAttempted(RuntimeError):
    """Something tried to reach the network during a reparse."""


def forbid_network() -> None:
    """Make every attempt to resolve a name or to connect an error, for the rest of this process.

    Only the archive itself may be read over the network, where it is in object storage.
    """

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
            frame = sys._getframe(1)
            while frame.f_back is not None and frame.f_globals.get("__name__") != "archives.storage.s3":
                frame = frame.f_back
            if frame.f_back is not None:
                return
            raise NetworkAttempted(f"a reparse must not touch the network, but {event} was called: {arguments!r}")

    sys.addaudithook(refuse)


class ArchiveHandler(BaseDownloadHandler):
    """A download handler that answers only from a collection.

    Stats: `reparse/damaged`, `reparse/not_archived`.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self._collection = Collection.open(Path(settings["DATA_DIR"]), settings["COLLECTION"])
        self._index: CollectionIndex | None = None

    async def download_request(self, request: Request) -> Response:
        """Answer with the capture that the request names, or with the one nearest to it in time."""
        entry: IndexEntry | None = request.meta.get(META_ENTRY)
        if entry is None or entry.url != request.url:
            entry = self._find_entry(request.url, entry.captured_at if entry else None)
        try:
            capture = read_resolved(self._open_index(), entry)
            response = build_response(capture, request.url)
        except ArchiveError as error:
            self._count("reparse/damaged")
            raise IgnoreRequest(f"a damaged capture cannot be read again: {error}") from error
        request.meta[META_CAPTURE] = refer_to(capture)
        return response

    def _open_index(self) -> CollectionIndex:
        if self._index is None:
            self._index = CollectionIndex(self._collection)
        return self._index

    async def close(self) -> None:
        """Let the catalogue go."""
        if self._index is not None:
            self._index.close()

    def _find_entry(self, url: str, at: datetime | None) -> IndexEntry:
        index = self._open_index()
        # A page that redirects to its own address under https has the same key as its target.
        entry = index.find_nearest(url, at, is_exact=True) or index.find_nearest(url, at)
        if entry is None:
            self._count("reparse/not_archived")
            raise IgnoreRequest(f"{url} is not in collection {self._collection.name}")
        return entry

    def _count(self, name: str) -> None:
        assert self.crawler.stats is not None
        self.crawler.stats.inc_value(name)


class ReparseSpider(NewsSpider):
    """Reads every capture of one source that can state something about an article.

    Args:
        entries: the captures, in the order in which they were made.
        collected: what `crawler.publishing.history.CollectPipeline` fills.
    """

    name = "reparse"
    follows: ClassVar[frozenset[LinkKind]] = frozenset()

    def __init__(
        self, source: Source, entries: list[IndexEntry], collected: list[Post] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(source, **kwargs)
        self._entries = entries
        self.collected = [] if collected is None else collected

    @classmethod
    def parse_arguments(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        """Take the arguments as they are: they come from the command, not from a person."""
        return arguments

    async def start(self) -> AsyncIterator[Any]:
        """Yield a request for every capture, no faster than they are read."""
        engine = self.crawler.engine
        assert engine is not None
        for entry in self._entries:
            if engine.needs_backout():
                await self.crawler.signals.wait_for(signals.scheduler_empty)
            yield Request(entry.url, dont_filter=True, meta={META_ENTRY: entry}, errback=self.handle_failure)


class Holding:
    """What a reparse finds in a collection: its captures by source, and the definitions archived with them.

    Args:
        until: leave out later captures.
        files: look at no other WARC files.
    """

    def __init__(
        self, collection: Collection, *, until: datetime | None = None, files: frozenset[str] | None = None
    ) -> None:
        self.collection = collection
        self.until = until
        names = [path for path in collection.iter_warcs() if files is None or path.name in files]
        self._source_of = {path.name: _read_source_name(path) for path in names}
        index = CollectionIndex(collection)
        self._entries = list(index.iter_entries() if files is None else index.iter_files(files))

    def list_source_names(self) -> list[str]:
        """Return the sources that runs of this collection followed."""
        return sorted({name for name in self._source_of.values() if name})

    def find_source(self, name_or_path: str) -> Source:
        """Return a source by the project's definition, or by the one that was archived last where the project has
        none.

        Raises:
            SourceError: neither knows it.
        """
        try:
            return find_source(name_or_path)
        except SourceError as error:
            if error.key:
                raise
            archived = [entry for entry in self._entries if entry.url == SOURCE_URI + name_or_path]
            if not archived:
                raise
            block = read_capture(self.collection, archived[-1]).block
            return load_source(block.decode(), path=archived[-1].url)

    def has_captures_of(self, filename: str, sources: list[Source]) -> bool:
        """Tell whether a file may hold captures of some sources."""
        return self._source_of[filename] in ("", *(source.name for source in sources))

    def iter_entries(self, source: Source) -> Iterator[IndexEntry]:
        """Yield the captures of a source that can state something, in the order of capture.

        Captures of foreign files belong to every source whose scope admits them.
        """
        for entry in self._entries:
            owner = self._source_of.get(entry.filename, "")
            if owner not in ("", source.name) or (not owner and not source.admits(entry.url)):
                continue
            if self.until is not None and entry.captured_at > self.until:
                continue
            if is_telling(entry, source):
                yield entry


def is_telling(entry: IndexEntry, source: Source) -> bool:
    """Tell whether a capture can state something about an article."""
    if entry.truncated or not entry.url.startswith(("http://", "https://")):
        return False
    if entry.mime.startswith(_NO_PAGES):
        return False
    kind = source.find_kind(entry.url)
    if entry.status in _REDIRECTS:
        return kind not in (LinkKind.OTHER, LinkKind.CATEGORY)
    readable = entry.mime.startswith("text/") or any(word in entry.mime for word in ("json", "html", "xml", "gzip"))
    # What a revisit's original is, only its head tells.
    readable = readable or entry.mime in ("unk", REVISIT_MIME)
    return entry.status == 200 and readable and kind is not LinkKind.SHARE and not entry.url.endswith("/robots.txt")


def _read_source_name(path: Path) -> str:
    """Return the source that the warcinfo record at the head of a file names, or ''."""
    try:
        record = read_record(path, 0)
    except RecordError:
        return ""
    if record.type != "warcinfo":
        return ""
    for line in record.block.decode("utf-8", "replace").splitlines():
        name, _, value = line.partition(":")
        if name == "source":
            return value.strip()
    return ""
