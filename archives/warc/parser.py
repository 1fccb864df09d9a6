"""Parses records: in one pass if they follow the standard, otherwise with warcio.

Nearly every record is plain: header lines that end in CRLF, a length that fits, two line ends behind the block. Those
are taken apart here, in a fifth of the time; ARC records, drafts of the format and everything odd go to warcio.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Protocol

from warcio.bufferedreaders import BufferedReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ARCHeadersParser, ArcWarcRecordLoader
from warcio.timeutils import timestamp_to_iso_date

from archives.errors import Damage, RecordError
from archives.urls import parse_warc_date
from archives.warc.members import HELD_BYTES, MAX_RECORD_BYTES, Member, open_member
from archives.warc.records import RecordType, Truncated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_RESTORE: Final = "restore the file from a copy"
_PART_SIZE: Final = 1024 * 1024
_VERSION: Final = re.compile(r"WARC/[0-9]+\.[0-9]+")
_STATUS_LINE: Final = re.compile(rb"HTTP/[0-9](?:\.[0-9])?[ \t]")
_ODD_IN_URI: Final = re.compile(r"[<>\" ]")
# Address, IP, date, type, result code, checksum, location, offset, file name, length.
_ARC_SECOND: Final = re.compile(r"(.+?) (\S+) ([0-9]{12,14}) (\S+) (\S+) (\S+) (\S+) ([0-9]+|-) (\S+) ([0-9]+)")
_LONGEST_LINE: Final = 1024 * 1024
_LONGEST_REASON: Final = 120
_BLANK: Final = b"\r\n\r\n"


class Content(Protocol):
    """The block of a record that is too large to be held in memory by who only passes over it."""

    @property
    def size(self) -> int:
        """How many bytes it has."""

    def iter_parts(self) -> Iterator[bytes]:
        """Yield it in parts of a bounded size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record as it is in a file.

    Attributes:
        offset: bytes from the start of the file to the record, or to the gzip member that holds it.
        length: of the gzip member, or of the record when the file is not compressed.
        type: `warcinfo`, `response` ... in lower case, also a type unknown to the standard; `arc_header` for the first
            record of an ARC file.
        headers: the record's own header, decoded, in order.
        content: all that follows the header; of a large one, where it is.
        version: `WARC/1.1`; empty for an ARC record.
    """

    offset: int
    length: int
    type: str
    headers: list[tuple[str, str]]
    content: bytes | Content
    version: str = ""
    # Every record is asked for several fields, so that looking through all of them each time would cost more.
    _values: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self._values:
            self._values.update((name.lower(), value) for name, value in reversed(self.headers))

    def get(self, name: str) -> str | None:
        """The first value of the header field `name`, whatever its case."""
        return self._values.get(name.lower())

    @property
    def block(self) -> bytes:
        """All that follows the header, in memory."""
        content = self.content
        return content if isinstance(content, bytes) else b"".join(content.iter_parts())

    @property
    def start(self) -> bytes:
        """The block, or at least the first MiB of a large one."""
        content = self.content
        return content if isinstance(content, bytes) else next(iter(content.iter_parts()), b"")

    @property
    def is_large(self) -> bool:
        """Whether the block is not held in memory until it is requested."""
        return not isinstance(self.content, bytes)

    @property
    def size(self) -> int:
        """How many bytes the block has."""
        content = self.content
        return len(content) if isinstance(content, bytes) else content.size

    def iter_block(self) -> Iterator[bytes]:
        """The block in parts, none of which is large."""
        content = self.content
        if isinstance(content, bytes):
            yield content
        else:
            yield from content.iter_parts()

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

        The block of a revisit is short because its payload is elsewhere, that of a segment because the next record
        continues it. Segments are not joined.
        """
        reason = self.get("WARC-Truncated") or (self.get("WARC-Segment-Number") and Truncated.UNSPECIFIED)
        if not reason or self.type == RecordType.REVISIT:
            return None
        known = {str(member): member for member in Truncated}
        return known.get(reason.strip().lower(), Truncated.UNSPECIFIED)

    @property
    def is_http(self) -> bool:
        """Whether the block is an HTTP message.

        Writers leave the type out or state the page's; a response of the web that begins with a status line is one.
        """
        if (self.get("Content-Type") or "").lower().startswith("application/http"):
            return True
        is_answer = self.type in (RecordType.RESPONSE, RecordType.REVISIT) and self.url[:4].lower() == "http"
        return is_answer and _STATUS_LINE.match(self.start) is not None


