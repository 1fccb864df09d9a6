"""Reads records back: all of a file in order, or the one capture at a place, blocks as raw as written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from warcio.bufferedreaders import BufferedReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecordLoader
from warcio.timeutils import timestamp_to_iso_date

from archives.collection import OPEN_SUFFIX, Collection
from archives.errors import NotArchived, RecordError
from archives.members import MAGIC, Member, iter_members, read_member, scan_members
from archives.messages import Head, find_payload, parse_head
from archives.records import RecordType, Truncated
from archives.urls import parse_warc_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from archives.index import IndexEntry
    from archives.writer import Location

CAPTURE_TYPES: Final = (RecordType.RESPONSE, RecordType.REVISIT, RecordType.RESOURCE)
_RESTORE: Final = "restore the file from a copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record as it stands in a file.

    Attributes:
        offset: bytes from the start of the file to the record, or to the gzip member that holds it.
        length: of the gzip member, or of the record when the file is not compressed.
        type: `warcinfo`, `response` ...; a type unknown to the standard is given as found; `arc_header` for
            the first record of an ARC file.
        headers: the record's own header, decoded, in order.
        block: all that follows the header.
    """

    offset: int
    length: int
    type: str
    headers: list[tuple[str, str]]
    block: bytes

    def get(self, name: str) -> str | None:
        """The first value of the header field `name`, whatever its case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    @property
    def record_id(self) -> str:
        """`<urn:uuid:...>`; empty in ARC files, whose records have none."""
        return self.get("WARC-Record-ID") or ""

    @property
    def url(self) -> str:
        """The target URI; empty for a record that has none."""
        return self.get("WARC-Target-URI") or self.get("uri") or ""

    @property
    def captured_at(self) -> datetime:
        """The record's date.

        Raises:
            RecordError: it has none, or one that cannot be read.
        """
        date = self.get("WARC-Date")
        if date is None and (stamp := self.get("archive-date")):
            date = timestamp_to_iso_date(stamp)
        try:
            return parse_warc_date(date or "")
        except ValueError as error:
            raise RecordError(
                f"{error} in record {self.record_id} at offset {self.offset}; it cannot be placed in time",
                offset=self.offset,
                record_id=self.record_id,
            ) from error

    @property
    def truncated(self) -> Truncated | None:
        """Why the block is short, if it is; reasons outside the standard count as unspecified."""
        reason = self.get("WARC-Truncated")
        if not reason:
            return None
        known = {str(member): member for member in Truncated}
        return known.get(reason.strip().lower(), Truncated.UNSPECIFIED)

    @property
    def is_http(self) -> bool:
        """Whether the block is an HTTP message."""
        content_type = self.get("Content-Type") or ""
        return content_type.lower().startswith("application/http") or self.get("archive-date") is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The archived outcome of one capture event.

    Attributes:
        block: for an HTTP capture the raw response: head, body as framed.
        payload_digest: as its record states it; empty if it does not.
    """

    url: str
    captured_at: datetime
    record_id: str
    filename: str
    offset: int
    type: str
    is_http: bool
    block: bytes
    payload_digest: str
    truncated: Truncated | None

    @property
    def head(self) -> Head:
        """The response's head.

        Raises:
            RecordError: the block is not an HTTP response.
        """
        return parse_head(self.block)

    @property
    def payload(self) -> bytes:
        """The entity-body, transfer coding removed, content coding kept; of a resource, the whole block."""
        return find_payload(self.block) if self.is_http else self.block


def iter_records(path: Path) -> Iterator[Record]:
    """Every record of a WARC or ARC file, compressed or not, in order.

    Raises:
        RecordError: at the first damage, with the path and the offset; what came before it was whole.
    """
    with path.open("rb") as stream:
        try:
            yield from iter_stream(stream)
        except RecordError as error:
            raise locate_error(error, path) from error


def iter_stream(stream: BinaryIO) -> Iterator[Record]:
    """Every record of a seekable stream; see `iter_records`."""
    if _is_gzip(stream):
        for member in iter_members(stream):
            yield from iter_member_records(member)
    else:
        yield from _iter_plain(stream)


def scan_records(path: Path, on_damage: Callable[[RecordError], None]) -> Iterator[Record]:
    """Every record that can be read; after damage a compressed file goes on with its next whole member.

    Args:
        on_damage: told of each damage; its error knows path and offset.
    """
    with path.open("rb") as stream:
        members = scan_members(stream, lambda error: on_damage(locate_error(error, path)))
        for records in map(iter_member_records, members) if _is_gzip(stream) else [_iter_plain(stream)]:
            try:
                yield from records
            except RecordError as error:
                on_damage(locate_error(error, path))


def iter_member_records(member: Member) -> Iterator[Record]:
    """The records of a gzip member: one, unless its writer did not mean it to be read from the middle."""
    for record in _iter_plain(BytesIO(member.data), member.offset):
        yield replace(record, offset=member.offset, length=member.length)


def _is_gzip(stream: BinaryIO) -> bool:
    stream.seek(0)
    start = stream.read(len(MAGIC))
    stream.seek(0)
    return start == MAGIC


