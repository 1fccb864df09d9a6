"""What a collection holds for a reparse: its captures by source, and the definitions archived with them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from archives.errors import ArchiveError, RecordError
from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import REVISIT_MIME
from archives.warc.reader import read_capture, read_warcinfo
from crawler.runs.captures import MAY_BE_COMPLETE, REDIRECTS, has_page
from crawler.sources import Source, SourceError, find_source, load_source
from crawler.sources.archived import SOURCE_URI
from pipelines.rules.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime
    from pathlib import Path

    from archives.index.cdxj import IndexEntry
    from archives.storage.collection import Collection
    from pipelines.rules.model import Rules

# Of these media types page requisites are, and no document that states anything.
NO_PAGES: Final = ("image/", "video/", "audio/", "font/", "text/css", "text/javascript")

_READABLE: Final = ("json", "html", "xml", "gzip")


class CollectionContents:
    """The captures of a collection.

    Args:
        until: leave out later captures.
        files: look at no other WARC files.
        span: only at captures whose offset is at least the first number and less than the second.
        passed_over: the result of `list_passed_over`, if it is known.
    """

    def __init__(
        self,
        collection: Collection,
        *,
        until: datetime | None = None,
        files: frozenset[str] | None = None,
        span: tuple[int, int] | None = None,
        passed_over: AbstractSet[str] | None = None,
    ) -> None:
        self.collection = collection
        self.until = until
        self._span = span
        self._passed_over = passed_over
        names = [path for path in collection.iter_warcs() if files is None or path.name in files]
        self._source_of = {path.name: _read_source_name(path) for path in names}

    def list_source_names(self) -> list[str]:
        """Return the sources that runs of this collection followed, and those that imports described."""
        with CollectionIndex(self.collection) as index:
            archived = {entry.url for entry in index.iter_prefix(SOURCE_URI) if not self._source_of.get(entry.filename)}
        names = {name for name in self._source_of.values() if name}
        return sorted(names | {url.removeprefix(SOURCE_URI) for url in archived})

    def find_sources(self, name_or_path: str | None = None) -> list[Source]:
        """Return the sources to read by: the one named, or all that runs of the collection followed.

        Raises:
            SourceError: one is unknown, or the collection names none.
        """
        names = [name_or_path] if name_or_path else self.list_source_names()
        if not names and not self._source_of:
            raise SourceError("nothing has been captured yet; crawl something first", path=self.collection.name)
        if not names:
            raise SourceError(
                "its files do not say which source they belong to; name one with --source",
                path=self.collection.name,
            )
        return [self.find_source(name) for name in names]

    def find_source(self, name_or_path: str) -> Source:
        """Return a source by the project's definition, or by the one archived last where the project has none.

        Raises:
            SourceError: neither knows it.
        """
        try:
            return find_source(name_or_path)
        except SourceError as error:
            if error.key:
                raise
            with CollectionIndex(self.collection) as index:
                archived = [
                    entry
                    for entry in index.iter_captures(SOURCE_URI + name_or_path)
                    if entry.filename in self._source_of
                ]
            if not archived:
                raise
            block = read_capture(self.collection, archived[-1]).block
            return load_source(block.decode(), path=archived[-1].url)

    def find_owner(self, filename: str) -> str:
        """Return the source that a file says it is of; '' for a foreign file."""
        return self._source_of.get(filename, "")

    def has_captures_of(self, filename: str, sources: list[Source]) -> bool:
        """Return whether a file may hold captures of some sources."""
        return self._source_of[filename] in ("", *(source.name for source in sources))

    def iter_entries(self, sources: Sequence[Source]) -> Iterator[tuple[IndexEntry, Source]]:
        """Yield the captures that can state something to some sources, each with the source: one pass over the index.

        Captures of foreign files belong to every source whose scope admits them.
        """
        scopes = _Scopes(sources)
        with CollectionIndex(self.collection) as index:
            passed_over = self.list_passed_over(index) if self._passed_over is None else self._passed_over
            for entry in index.iter_files(self._source_of, span=self._span):
                if entry.record_id in passed_over or (self.until is not None and entry.captured_at > self.until):
                    continue
                owner = self._source_of.get(entry.filename, "")
                owners = [source for source in sources if source.name == owner] if owner else scopes.find(entry.url)
                for source in owners:
                    if may_state(entry, source):
                        yield entry, source

    def list_passed_over(self, index: CollectionIndex) -> set[str]:
        """Return record ids: of captures of which a browser made a document, which is read instead, and of HTML that
        came without a protocol head and was made of nothing."""
        found = set()
        for entry in index.iter_made():
            if self.until is None or entry.captured_at <= self.until:
                with suppress(ArchiveError):  # reported where captures are read
                    capture = read_capture(self.collection, entry)
                    if not capture.is_http:  # an HTTP response whose status is none is a page
                        found.add(capture.made_of or entry.record_id)
        return found

    def count_entries(self) -> int:
        """Return how many captures there are to look at."""
        with CollectionIndex(self.collection) as index:
            return index.count_entries()


class _Scopes:
    """Finds the sources that admit an address, without asking every one of an archive of many hosts each time."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = sources
        self._by_host: dict[tuple[str, str], list[Source]] = {}

    def find(self, url: str) -> list[Source]:
        try:
            host = urlsplit(url)[:2]
        except ValueError:
            return []
        if host not in self._by_host:
            # The robots.txt of a host is in the scope of every source that admits anything of it.
            robots = "{}://{}/robots.txt".format(*host)
            self._by_host[host] = [
                source
                for source in self._sources
                if source.admits(robots) or any(urlsplit(seed)[:2] == host for seed in source.seeds)
            ]
        return [source for source in self._by_host[host] if source.admits(url)]


def may_state(entry: IndexEntry, source: Rules) -> bool:
    """Return whether a capture can state something about an article."""
    if (entry.truncated and entry.truncated not in MAY_BE_COMPLETE) or not entry.url.startswith(
        ("http://", "https://")
    ):
        return False
    kind = source.find_kind(entry.url)
    # A crawl reads whatever the address of an article gives; servers name media types wrongly.
    is_article = kind in (LinkKind.ARTICLE, LinkKind.TEXT)
    if entry.mime.startswith(NO_PAGES) and not is_article:
        return False
    if entry.status in REDIRECTS:
        return kind not in (LinkKind.OTHER, LinkKind.CATEGORY)
    readable = is_article or entry.mime.startswith("text/") or any(word in entry.mime for word in _READABLE)
    # What a revisit's original is, only its head tells.
    readable = readable or entry.mime in ("unk", REVISIT_MIME)
    # A revisit without a status only says that a page has not changed.
    is_good = has_page(entry.status) and (entry.status is not None or entry.mime != REVISIT_MIME)
    return is_good and readable and kind is not LinkKind.SHARE and not entry.url.endswith("/robots.txt")


def _read_source_name(path: Path) -> str:
    """Return the source that a file of ours names in its warcinfo record, or ''; others use the field differently."""
    try:
        info = read_warcinfo(path)
    except RecordError:
        return ""
    is_foreign = "newsreel" not in info.get("software", "newsreel").lower()
    return "" if is_foreign else info.get("source", "")
