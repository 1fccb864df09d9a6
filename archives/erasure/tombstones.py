"""Overwrites records of a WARC file with tombstones, in place or so that the file becomes smaller.

A run of neighbouring records that are to go becomes one `metadata` record, which says that something was erased, when
and why (WARC/1.1, section 6.6). In place it has the same length, so that what follows keeps its offset, and every index
line holds: the comment field of a gzip member's header fills it up (RFC 1952, section 2.3), or blanks do.
"""

from __future__ import annotations

import uuid
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from archives.erasure.register import ErasedFile
from archives.errors import ArchiveError
from archives.storage.copying import copy_parts, iter_range
from archives.storage.files import hash_file, replace_file
from archives.storage.remote_files import find_size, open_warc
from archives.warc.members import compress_parts
from archives.warc.reader import iter_records
from archives.warc.records import build_record_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from archives.warc.parser import Record

_MAGIC: Final = b"\x1f\x8b"
_COMMENT_FLAG: Final = 0x10
_MODE: Final = 0o644


class ErasureRefused(ArchiveError):
    """Records that cannot be erased where they are."""


@dataclass(slots=True)
class _Region:
    start: int
    end: int


def erase_records(
    path: Path,
    is_selected: Callable[[Record], bool],
    *,
    at: str,
    reason: str,
    target: Path | None = None,
    is_cut: bool = False,
) -> ErasedFile | None:
    """Overwrite every selected record, with what belongs to it: its request, and metadata about either.

    The file is replaced as a whole, so a crash leaves the old one or the new one.

    Args:
        path: of the file, here or in object storage.
        target: where the new file goes; by default it takes the old one's place.
        at: what the tombstone says of the instant, ISO 8601.
        reason: what it says of the cause; may be ''.
        is_cut: make the file smaller, so that what follows moves.

    Returns:
        None if no record is selected.

    Raises:
        ErasureRefused: the file is of a kind that is not rewritten, or a tombstone has no room in it.
        RecordError: the file is damaged.
        OSError: it cannot be written.
    """
    regions = _find_regions(path, is_selected)
    if not regions:
        return None
    target = target or path
    mode = path.stat().st_mode & 0o777 if path.is_file() else _MODE
    with open_warc(path) as old, replace_file(target, mode=mode) as new:
        is_packed = old.read(len(_MAGIC)) == _MAGIC
        before = copy_parts(iter_range(old), new)
        if is_cut:
            new.seek(0)
            _cut(old, new, regions, partial(_build_short_tombstone, at=at, reason=reason, is_packed=is_packed))
            new.truncate()
        else:
            for region in regions:
                new.seek(region.start)
                new.write(_build_tombstone(region.end - region.start, at=at, reason=reason, is_packed=is_packed))
        new.flush()
        after = hash_file(Path(new.name))
    return ErasedFile(
        name=path.name,
        regions=tuple((region.start, region.end - region.start) for region in regions),
        before=before,
        after=after,
    )


def _cut(old: BinaryIO, new: BinaryIO, regions: list[_Region], build_tombstone: Callable[[], bytes]) -> None:
    """Write what is between the regions, and a tombstone for each region."""
    position = 0
    for region in regions:
        new.writelines(iter_range(old, position, region.start - position))
        new.write(build_tombstone())
        position = region.end
    new.writelines(iter_range(old, position))


def _build_short_tombstone(*, at: str, reason: str, is_packed: bool) -> bytes:
    """Return a record as short as its words allow."""
    words = next(iter(_iter_words(at, reason)))
    record = _build_record(build_record_id(uuid.uuid4()), at, words.encode())
    return bytes(compress_parts(record)) if is_packed else record


def check_erasable(path: Path, is_selected: Callable[[Record], bool]) -> None:
    """Read a WARC file to see that selected records can be erased from it.

    Raises:
        ErasureRefused: the file is of a kind that is not rewritten, or they share a gzip member with others.
        RecordError: the file is damaged.
    """
    _find_regions(path, is_selected)


def _find_regions(path: Path, is_selected: Callable[[Record], bool]) -> list[_Region]:
    """Return the regions of the selected records; those that touch one another are one."""
    if not path.name.endswith((".warc", ".warc.gz")):
        raise ErasureRefused(
            f"{path.name} is neither .warc nor .warc.gz, and no other file is rewritten; delete it, or convert it first"
        )
    chosen = {(record.offset, record.record_id) for record in iter_records(path) if is_selected(record)}
    if not chosen:
        return []
    erased = {record_id for _, record_id in chosen} - {""}
    regions: list[_Region] = []
    is_open = False
    last = -1
    for record in iter_records(path):
        is_erased = record.record_id in erased or (record.offset, record.record_id) in chosen
        is_erased = is_erased or not erased.isdisjoint(_iter_related(record))
        if is_erased != is_open and record.offset == last:
            raise ErasureRefused(
                f"{path.name} holds what is to be erased and other records in one gzip member, at offset {last}; "
                '"python -m archives mend" writes a copy in which each record has its own'
            )
        last = record.offset
        if is_open and not is_erased:
            # Up to where the next one begins: in a plain file blank lines follow a record.
            regions[-1].end = record.offset
        if is_erased and not is_open:
            regions.append(_Region(record.offset, find_size(path)))
        is_open = is_erased
    return regions


def _iter_related(record: Record) -> Iterator[str]:
    for name in ("WARC-Concurrent-To", "WARC-Refers-To"):
        if found := record.get(name):
            yield found


def _build_tombstone(length: int, *, at: str, reason: str, is_packed: bool) -> bytes:
    """Return a record of exactly so many bytes."""
    record_id = build_record_id(uuid.uuid4())
    for words in _iter_words(at, reason):
        record = _pack(record_id, at, words, length) if is_packed else _fill(record_id, at, words, length)
        if len(record) == length:
            return record
    raise ErasureRefused(f"a tombstone has no room in {length} bytes")


def _iter_words(at: str, reason: str) -> Iterable[str]:
    """Yield what a tombstone says, shorter and shorter."""
    yield f"erased: {at}\r\nreason: {' '.join(reason.split())}\r\n" if reason else f"erased: {at}\r\n"
    yield f"erased: {at}\r\n"
    yield ""


def _build_record(record_id: str, at: str, block: bytes) -> bytes:
    head = (
        "WARC/1.1\r\nWARC-Type: metadata\r\n"
        f"WARC-Record-ID: {record_id}\r\nWARC-Date: {at}\r\n"
        f"Content-Type: application/warc-fields\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def _fill(record_id: str, at: str, words: str, length: int) -> bytes:
    """Return an uncompressed record; blanks at the end of its block fill it up."""
    block = words.encode()
    missing = length - len(_build_record(record_id, at, block))
    while missing > 0:
        block += b" " * missing
        # A longer block may have a longer length.
        over = len(_build_record(record_id, at, block)) - length
        block, missing = (block[:-over], 0) if over > 0 else (block, 0)
    return _build_record(record_id, at, block)


def _pack(record_id: str, at: str, words: str, length: int) -> bytes:
    record = _build_record(record_id, at, words.encode())
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = packer.compress(record) + packer.flush()
    end = zlib.crc32(record).to_bytes(4, "little") + len(record).to_bytes(4, "little")
    missing = length - 10 - 1 - len(data) - len(end)
    if missing < 0:
        return b""
    head = _MAGIC + bytes((8, _COMMENT_FLAG, 0, 0, 0, 0, 0, 255))
    return head + b" " * missing + b"\x00" + data + end
