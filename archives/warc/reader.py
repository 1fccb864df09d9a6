"""Reads records: all of a file in order, or one capture at an offset, blocks unchanged."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from archives.errors import Damage, NotArchived, RecordError, refuse
from archives.storage.collection import OPEN_SUFFIX, Collection
from archives.storage.remote_files import open_warc
from archives.urls import parse_warc_date
from archives.warc.content_codings import decode_body
from archives.warc.extents import scan_stream_records
from archives.warc.members import (
    FIRST_READ_SIZE,
    MAGIC,
    MAX_RECORD_BYTES,
    has_members,
    iter_members,
    open_member,
    read_member,
)
from archives.warc.messages import Head, find_mime, parse_head
from archives.warc.parser import Record, iter_stream_records, load_plain, place_records
from archives.warc.payloads import choose_payload
from archives.warc.records import RecordType, Truncated
from archives.warc.scanning import MemberScan, join_members
from archives.warc.zstd_frames import MAGIC as ZSTD_MAGIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path


MAX_CONTENT_BYTES: Final = 64 * 1024 * 1024
# The file may be damaged or its index wrong; rebuilding the index of a damaged file would forget what a copy still has.
_VERIFY: Final = 'run "python -m archives verify" on the collection'
CAPTURE_TYPES: Final = (RecordType.RESPONSE, RecordType.REVISIT, RecordType.RESOURCE)
_HTML_TYPES: Final = ("text/html", "application/xhtml+xml")


class Place(Protocol):
    """Where a capture stands: what the writer returned, or an index entry."""

    @property
    def filename(self) -> str:
        """Name the WARC file."""

    @property
    def offset(self) -> int:
        """Count the bytes from the start of the file to the record."""

    @property
    def length(self) -> int:
        """Count the bytes of the gzip member."""

    @property
    def record_id(self) -> str:
        """Name the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a revisit says of the capture that holds its payload; each field is empty if it says nothing.

    Attributes:
        at: when that capture began; None if the revisit does not say so in a date that can be read.
        is_unmodified: the server only said that nothing had changed, instead of sending the payload again.
    """

    record_id: str
    url: str
    at: datetime | None
    is_unmodified: bool = False


@dataclass(frozen=True, kw_only=True)
class Capture:
    """The archived outcome of one capture event.

    Attributes:
        block: for an HTTP capture the raw response: head, body as framed; for a revisit its head, or nothing.
        payload_digest: as its record states it; empty if it does not.
        refers_to: for a revisit, where its payload is.
        original: for a revisit that has been resolved, the capture that holds its payload.
        made_of: for a conversion, the record id of the capture that it was made of.
        mime: the media type that the record states, with its parameters; of an HTTP capture, that of the message.
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
    refers_to: Reference | None = None
    original: Capture | None = None
    mime: str = ""
    made_of: str = ""

    @cached_property
    def head(self) -> Head:
        """The response's head: a revisit's own, unless the server only said that nothing had changed.

        Raises:
            RecordError: the block is not an HTTP response.
        """
        if self.original is None:
            return parse_head(self.block)
        own = parse_head(self.block) if self.block else None
        return own if own and own.status != 304 else self.original.head

    @property
    def payload(self) -> bytes:
        """The entity-body, transfer coding removed, content coding kept; of a resource, the whole block.

        Raises:
            RecordError: a revisit has not been resolved.
        """
        return self._find_payload(None)

    def _find_payload(self, headers: list[tuple[bytes, bytes]] | None) -> bytes:
        """The same, where the fields of the block's head may have been read."""
        if self.original is not None:
            return self.original.payload
        if self.refers_to is not None:
            raise RecordError(
                f"the payload of revisit {self.record_id} in {self.filename} at offset {self.offset} is in the capture "
                "that it refers to; read it with archives.captures.revisits.read_resolved",
                offset=self.offset,
                record_id=self.record_id,
            )
        return choose_payload(self.block, self.payload_digest, headers) if self.is_http else self.block

    def decode(self, *, max_bytes: int = MAX_CONTENT_BYTES) -> bytes:
        """The payload with its content codings undone; a body that is stored decoded is taken as it stands.

        Raises:
            RecordError: as `decode_body` does, or a revisit has not been resolved.
        """
        holder = self if self.is_http and self.block else self.original or self
        if not holder.is_http:
            return self.payload
        head = self.head
        payload = self._find_payload(head.headers)
        # A revisit's own head describes its payload, unless the server only said that nothing had changed.
        codings = [
            coding for value in head.get_all(b"Content-Encoding") for coding in value.decode("latin-1").split(",")
        ]
        return decode_body(payload, codings, max_bytes=max_bytes)


