"""Makes records of bytes: in one pass where a record is written as the standard has it, by warcio where it is not.

Nearly every record is plain: header lines that end in CRLF, a length that fits, two line ends behind the block. Those
are taken apart here, in a fifth of the time; ARC records, drafts of the format and everything odd go to warcio.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from io import SEEK_END, BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from warcio.bufferedreaders import BufferedReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecordLoader
from warcio.timeutils import timestamp_to_iso_date

from archives.errors import Damage, RecordError
from archives.urls import parse_warc_date
from archives.warc.members import MAX_RECORD_BYTES
from archives.warc.records import RecordType, Truncated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from archives.warc.members import Member

_RESTORE: Final = "restore the file from a copy"
_READ_SIZE: Final = 256 * 1024
_VERSION: Final = re.compile(r"WARC/[0-9]+\.[0-9]+")
_ODD_IN_URI: Final = re.compile(r"[<>\" ]")
_RECORD_START: Final = re.compile(rb"(?<=\n)WARC/[01]\.[0-9]+\r?\n")
_LONGEST_START: Final = 16
_LONGEST_LINE: Final = 1024 * 1024
# How many times the bytes of a file may be read again for records inside of damaged ones, before what a damaged one
# covers is passed over: a file of nothing but beginnings would be read for each of them to its end.
_PATIENCE: Final = 16
_BLANK: Final = b"\r\n\r\n"


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
        version: `WARC/1.1`; empty for an ARC record.
    """

    offset: int
    length: int
    type: str
    headers: list[tuple[str, str]]
    block: bytes
    version: str = ""
    _values: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Every record is asked for several fields, so that looking through all of them each time would cost more.
        object.__setattr__(self, "_values", {name.lower(): value for name, value in reversed(self.headers)})

    def get(self, name: str) -> str | None:
        """The first value of the header field `name`, whatever its case."""
        return self._values.get(name.lower())

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
        """Why the response is short, if it is; reasons outside the standard count as unspecified.

        The block of a revisit is short because its payload is elsewhere.
        """
        reason = self.get("WARC-Truncated")
        if not reason or self.type == RecordType.REVISIT:
            return None
        known = {str(member): member for member in Truncated}
        return known.get(reason.strip().lower(), Truncated.UNSPECIFIED)

    @property
    def is_http(self) -> bool:
        """Whether the block is an HTTP message."""
        content_type = self.get("Content-Type") or ""
        return content_type.lower().startswith("application/http") or self.get("archive-date") is not None


def iter_member_records(member: Member) -> Iterator[Record]:
    """The records of a gzip member: one, unless its writer did not mean it to be read from the middle.

    Raises:
        RecordError: the bytes are no record.
    """
    record = _load_plain(member)
    if record is not None:
        yield record
        return
    for odd in iter_stream_records(BytesIO(member.data), member.offset):
        yield replace(odd, offset=member.offset, length=member.length)


def _load_plain(member: Member) -> Record | None:
    """The one record that fills its member as the standard has it; None where anything is unusual."""
    data = member.data
    end = data.find(_BLANK)
    if not 0 < end <= len(data) - 2 * len(_BLANK) or not data.endswith(_BLANK):
        return None
    headers = _load_header(data[:end])
    if headers is None:
        return None
    record = Record(
        offset=member.offset,
        length=member.length,
        type=next((value for name, value in headers if name.lower() == "warc-type"), ""),
        headers=headers,
        block=data[end + len(_BLANK) : -len(_BLANK)],
        version=data[: data.find(b"\r\n")].decode("ascii"),
    )
    has_its_length = record.get("Content-Length") == str(len(record.block))
    is_plain = record.type and has_its_length and not _ODD_IN_URI.search(record.get("WARC-Target-URI") or "")
    return record if is_plain else None


def _load_header(data: bytes) -> list[tuple[str, str]] | None:
    try:
        first, *lines = data.decode("utf-8").split("\r\n")
    except UnicodeDecodeError:
        return None
    if not _VERSION.fullmatch(first):
        return None
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or "\n" in line or line[0] in " \t":
            return None
        headers.append((name.rstrip(" \t"), value.strip()))
    return headers


