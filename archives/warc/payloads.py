"""The payload of an archived record, also where the head describes a different encoding of the body."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from archives.warc.digests import matches_digest, matches_parts
from archives.warc.messages import (
    CHUNK_LINE,
    EMPTY_LINE,
    HEAD_END,
    cut_by_framing,
    find_framing,
    find_head_size,
    has_last_chunk,
    is_in_chunks,
    parse_fields,
    split_head,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from archives.warc.parser import Record

_MAX_HEAD_BYTES: Final = 1024 * 1024
_LONGEST_LINE: Final = 4096


def choose_payload(block: bytes, digest: str = "", headers: list[tuple[bytes, bytes]] | None = None) -> bytes:
    """The entity-body of a message as it is in an archive, where the head may be that of another body.

    Other archives store bodies decoded, or without their chunks, and keep the length and the framing that the head
    announced. Where the body is longer than announced, or is not a complete sequence of chunks, the payload digest says
    which it is; without one the body is all that was stored.

    Args:
        digest: the labelled payload digest that the record states, if it does.
        headers: the fields of the head, if they have been read.
    """
    head, body = split_head(block)
    framing = find_framing(_read_fields(head) if headers is None else headers)
    if framing.is_chunked and is_in_chunks(body):
        is_other = digest and not has_last_chunk(body) and matches_digest(digest, body)
        return body if is_other else cut_by_framing(framing, body)
    if framing.size is None or framing.size >= len(body):
        return cut_by_framing(framing, body)
    announced = cut_by_framing(framing, body)
    return announced if digest and matches_digest(digest, announced) else body


def find_framed_size(start: bytes, size: int | None) -> int | None:
    """How many bytes a message has by what its own head says; None if that does not tell.

    Args:
        start: the message, or as much of it as is at hand.
        size: of the message as it was stored, if that is known; a message in chunks is walked through only as far.
    """
    at = find_head_size(start)
    if at == len(start) and not HEAD_END.search(start):
        return None
    framing = find_framing(_read_fields(start))
    if not framing.is_chunked:
        return None if framing.size is None else at + framing.size
    if size is not None and size > len(start):
        return None
    while line := CHUNK_LINE.match(start, at):
        if int(line[1], 16) == 0:
            ending = EMPTY_LINE.match(start, line.end()) or HEAD_END.search(start, line.end())
            return ending.end() if ending else None
        ending = EMPTY_LINE.match(start, line.end() + int(line[1], 16))
        if ending is None:
            return None
        at = ending.end()
    return None


def iter_record_payload(record: Record) -> Iterator[bytes]:
    """What `choose_payload` gives for the message in a record, in parts; of another record, its block."""
    if not record.is_http:
        yield from record.iter_block()
    elif record.is_large:
        yield from iter_large_payload(record.iter_block(), is_framed=_is_framed(record))
    else:
        yield choose_payload(record.block, record.get("WARC-Payload-Digest") or "")


def _is_framed(record: Record) -> bool:
    """Whether the head describes the body that is stored, as `choose_payload` decides it for smaller ones."""
    framed = find_framed_size(record.start, record.size)
    if framed is None or framed >= record.size:
        return True
    label = record.get("WARC-Payload-Digest") or ""
    return matches_parts(label, iter_large_payload(record.iter_block(), is_framed=True)) is True


def iter_large_payload(parts: Iterable[bytes], *, is_framed: bool) -> Iterator[bytes]:
    """The body of a message that comes in parts, by its framing or as it stands.

    Args:
        parts: the first holds the head.
    """
    rest = iter(parts)
    first = next(rest, b"")
    head, start = split_head(first)
    body = chain((start,), rest)
    framing = find_framing(_read_fields(head))
    if not is_framed:
        yield from body
    elif framing.is_chunked and CHUNK_LINE.match(start):
        yield from _iter_chunks(body)
    else:
        yield from _cut(body, framing.size)


def _cut(parts: Iterable[bytes], size: int | None) -> Iterator[bytes]:
    left = size
    for part in parts:
        yield part if left is None else part[:left]
        left = None if left is None else max(0, left - len(part))


def _iter_chunks(parts: Iterator[bytes]) -> Iterator[bytes]:
    """What the chunks hold, as far as they are whole lines and bytes."""
    pending = b""
    missing = 0
    for part in parts:
        pending += part
        while pending:
            if missing:
                yield pending[:missing]
                taken = min(missing, len(pending))
                missing -= taken
                pending = pending[taken:]
                continue
            line = CHUNK_LINE.match(pending.lstrip(b"\r\n"))
            if line is None:
                if len(pending) > _LONGEST_LINE:
                    return
                break
            if (missing := int(line[1], 16)) == 0:
                return
            pending = pending.lstrip(b"\r\n")[line.end() :]


def _read_fields(head: bytes) -> list[tuple[bytes, bytes]]:
    return parse_fields(head[:_MAX_HEAD_BYTES].partition(b"\n")[2])