def iter_records(path: Path) -> Iterator[Record]:
    """Every record of a WARC or ARC file, compressed or not, in order.

    Raises:
        RecordError: at the first damage, with the path and the offset; what came before it was whole.
    """
    with open_warc(path) as stream:
        try:
            yield from iter_stream(stream)
        except RecordError as error:
            raise locate_error(error, path) from error


def iter_stream(stream: BinaryIO) -> Iterator[Record]:
    """Every record of a seekable stream; see `iter_records`."""
    if has_members(stream):
        for _, records in MemberScan(stream, refuse).iter_groups():
            yield from records
    else:
        stream.seek(0)
        yield from iter_stream_records(stream)


def scan_records(path: Path, on_damage: Callable[[RecordError], None]) -> Iterator[Record]:
    """Every record that can be read; after damage the file continues with the next that is whole.

    Args:
        on_damage: called for each damage; its error has path and offset.
    """

    with open_warc(path) as stream:
        yield from scan_stream(stream, path.name, lambda error: on_damage(locate_error(error, path)))


def scan_stream(stream: BinaryIO, name: str, on_damage: Callable[[RecordError], None]) -> Iterator[Record]:
    """The same of a stream that can be sought, of a file called `name`."""
    if not has_members(stream, name):
        yield from scan_stream_records(stream, on_damage)
        return
    for _, records in MemberScan(stream, on_damage).iter_groups():
        try:
            yield from records
        except RecordError as error:
            on_damage(error)


def read_record(path: Path, offset: int) -> Record:
    """The one record at `offset`; nothing after it is read.

    Raises:
        RecordError: there is no whole record.
        NotArchived: the file is not there.
    """
    return _read_place(path, offset)


def read_warcinfo(path: Path) -> dict[str, str]:
    """The fields of the warcinfo record at the head of a file; none where there is no such record.

    Raises:
        RecordError: there is no whole record.
        NotArchived: the file is not there.
    """
    with open_record(path, 0) as record:
        lines = record.start.decode("utf-8", "replace").splitlines() if record.type == RecordType.WARCINFO else []
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


@contextmanager
def open_record(path: Path, offset: int, *, length: int | None = None, record_id: str = "") -> Iterator[Record]:
    """The record at `offset`, whose block can be read in parts while its file is open.

    Args:
        length: of its gzip member, where that is known.
        record_id: of several records in one member the one called so is meant, or else the first.

    Raises:
        RecordError: there is no whole record.
        NotArchived: the file is not there.
    """
    with _open_place(path, offset) as stream:
        yield _find_record(stream, path, offset, length, record_id)


def _read_place(
    path: Path, offset: int, *, length: int | None = None, record_id: str = "", max_bytes: int = MAX_RECORD_BYTES
) -> Record:
    with _open_place(path, offset) as stream:
        record = _find_record(stream, path, offset, length, record_id)
        if not record.is_large:
            return record
        try:
            return _hold(record, max_bytes)
        except RecordError as error:
            raise locate_error(error, path) from error


def _open_place(path: Path, offset: int) -> BinaryIO:
    """Open a closed file, or one still being written, which may be closed while we look."""
    for candidate in (path, path.with_name(path.name + OPEN_SUFFIX), path):
        with suppress(FileNotFoundError):
            return open_warc(candidate)
    what = f"no file {path.name} in {path.parent}"
    next_step = "restore it from a copy, or rebuild the index if it is not needed"
    raise NotArchived(f"{what}; {next_step}", path=path, offset=offset)


