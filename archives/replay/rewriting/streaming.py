"""Sends captures that are too large to be held in memory: their archived bytes, part by part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from archives.errors import Damage, RecordError
from archives.replay.http import Request, Response, Stream
from archives.replay.rewriting.content import MAX_PAGE_BYTES, View, build_content
from archives.warc.digests import matches_parts
from archives.warc.payloads import find_framed_size, iter_large_payload
from archives.warc.reader import build_capture, open_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from archives.index.cdxj import IndexEntry
    from archives.warc.parser import Record

# Larger captures are sent in parts.
MAX_HELD_BYTES: Final = 32 * 1024 * 1024


def build_streamed(path: Path, entry: IndexEntry, view: View, request: Request) -> Response:
    """Return the response for a large capture.

    Args:
        path: of its WARC file.

    Raises:
        RecordError: it would have to be rewritten or decoded.
    """
    with _open(path, entry) as record:
        start = _read_start(record)
        capture = build_capture(replace(record, content=start), path.name)
        is_framed = _is_framed(record)
        length = sum(map(len, _iter_payload(record, is_framed=is_framed)))
    response = build_content(capture, view, request)
    if response.body != capture.payload:
        what = f"{entry.url} has {length} bytes, too many to be decoded here"
        raise RecordError(f"{what}; accept its content coding", damage=Damage.OVERSIZE_MEMBER)
    return replace(response, body=Stream(chunks=_iter_archived(path, entry, is_framed=is_framed), length=length))


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


def _is_framed(record: Record) -> bool:
    """Whether the head describes the body that is stored, as `choose_payload` decides it for smaller ones."""
    framed = find_framed_size(record.start, record.size)
    if framed is None or framed >= record.size:
        return True
    label = record.get("WARC-Payload-Digest") or ""
    return matches_parts(label, _iter_payload(record, is_framed=True)) is True


def _iter_archived(path: Path, entry: IndexEntry, *, is_framed: bool) -> Iterator[bytes]:
    with _open(path, entry) as record:
        yield from _iter_payload(record, is_framed=is_framed)


def _iter_payload(record: Record, *, is_framed: bool) -> Iterator[bytes]:
    return iter_large_payload(record.iter_block(), is_framed=is_framed) if record.is_http else record.iter_block()