@dataclass(frozen=True, slots=True)
class _Span:
    """A large block: where it begins and ends in what a stream gives, which may be a member decompressed again."""

    source: BinaryIO | Member
    start: int
    size: int

    def iter_parts(self) -> Iterator[bytes]:
        """Read it again, in parts."""
        stream = open_member(self.source) if isinstance(self.source, Member) else self.source
        at, end = self.start, self.start + self.size
        while at < end:
            stream.seek(at)
            part = stream.read(min(_PART_SIZE, end - at))
            if not part:
                raise RecordError(f"the record has changed while it was read, {end - at} bytes before its end")
            at += len(part)
            yield part


def place_records(records: Iterator[Record], member: Member) -> Iterator[Record]:
    """Yield records of a member, whose places were counted inside of it, with its own place in the file."""
    for record in records:
        content = record.content
        if isinstance(content, _Span):
            content = _Span(member, content.start, content.size)
        yield replace(record, offset=member.offset, length=member.length, content=content)


def load_plain(member: Member) -> Record | None:
    """The one record that fills its member as the standard has it; None if anything is unusual."""
    data = member.data
    end = data.find(_BLANK)
    if member.source is not None:
        return _load_large(member, end)
    if not 0 < end <= len(data) - 2 * len(_BLANK) or not data.endswith(_BLANK):
        return None
    block = data[end + len(_BLANK) : -len(_BLANK)]
    record = _build_plain(member, end, block)
    return record if record is not None and record.get("Content-Length") == str(len(block)) else None


def _load_large(member: Member, end: int) -> Record | None:
    size = member.size - end - 2 * len(_BLANK)
    if end <= 0:
        return None
    record = _build_plain(member, end, _Span(member, end + len(_BLANK), size))
    return record if record is not None and record.get("Content-Length") == str(size) else None


def _build_plain(member: Member, end: int, content: bytes | Content) -> Record | None:
    header = _load_header(member.data[:end])
    if header is None:
        return None
    version, headers, values = header
    record_type = values.get("warc-type")
    if not record_type or _ODD_IN_URI.search(values.get("warc-target-uri", "")):
        return None
    return Record(
        offset=member.offset,
        length=member.length,
        type=record_type.lower(),
        headers=headers,
        content=content,
        version=version,
        _values=values,
    )