def read_record(path: Path, offset: int) -> Record:
    """The one record at `offset`; nothing after it is read.

    Raises:
        RecordError: there is no whole record.
        NotArchived: the file is not there.
    """
    try:
        with path.open("rb") as stream:
            records = _iter_from(stream, offset)
            record = next(records, None)
    except RecordError as error:
        raise locate_error(error, path) from error
    except FileNotFoundError as error:
        raise NotArchived(
            f"no file {path.name} in {path.parent}; rebuild the index of the collection",
            path=path,
            offset=offset,
        ) from error
    if record is None:
        message = f"{path.name}: no record at offset {offset}; rebuild the index of the collection"
        raise RecordError(message, path=path, offset=offset)
    return record


def _iter_from(stream: BinaryIO, offset: int) -> Iterator[Record]:
    stream.seek(offset)
    if stream.read(len(MAGIC)) == MAGIC:
        return iter_member_records(read_member(stream, offset))
    stream.seek(offset)
    return _iter_plain(stream, offset)


def read_capture(collection: Collection, place: IndexEntry | Location | str, offset: int | None = None) -> Capture:
    """The capture at a place: an index entry, what the writer returned, or a file name and an offset.

    Raises:
        RecordError: the bytes there are damaged, or are not a capture.
        NotArchived: the file is not there.
    """
    if isinstance(place, str):
        filename, at = place, offset or 0
    else:
        filename, at = place.filename, place.offset
    path = collection.archive_dir / filename
    record = _read_closed_or_open(path, at)
    if record.type not in CAPTURE_TYPES:
        raise RecordError(
            f"{record.type} record instead of a capture in {filename} at offset {at}; rebuild the index",
            path=path,
            offset=at,
            record_id=record.record_id,
        )
    if not isinstance(place, str) and record.record_id != place.record_id:
        raise RecordError(
            f"another record in {filename} at offset {at} than the index says; rebuild the index",
            path=path,
            offset=at,
            record_id=record.record_id,
        )
    return build_capture(record, filename)


def _read_closed_or_open(path: Path, offset: int) -> Record:
    """The record of a closed file, or of one still being written, which may be closed while we look."""
    for candidate in (path, path.with_name(path.name + OPEN_SUFFIX)):
        try:
            return read_record(candidate, offset)
        except NotArchived:
            continue
    return read_record(path, offset)


def build_capture(record: Record, filename: str) -> Capture:
    """The capture that a response, revisit or resource record holds."""
    return Capture(
        url=record.url,
        captured_at=record.captured_at,
        record_id=record.record_id,
        filename=filename,
        offset=record.offset,
        type=record.type,
        is_http=record.is_http,
        block=record.block,
        payload_digest=record.get("WARC-Payload-Digest") or "",
        truncated=record.truncated,
    )


def _iter_plain(stream: BinaryIO, offset: int = 0) -> Iterator[Record]:
    """Records that follow each other in a stream that is not compressed."""
    loader = ArcWarcRecordLoader(verify_http=False, arc2warc=False)
    reader = BufferedReader(stream)
    known_format: str | None = None
    while (line := _skip_blank(reader)) is not None:
        start = offset + reader.tell() - reader.rem_length() - len(line)
        try:
            loaded = loader.parse_record_stream(reader, line, known_format, no_record_parse=True)
        except (ArchiveLoadFailed, EOFError, ValueError, IndexError, AttributeError) as error:
            what = f"no record at offset {start} ({_first_line(error)})"
            raise RecordError(f"{what}; {_RESTORE}", offset=start) from error
        known_format = loaded.format
        block = _read_block(loaded, start)
        yield Record(
            offset=start,
            length=offset + reader.tell() - reader.rem_length() - start,
            type=str(loaded.rec_type or ""),
            headers=[(str(name), str(value)) for name, value in loaded.rec_headers.headers],
            block=block,
        )


def _read_block(loaded: Any, start: int) -> bytes:
    """The block of a record whose header has been read, if all of it is there."""
    get = loaded.rec_headers.get_header
    declared = get("Content-Length" if loaded.format == "warc" else "length")
    block = b""
    fault = ""
    if declared is None or not declared.strip().isdecimal():
        fault = f"has no usable length ({declared!r})"
    else:
        block = bytes(loaded.raw_stream.read())
        if len(block) != loaded.length:
            fault = f"ends early: {len(block)} of {loaded.length} bytes"
    if fault:
        record_id = get("WARC-Record-ID")
        raise RecordError(f"record at offset {start} {fault}; {_RESTORE}", offset=start, record_id=record_id)
    return block


def _skip_blank(reader: BufferedReader) -> bytes | None:
    """The next line that is not empty; None at the end."""
    while line := reader.readline():
        if line.strip():
            return bytes(line)
    return None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def locate_error(error: RecordError, path: Path) -> RecordError:
    """The same error, knowing its file."""
    return RecordError(
        f"{path.name}: {error}",
        path=path,
        offset=error.offset,
        record_id=error.record_id,
        damage=error.damage,
    )