def iter_stream_records(stream: BinaryIO, offset: int = 0) -> Iterator[Record]:
    """Records that follow each other in a stream that is not compressed.

    Args:
        offset: where the stream stands in its file.

    Raises:
        RecordError: at the first bytes that are no record.
    """
    loader = _QuietLoader(verify_http=False, arc2warc=False)
    reader = _LineReader(stream, offset)
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
            headers=[(str(name), str(value).strip()) for name, value in loaded.rec_headers.headers],
            block=block,
            version=str(loaded.rec_headers.protocol) if loaded.format == "warc" else "",
        )


def scan_stream_records(stream: BinaryIO, on_damage: Callable[[RecordError], None]) -> Iterator[Record]:
    """Every record of an uncompressed file that can be found, also behind damage.

    Args:
        on_damage: told of each place where records stop, once.
    """
    patience = _PATIENCE * stream.seek(0, SEEK_END) + _READ_SIZE
    offset: int | None = 0
    while offset is not None:
        stream.seek(offset)
        try:
            yield from iter_stream_records(stream, offset)
        except RecordError as error:
            on_damage(error)
            begun, read = error.offset or 0, stream.tell()
            patience -= read - begun
            offset = _find_record_start(stream, begun + 1 if patience > 0 else max(read, begun + 1))
        else:
            offset = None


def _find_record_start(stream: BinaryIO, offset: int) -> int | None:
    """Where the next line stands, at or after `offset`, that begins a WARC record."""
    stream.seek(offset)
    window = b""
    while chunk := stream.read(_READ_SIZE):
        window += chunk
        match = _RECORD_START.search(window)
        if match is not None:
            return offset + match.start()
        offset += max(0, len(window) - _LONGEST_START)
        window = window[-_LONGEST_START:]
    return None


def _read_block(loaded: Any, start: int) -> bytes:
    """The block of a record whose header has been read, if all of it is there."""
    get = loaded.rec_headers.get_header
    declared = get("Content-Length" if loaded.format == "warc" else "length")
    block = b""
    fault = ""
    damage = Damage.BAD_RECORD
    if declared is None or not declared.strip().isdecimal():
        fault = f"has no usable length ({declared!r}); {_RESTORE}"
    elif loaded.length > MAX_RECORD_BYTES:
        damage = Damage.OVERSIZE_MEMBER
        fault = f"is longer than {MAX_RECORD_BYTES} bytes; it is not read, since it would fill the memory"
    else:
        block = bytes(loaded.raw_stream.read())
        if len(block) != loaded.length:
            fault = f"ends early: {len(block)} of {loaded.length} bytes; {_RESTORE}"
    if fault:
        record_id = get("WARC-Record-ID")
        raise RecordError(f"record at offset {start} {fault}", offset=start, record_id=record_id, damage=damage)
    return block


class _QuietLoader(ArcWarcRecordLoader):  # type: ignore[misc]
    """Warcio's loader, which logs a stranger's address as it stands, escape sequences included."""

    def _ensure_target_uri_format(self, rec_headers: Any) -> str | None:
        """Return the record's address without angle brackets and with its spaces encoded, and store it so."""
        uri: str | None = rec_headers.get_header("WARC-Target-URI")
        if uri is None:
            return None
        plain = uri[1:-1] if uri.startswith("<") and uri.endswith(">") else uri
        plain = plain.replace(" ", "%20")
        if plain != uri:
            rec_headers.replace_header("WARC-Target-URI", plain)
        return plain


class _LineReader(BufferedReader):  # type: ignore[misc]
    """Warcio's reader, which copies a line that has no end once for every few bytes of it."""

    def __init__(self, stream: BinaryIO, offset: int) -> None:
        super().__init__(stream)
        self._offset = offset

    def readline(self, length: int | None = None) -> bytes:
        """Read a line; a bounded one is never longer than asked for.

        Raises:
            RecordError: it is longer than any line of a record's header.
        """
        line = bytes(super().readline(length or _LONGEST_LINE))
        if length or len(line) < _LONGEST_LINE or line.endswith(b"\n"):
            return line
        start = self._offset + self.tell() - self.rem_length() - len(line)
        what = f"no record at offset {start} (a line of more than {_LONGEST_LINE} bytes)"
        raise RecordError(f"{what}; {_RESTORE}", offset=start)


def _skip_blank(reader: BufferedReader) -> bytes | None:
    """The next line that is not empty; None at the end."""
    while line := reader.readline():
        if line.strip():
            return bytes(line)
    return None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