def _find_record(stream: BinaryIO, path: Path, offset: int, length: int | None, record_id: str) -> Record:
    try:
        records = _iter_from(stream, offset, length)
        record = next(records, None)
        if record is not None and record_id and record.record_id != record_id and record.length == length:
            record = next((other for other in records if other.record_id == record_id), record)
    except RecordError as error:
        raise locate_error(error, path) from error
    if record is None:
        message = f"{path.name}: no record at offset {offset}; {_VERIFY}"
        raise RecordError(message, path=path, offset=offset)
    return record


def _hold(record: Record, max_bytes: int) -> Record:
    """A large record with its block in memory, since its file is closed when it is used."""
    if record.size > max_bytes:
        what = f"record at offset {record.offset} has {record.size} bytes, more than the {max_bytes} that are read here"
        raise RecordError(what, offset=record.offset, record_id=record.record_id, damage=Damage.OVERSIZE_MEMBER)
    return replace(record, content=record.block)


def _iter_from(stream: BinaryIO, offset: int, length: int | None) -> Iterator[Record]:
    try:
        stream.seek(offset)
    except OSError as error:  # an index line may hold any number
        raise RecordError(f"a file cannot have an offset of {offset}", offset=offset) from error
    if stream.read(len(ZSTD_MAGIC)).startswith((MAGIC, ZSTD_MAGIC)):
        first = read_member(stream, offset, length=length or FIRST_READ_SIZE)
        record = load_plain(first)
        if record is not None:
            return iter((record,))
        member = join_members(first, iter_members(stream, offset + first.length), deque())
        return place_records(iter_stream_records(open_member(member)), member)
    stream.seek(offset)
    return iter_stream_records(stream, offset)


def read_capture(
    collection: Collection, place: Place | str, offset: int | None = None, *, max_bytes: int = MAX_RECORD_BYTES
) -> Capture:
    """The capture at a place: an index entry, what the writer returned, or a file name and an offset.

    Args:
        max_bytes: of its block, which is held in memory.

    Raises:
        RecordError: the bytes there are damaged, are not a capture, or are too many.
        NotArchived: the file is not there.
    """
    if isinstance(place, str):
        filename, at, length, record_id = place, offset or 0, None, ""
    else:
        filename, at, length, record_id = place.filename, place.offset, place.length, place.record_id
    path = collection.archive_dir / filename
    record = _read_place(path, at, length=length, record_id=record_id, max_bytes=max_bytes)
    if not is_capture(record):
        raise RecordError(
            f"{record.type} record instead of a capture in {filename} at offset {at}; {_VERIFY}",
            path=path,
            offset=at,
            record_id=record.record_id,
        )
    if not isinstance(place, str) and record.record_id != record_id:
        raise RecordError(
            f"another record in {filename} at offset {at} than the index says; {_VERIFY}",
            path=path,
            offset=at,
            record_id=record.record_id,
        )
    return build_capture(record, filename)


def is_capture(record: Record) -> bool:
    """Whether a record is listed and shown: a capture, or an HTML document that was made of one.

    Other conversions, such as the plain text that some crawlers keep beside each page, are not pages.
    """
    if record.type == RecordType.CONVERSION:
        return find_mime(record.get("Content-Type")) in _HTML_TYPES
    return record.type in CAPTURE_TYPES


def build_capture(record: Record, filename: str) -> Capture:
    """The capture that a response, revisit, resource or conversion record holds."""
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
        made_of=(record.get("WARC-Refers-To") or "") if record.type == RecordType.CONVERSION else "",
        refers_to=build_reference(record) if record.type == RecordType.REVISIT else None,
        mime=record.get("Content-Type") or "",
    )


def build_reference(record: Record) -> Reference:
    """What a revisit record says of its original."""
    try:
        at = parse_warc_date(record.get("WARC-Refers-To-Date") or "")
    except ValueError:
        at = None
    return Reference(
        record_id=record.get("WARC-Refers-To") or "",
        url=(record.get("WARC-Refers-To-Target-URI") or "").strip("<>"),
        at=at,
        is_unmodified=(record.get("WARC-Profile") or "").endswith("/server-not-modified"),
    )


def locate_error(error: RecordError, path: Path) -> RecordError:
    """The same error, knowing its file."""
    return RecordError(
        f"{path.name}: {error}",
        path=path,
        offset=error.offset,
        record_id=error.record_id,
        damage=error.damage,
    )
