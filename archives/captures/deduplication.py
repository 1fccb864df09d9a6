"""Finds payloads that a collection already holds, so that they are not stored twice.

A revisit is only as good as its original. One is offered here only if its record has been written whole by this run, or
has just been read from a closed file and says what the index says; and only if replay, which shows a revisit's own head
before the original's body, will find the body framed as that head announces it.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from archives.captures.revisits import resolve_capture
from archives.errors import ArchiveError
from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import REVISIT_MIME, IndexEntry
from archives.warc.http_responses import Answer, load_head
from archives.warc.messages import Head, has_chunks
from archives.warc.reader import Capture, read_capture
from archives.warc.records import Original, quote_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from archives.storage.collection import Collection
    from archives.warc.records import Exchange

MAX_REMEMBERED: Final = 50_000
_MAX_CANDIDATES: Final = 4
_Key = TypeVar("_Key")


class Originals:
    """Finds originals among the captures of this run and, through the catalogue, of earlier ones.

    Args:
        max_remembered: of this run's captures, as many; those written longest ago are forgotten first.
    """

    def __init__(self, collection: Collection, *, max_remembered: int = MAX_REMEMBERED) -> None:
        self._index = CollectionIndex(collection)
        self._max_remembered = max_remembered
        self._by_payload: OrderedDict[tuple[str, bool], Original] = OrderedDict()
        self._by_url: OrderedDict[str, Original] = OrderedDict()

    def close(self) -> None:
        """Close the catalogue."""
        self._index.close()

    def find(self, exchange: Exchange, answer: Answer) -> Original | None:
        """What the capture of an exchange would only repeat, if anything."""
        if exchange.truncated:
            return None
        if answer.head.status == 200 and answer.has_payload:
            return self.find_identical(answer.payload_digest, is_chunked=answer.is_chunked)
        if answer.head.status == 304:
            return self.find_unmodified(quote_uri(exchange.url), answer.head, load_head(exchange.raw_request))
        return None

    def remember(self, url: str, original: Original) -> None:
        """Take note of a capture of `url` whose payload is that of `original`, which has been written."""
        _put(self._by_payload, (original.payload_digest, original.is_chunked), original, self._max_remembered)
        _put(self._by_url, url, original, self._max_remembered)

    def forget(self) -> None:
        """Refer to nothing of this run any longer: a file of it may not have reached the disk."""
        self._by_payload.clear()
        self._by_url.clear()

    def find_identical(self, digest: str, *, is_chunked: bool) -> Original | None:
        """A capture of any address with this payload, framed alike."""
        found = self._by_payload.get((digest, is_chunked))
        if found is not None:
            return found
        entries = (entry for entry in self._index.iter_digest(digest) if is_whole(entry))
        return self._find_readable(entries, lambda original: original.is_chunked == is_chunked)

    def find_unmodified(self, url: str, head: Head, request: Head) -> Original | None:
        """The capture of `url` that a server means by 304 Not Modified.

        Args:
            head: of the 304; its entity tag, if it has one, must be the original's.
            request: the entity tags it asks about, if any, must include the original's.
        """

        def is_same_edition(original: Original) -> bool:
            named = [head.get(b"ETag"), request.get(b"If-None-Match")]
            return not original.etag or all(original.etag in tags for tags in named if tags)

        found = self._by_url.get(url)
        if found is not None:
            return found if is_same_edition(found) else None
        entries = [entry for entry in self._index.iter_captures(url) if entry.url == url and entry.status == 200]
        return self._find_readable((entry for entry in reversed(entries) if not entry.truncated), is_same_edition)

    def _find_readable(self, entries: Iterable[IndexEntry], is_fit: Callable[[Original], bool]) -> Original | None:
        """The first of a few candidates whose record is really there."""
        for entry in islice(entries, _MAX_CANDIDATES):
            try:
                capture = resolve_capture(self._index, read_capture(self._index.collection, entry))
                original = build_original(capture.original or capture)
            except ArchiveError:
                continue
            if original.payload_digest == entry.digest and is_fit(original):
                return original
        return None


def is_whole(entry: IndexEntry) -> bool:
    """Whether an entry is that of a response which holds its payload, all of it."""
    return entry.status == 200 and entry.mime != REVISIT_MIME and entry.truncated is None


def build_original(capture: Capture) -> Original:
    """What revisits need to know of a capture."""
    head = load_head(capture.block)
    return Original(
        record_id=capture.record_id,
        url=capture.url,
        captured_at=capture.captured_at,
        payload_digest=capture.payload_digest,
        is_chunked=has_chunks(head),
        etag=head.get(b"ETag") or b"",
    )


def _put(memory: OrderedDict[_Key, Original], key: _Key, original: Original, limit: int) -> None:
    memory[key] = original
    memory.move_to_end(key)
    if len(memory) > limit:
        memory.popitem(last=False)
