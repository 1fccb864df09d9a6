"""Sends captures that are too large to be held in memory: their archived bytes, part by part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from archives.captures.revisits import find_original
from archives.errors import Damage, NotArchived, RecordError
from archives.index.cdxj import REVISIT_MIME
from archives.replay.http import Request, Response, Stream
from archives.replay.rewriting.content import MAX_PAGE_BYTES, View, build_content
from archives.warc.payloads import iter_record_payload
from archives.warc.reader import build_capture, open_record, read_capture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from archives.index.catalogue import CollectionIndex
    from archives.index.cdxj import IndexEntry
    from archives.warc.parser import Record
    from archives.warc.reader import Capture

# Larger captures are sent in parts.
MAX_HELD_BYTES: Final = 32 * 1024 * 1024


def build_streamed(index: CollectionIndex, entry: IndexEntry, view: View, request: Request) -> Response:
    """Return the response for a large capture, or a revisit of one.

    Raises:
        RecordError: it would have to be rewritten or decoded.
    """
    revisit, holder = _find_holder(index, entry)
    path = index.collection.archive_dir / holder.filename
    with _open(path, holder) as record:
        capture = build_capture(replace(record, content=_read_start(record)), path.name)
        length = sum(map(len, iter_record_payload(record)))
    if revisit is not None:
        capture = replace(revisit, original=capture)
    response = build_content(capture, view, request)
    if response.body != capture.payload:
        what = f"{entry.url} has {length} bytes, too many to be decoded here"
        raise RecordError(f"{what}; accept its content coding", damage=Damage.OVERSIZE_MEMBER)
    return replace(response, body=Stream(chunks=_iter_archived(path, holder), length=length))


def _find_holder(index: CollectionIndex, entry: IndexEntry) -> tuple[Capture | None, IndexEntry]:
    """Return a revisit and the entry of its large original; of another capture, its own entry."""
    if entry.mime != REVISIT_MIME:
        return None, entry
    revisit = read_capture(index.collection, entry, max_bytes=MAX_HELD_BYTES)
    holder = find_original(index, revisit, max_bytes=MAX_HELD_BYTES)
    if holder is None:
        raise NotArchived(f"the original of the revisit of {entry.url} was changed while it was read; try again")
    return revisit, holder


def _open(path: Path, entry: IndexEntry) -> AbstractContextManager[Record]:
    return open_record(path, entry.offset, length=entry.length, record_id=entry.record_id)


def _read_start(record: Record) -> bytes:
    """Return the start of a block, longer than any page that is rewritten."""
    start = bytearray()
    for part in record.iter_block():
        start += part
        if len(start) > 2 * MAX_PAGE_BYTES:
            break
    return bytes(start)


def _iter_archived(path: Path, entry: IndexEntry) -> Iterator[bytes]:
    with _open(path, entry) as record:
        yield from iter_record_payload(record)