def _load_header(data: bytes) -> tuple[str, list[tuple[str, str]], dict[str, str]] | None:
    """The version and the fields of a plain header, also by their names in lower case."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    first, *lines = text.split("\r\n")
    if not _VERSION.fullmatch(first) or text.count("\n") != len(lines):
        return None
    headers = []
    values: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or line[0] in " \t":
            return None
        name, value = name.rstrip(" \t"), value.strip()
        headers.append((name, value))
        values.setdefault(name.lower(), value)
    return first, headers, values


def iter_stream_records(stream: BinaryIO, offset: int = 0) -> Iterator[Record]:
    """Records that follow each other in a stream that is not compressed and can be sought.

    Args:
        offset: where the stream is in its file.

    Raises:
        RecordError: at the first bytes that are not a record.
    """
    loader = _QuietLoader()
    steady = _SteadyStream(stream)
    reader = _LineReader(steady, offset)
    known_format: str | None = None
    while (line := _skip_blank(reader)) is not None:
        start = offset + reader.tell() - reader.rem_length() - len(line)
        try:
            loaded = loader.parse_record_stream(reader, line, known_format, no_record_parse=True)
        except (ArchiveLoadFailed, EOFError, ValueError, IndexError, AttributeError) as error:
            what = f"no record at offset {start} ({_first_line(error)})"
            raise RecordError(f"{what}; {_RESTORE}", offset=start) from error
        known_format = loaded.format
        block_at = steady.begun + reader.tell() - reader.rem_length()
        content = _read_block(loaded, start, stream, block_at)
        yield Record(
            offset=start,
            length=offset + reader.tell() - reader.rem_length() - start,
            type=str(loaded.rec_type or "").lower(),
            headers=[(str(name), str(value).strip()) for name, value in loaded.rec_headers.headers],
            content=content,
            version=str(loaded.rec_headers.protocol) if loaded.format == "warc" else "",
        )


def _read_block(loaded: Any, start: int, stream: BinaryIO, block_at: int) -> bytes | Content:
    """The block of a record whose header has been read, if all of it is there; a large one is passed over.

    Args:
        block_at: where the stream is at its start.
    """
    get = loaded.rec_headers.get_header
    declared = get("Content-Length" if loaded.format == "warc" else "length")
    content: bytes | Content = b""
    fault = ""
    damage = Damage.BAD_RECORD
    if declared is None or not declared.strip().isdecimal():
        fault = f"has no usable length ({declared!r}); {_RESTORE}"
    elif loaded.length > MAX_RECORD_BYTES:
        damage = Damage.OVERSIZE_MEMBER
        fault = f"is longer than {MAX_RECORD_BYTES} bytes; it is not read, since it would fill the memory"
    else:
        content, size = _take_block(loaded, stream, block_at)
        if size != loaded.length:
            fault = f"ends early: {size} of {loaded.length} bytes; {_RESTORE}"
    if fault:
        record_id = get("WARC-Record-ID")
        raise RecordError(f"record at offset {start} {fault}", offset=start, record_id=record_id, damage=damage)
    return content


def _take_block(loaded: Any, stream: BinaryIO, block_at: int) -> tuple[bytes | Content, int]:
    """A block, or where it is if it is large, and how much of it was there."""
    if loaded.length <= HELD_BYTES:
        block = bytes(loaded.raw_stream.read())
        return block, len(block)
    size = 0
    while part := loaded.raw_stream.read(_PART_SIZE):
        size += len(part)
    return _Span(stream, block_at, size), size


class _SteadyStream:
    """A stream that continues where it stopped, wherever others have moved it meanwhile."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.begun = self._at = stream.tell()

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes."""
        self._stream.seek(self._at)
        data = self._stream.read(size)
        self._at += len(data)
        return data


class _ArcParser(ARCHeadersParser):  # type: ignore[misc]
    """Warcio's parser of ARC headers, which knows the five columns of the first version alone.

    Spec: https://archive.org/web/researcher/ArcFileFormat.php
    """

    def parse(self, stream: Any, headerline: str | bytes | None = None) -> Any:
        """Parse one header line, and the version block that follows the first of a file."""
        line = headerline if headerline is not None else stream.readline()
        text = line if isinstance(line, str) else bytes(line).decode("utf-8", "replace")
        found = _ARC_SECOND.fullmatch(text.strip())
        return super().parse(stream, line if found is None else " ".join((*found.group(1, 2, 3, 4), found[10])) + "\n")


class _QuietLoader(ArcWarcRecordLoader):  # type: ignore[misc]
    """Warcio's loader, which logs a stranger's address as it stands, escape sequences included."""

    def __init__(self) -> None:
        super().__init__(verify_http=False, arc2warc=False)
        self.arc_parser = _ArcParser()

    def _ensure_target_uri_format(self, rec_headers: Any) -> str | None:
        """Return the record's address without angle brackets and with its spaces encoded, and store it so."""
        uri: str | None = rec_headers.get_header("WARC-Target-URI")
        if uri is None:
            return None
        plain = uri.strip()
        plain = plain[1:-1] if plain.startswith("<") and plain.endswith(">") else plain
        plain = plain.replace(" ", "%20")
        if plain != uri:
            rec_headers.replace_header("WARC-Target-URI", plain)
        return plain


class _LineReader(BufferedReader):  # type: ignore[misc]
    """Warcio's reader, which copies a line that has no end once for every few bytes of it."""

    def __init__(self, stream: _SteadyStream, offset: int) -> None:
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
    """The next line that is not empty, without a byte order mark; None at the end."""
    while line := bytes(reader.readline()):
        if line.strip():
            return line.removeprefix(BOM_UTF8)
    return None


def _first_line(error: Exception) -> str:
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}…"
