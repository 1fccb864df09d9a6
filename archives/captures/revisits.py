"""Resolves revisits: a revisit record has no payload, only a reference to the capture that has it.

Spec: WARC/1.1 §6.7 revisit; §5.11 to §5.13 WARC-Refers-To and its companions.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Final

from archives.errors import Damage, NotArchived, RecordError
from archives.index.cdxj import REVISIT_MIME, IndexEntry
from archives.urls import is_same_instant
from archives.warc.members import MAX_RECORD_BYTES
from archives.warc.reader import Capture, Reference, read_capture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archives.index.catalogue import CollectionIndex
    from archives.warc.records import Location

# Other tools let a revisit refer to a revisit.
_MAX_STEPS: Final = 4
# A crowd of revisits may each refer to all the others.
_MAX_CANDIDATES: Final = 64


def read_resolved(
    index: CollectionIndex, place: IndexEntry | Location, *, max_bytes: int = MAX_RECORD_BYTES
) -> Capture:
    """The capture at a place, with its payload wherever that is.

    Args:
        max_bytes: of its block.

    Raises:
        RecordError: the capture is damaged or too large.
        NotArchived: its file is not there, or it is a revisit and its original is not there.
    """
    return resolve_capture(index, read_capture(index.collection, place, max_bytes=max_bytes), max_bytes=max_bytes)


def resolve_capture(index: CollectionIndex, capture: Capture, *, max_bytes: int = MAX_RECORD_BYTES) -> Capture:
    """A revisit together with its original; any other capture as it is.

    The original is found by the address and date that the revisit names, or by the record id, or by the digest; a
    candidate that cannot be read gives way to the next.

    Raises:
        RecordError: the original is too large.
        NotArchived: the index lists no original that can be read.
    """
    if capture.refers_to is None or capture.original is not None:
        return capture
    search = _Search(index, max_bytes)
    original = search.find_original(capture, _MAX_STEPS)
    if original is not None:
        return replace(capture, original=original)
    if search.entry is not None:
        raise RecordError(
            f"the original of revisit {capture.record_id} of {capture.url}, in {search.entry.filename} at offset "
            f"{search.entry.offset}, has more than the {max_bytes} bytes that are read here",
            path=index.collection.archive_dir / search.entry.filename,
            offset=search.entry.offset,
            record_id=search.entry.record_id,
            damage=Damage.OVERSIZE_MEMBER,
        )
    raise NotArchived(
        f"the original of revisit {capture.record_id} of {capture.url} in {capture.filename} at offset "
        f"{capture.offset} is in no file of {index.collection.name}; add the file that holds it",
        path=index.collection.archive_dir / capture.filename,
        offset=capture.offset,
        record_id=capture.record_id,
    )


def find_original(index: CollectionIndex, revisit: Capture, *, max_bytes: int) -> IndexEntry | None:
    """The entry of the capture that holds a revisit's payload; None if the index lists none that can be read.

    Args:
        max_bytes: as many are held in memory to see that a candidate can be read; the original may have more.
    """
    search = _Search(index, max_bytes)
    search.find_original(revisit, _MAX_STEPS)
    return search.entry


class _Search:
    """The search for one original: no record is looked at twice, and of candidates that lead nowhere only so many.

    Attributes:
        entry: of the original, once it is found; then also where it has too many bytes to be read.
    """

    def __init__(self, index: CollectionIndex, max_bytes: int) -> None:
        self.entry: IndexEntry | None = None
        self._index = index
        self._max_bytes = max_bytes
        self._seen: set[tuple[str, int, str]] = set()

    def find_original(self, revisit: Capture, steps: int) -> Capture | None:
        """The capture that holds what a revisit does not, at the end of at most so many revisits."""
        assert revisit.refers_to is not None
        self._seen.add((revisit.filename, revisit.offset, revisit.record_id))
        for entry in _iter_originals(self._index, revisit, revisit.refers_to):
            place = (entry.filename, entry.offset, entry.record_id)
            if place in self._seen or (entry.mime == REVISIT_MIME and not steps):
                continue
            if len(self._seen) > _MAX_CANDIDATES:
                return None
            self._seen.add(place)
            found = self._follow(entry, steps)
            if self.entry is not None:
                return found
        return None

    def _follow(self, entry: IndexEntry, steps: int) -> Capture | None:
        try:
            found = read_capture(self._index.collection, entry, max_bytes=self._max_bytes)
        except RecordError as error:
            if error.damage is Damage.OVERSIZE_MEMBER:
                self.entry = entry
            return None
        except NotArchived:
            return None
        if found.refers_to is not None:
            return self.find_original(found, steps - 1) if steps else None
        self.entry = entry
        return found


def _iter_originals(index: CollectionIndex, capture: Capture, reference: Reference) -> Iterator[IndexEntry]:
    """What may be the original, the surest first."""
    if reference.url and reference.at:
        # Other tools write dates to the second, in the revisit or in its original.
        at = reference.at
        second = at.replace(microsecond=0)
        named = index.iter_captures(reference.url, since=second, until=second + timedelta(microseconds=999_999))
        likely = [entry for entry in named if is_same_instant(entry.captured_at, at)]
        yield from sorted(
            likely,
            key=lambda entry: (
                entry.record_id != reference.record_id,
                entry.url != reference.url,
                abs(entry.captured_at - at),
            ),
        )
    digest = capture.payload_digest
    same_payload = list(index.iter_digest(digest)) if digest else []
    if reference.record_id:
        known = chain(same_payload, index.iter_captures(capture.url))
        yield from (entry for entry in known if entry.record_id == reference.record_id)
    firsts = [entry for entry in same_payload if entry.mime != REVISIT_MIME]
    yield from firsts
    if not firsts and not reference.url:
        earlier = list(index.iter_captures(capture.url, until=capture.captured_at))
        yield from (entry for entry in reversed(earlier) if entry.status == 200 and entry.mime != REVISIT_MIME)
