"""Resumes reading behind damage in a compressed file without mistaking a payload for a record.

A publisher chooses the bytes of a page, and they may be whole gzip members that hold whole records. As long as a
member is whole, nothing inside it is looked at. Where it is damaged, its end has to be found, and what stands before
its end must not be listed. Three things tell where records begin again:

1. the damaged member itself: its deflate stream ends, with as many bytes as the record's header announced;
2. the record itself: it names the warcinfo record of the file by its id, which was unknown when the payload was sent;
3. the end of the file, in a gzip file whose records do not name their warcinfo record: members follow each other from
   a place to the last byte, which members inside of a payload cannot, since something of the damaged member stands
   behind it. (Where the file ends inside of that member, 1 says so.)

Anything else is reported, and not listed. Zero bytes and line ends between members are padding if 2 or 3 holds for the
member behind them; a damaged disk leaves zeros, too.

A Zstandard frame may have no checksum. Where one record does not fill it, its records are read like those of an
uncompressed file, up to the first that is damaged; if the last is cut short, the frame itself may have ended too early.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace
from io import SEEK_END
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Final

from archives.errors import RecordError
from archives.warc.decoding import BARE, InflateError, build_inflater, inflate_part
from archives.warc.extents import build_inside, has_odd_header, scan_stream_records
from archives.warc.members import HELD_BYTES, MAGIC, Codecs, Member, iter_members, open_member, read_member
from archives.warc.parser import iter_stream_records, load_plain, place_records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from archives.warc.parser import Record

_READ_SIZE: Final = 64 * 1024
_PART_BYTES: Final = 1024 * 1024
# How many times the bytes of a file may be read again for members inside of damaged ones, before what a damaged one
# covers is passed over: a file of nothing but beginnings would be read for each of them to its end.
_MAX_PASSES: Final = 16
# A damaged member is inflated to its end, to know where that is; no longer than this, whatever it inflates to.
_MOST_MEASURED: Final = 8 * 1024 * 1024 * 1024
_HEADER_END: Final = re.compile(rb"\r?\n\r?\n")
_CONTENT_LENGTH: Final = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*\r?$")
_WARCINFO_ID: Final = re.compile(rb"(?im)^warc-warcinfo-id[ \t]*:[ \t]*(<[^>\r\n]{8,200}>)[ \t]*\r?$")
_RECORD_ID: Final = re.compile(rb"(?im)^warc-record-id[ \t]*:[ \t]*(<[^>\r\n]{8,200}>)[ \t]*\r?$")
_WARCINFO: Final = re.compile(rb"(?im)^warc-type[ \t]*:[ \t]*warcinfo[ \t]*\r?$")
_TARGET: Final = re.compile(rb"(?im)^warc-target-uri[ \t]*:[ \t]*([^\r\n]{1,2000})\r?$")
_RECORD_BEGINS: Final = (b"WARC/", b"filedesc:")
_ARC_LINE: Final = re.compile(rb"[a-z][a-z0-9+.-]*:[^\n]* [0-9]{12,14} [^\n]* [0-9]+\r?\n")
_MOST_TRAILER: Final = 8
# So many records tell whether a file's records name their warcinfo record.
_LOOKS: Final = 8
_PADDING: Final = b"\0\r\n"
# Where the type of a record stands, if it is one of ours.
_FIRST_FIELDS: Final = 256
# The fixed part of a gzip header and its optional parts. Spec: RFC 1952 §2.3.
_GZIP_HEAD_BYTES: Final = 10
_GZIP_TAIL_BYTES: Final = 8
_FHCRC, _FEXTRA, _FNAME, _FCOMMENT = 2, 4, 8, 16


def read_header(data: bytes) -> bytes | None:
    """The header of the record that `data` begins with; None if it is not a record or its header is incomplete."""
    if not data.startswith(b"WARC/"):
        return None
    end = _HEADER_END.search(data)
    return None if end is None else data[: end.end()]


def find_target(header: bytes | None) -> str:
    """The address of a record; empty where its header states none, or is not all there."""
    found = _TARGET.search(header) if header else None
    return found[1].decode("utf-8", "replace").strip("<> ") if found else ""


def find_warcinfo(header: bytes) -> bytes | None:
    """The id of a warcinfo record, by which the records of its file name it."""
    found = _RECORD_ID.search(header) if _WARCINFO.search(header) else None
    return found[1] if found else None


def names_warcinfo(header: bytes, known: bytes | None) -> bool:
    """Whether a record names the warcinfo record that stands before it in its file."""
    found = _WARCINFO_ID.search(header) if known else None
    return found is not None and found[1] == known


class MemberScan:
    """The members of a file that can be believed, damage or not.

    Args:
        on_damage: called once for each place where whole members stop, and for each record that is not trusted.

    Attributes:
        padding: the places of zero bytes and line ends between members and behind the last, as far as they were read.
    """

    def __init__(self, stream: BinaryIO, on_damage: Callable[[RecordError], None]) -> None:
        self.padding: list[range] = []
        self._stream = stream
        self._on_damage = on_damage
        self._file_size = stream.seek(0, SEEK_END)
        self._budget = _MAX_PASSES * max(self._file_size, _READ_SIZE)
        self._warcinfo: bytes | None = None
        self._is_naming = False
        self._looks_left = _LOOKS
        self._codecs = Codecs(stream)
        self._is_sure = True
        # The last place found to hold nothing but members and padding.
        self._run = range(0)

    def __iter__(self) -> Iterator[Member]:
        offset: int | None = 0
        while offset is not None:
            end = offset
            try:
                for member in iter_members(self._stream, offset, self._codecs):
                    if self._is_sure:
                        self._learn(member)
                        yield member
                    else:
                        yield from self._check(member)
                    end = member.offset + member.length
            except RecordError as error:
                offset = self._resume(end, error)
            else:
                offset = None

    def _learn(self, member: Member) -> None:
        """Note the id of the file's warcinfo record, and whether the records behind it name that."""
        if b"warcinfo" in member.data[:_FIRST_FIELDS]:
            self._warcinfo = find_warcinfo(read_header(member.data) or b"") or self._warcinfo
        elif self._looks_left and not self._is_naming:
            self._looks_left -= 1
            self._is_naming = names_warcinfo(read_header(member.data) or b"", self._warcinfo)

    def _check(self, member: Member) -> Iterator[Member]:
        header = read_header(member.data)
        if header and names_warcinfo(header, self._warcinfo):
            yield member
        else:
            self._on_damage(build_inside(member.offset, find_target(header)))

    def iter_groups(self) -> Iterator[tuple[Member, Iterator[Record]]]:
        """Each member with its records; members that one record spans are one.

        Some writers begin a new member wherever their buffer is full. A record that continues in the next member takes
        as many as its length asks for, whatever they seem to begin with.
        """
        ahead: deque[Member] = deque()
        members = iter(self)
        while (first := ahead.popleft() if ahead else next(members, None)) is not None:
            record = load_plain(first)
            if record is not None and (first.is_checked or not has_odd_header(record)):
                yield first, iter((record,))
                continue
            member = join_members(first, members, ahead)
            if not member.is_checked and _is_cut_short(member):
                self._is_sure = False
                ahead = deque(chain.from_iterable(map(self._check, ahead)))
            yield member, place_records(self.read_inside(member), member)

    def read_inside(self, member: Member) -> Iterator[Record]:
        """Yield the records of a member that one does not fill, their places counted inside of it.

        Raises:
            RecordError: the bytes of a member that has a checksum are no record.
        """
        if member.is_checked:
            yield from iter_stream_records(open_member(member))
            return
        faults: list[RecordError] = []
        for record in scan_stream_records(open_member(member), faults.append):
            if faults:
                break
            yield record
        if faults:
            what = f"{faults[0]} (inside the frame at offset {member.offset}, which has no checksum)"
            error = RecordError(what, offset=member.offset, damage=faults[0].damage)
            self._on_damage(_name_capture(error, "" if faults[0].offset else find_target(read_header(member.data))))

    def _resume(self, offset: int, error: RecordError) -> int | None:
        """Where to continue after the damage at `offset`, if anywhere."""
        behind = self._skip_padding(offset) if offset else 0
        is_last = behind == self._file_size
        if is_last or (behind > offset and self._is_sure and self._is_member(behind)):
            self.padding.append(range(offset, behind))
            return None if is_last else behind
        end, url = self._measure(offset)
        self._on_damage(_name_capture(error, url))
        if end is not None:
            return None if end >= self._file_size else end
        at = self._find_whole(offset + 1)
        self._is_sure = at is not None and self._has_to_run and self._find_end_of_run(at) == self._file_size
        return at

    @property
    def _has_to_run(self) -> bool:
        """Whether only that members follow each other to the end shows that they are not inside of another."""
        return not self._codecs.is_zstd and not self._is_naming

    def _skip_padding(self, offset: int) -> int:
        self._stream.seek(offset)
        while chunk := self._stream.read(_READ_SIZE):
            rest = chunk.lstrip(_PADDING)
            if rest:
                return self._stream.tell() - len(rest)
        return self._file_size

    def _is_member(self, offset: int) -> bool:
        """Whether a member of this file begins behind padding, and not one inside of another."""
        if self._has_to_run:
            return self._is_in_padded_run(offset)
        try:
            member = read_member(self._stream, offset, codecs=self._codecs)
        except RecordError:
            return False
        return names_warcinfo(read_header(member.data) or b"", self._warcinfo)

    def _is_in_padded_run(self, offset: int) -> bool:
        """Whether from a member on there is nothing but members and padding."""
        if offset not in self._run:
            behind, end = offset, -1
            while behind > end:
                end = self._find_end_of_run(behind)
                behind = self._skip_padding(end)
            self._run = range(offset, end)
        return self._run.stop == self._file_size

    def _measure(self, offset: int) -> tuple[int | None, str]:
        """Where the damaged member at `offset` ends, if that is certain, and the address of its capture."""
        walk = _Walk(self._stream, offset)
        header = read_header(walk.start)
        url = find_target(header)
        length = _CONTENT_LENGTH.search(header) if header else None
        if header is None or length is None:
            return None, url
        announced = len(header) + int(length[1])
        is_right = announced <= walk.size <= announced + _MOST_TRAILER
        if walk.is_ended and is_right and self._is_boundary(walk.end):
            return walk.end, url
        # A file that was cut: what there is of the member is a part of the record that was announced, or all of it
        # without the end of the deflate stream.
        if (walk.is_cut or walk.end > self._file_size) and walk.size <= announced + _MOST_TRAILER:
            return self._file_size, url
        return None, url

    def _is_boundary(self, at: int) -> bool:
        self._stream.seek(at)
        return at == self._file_size or self._stream.read(len(MAGIC)) == MAGIC

    def _find_whole(self, offset: int) -> int | None:
        """Where the next member stands, at or after `offset`, that inflates to its end."""
        while (at := _find_magic(self._stream, offset, self._codecs.first.magic)) is not None:
            try:
                read_member(self._stream, at, codecs=self._codecs)
            except RecordError:
                read = self._stream.tell()
                self._budget -= max(_READ_SIZE, read - offset)
                offset = at + 1 if self._budget > 0 else max(read, at + 1)
            else:
                return at
        return None

    def _find_end_of_run(self, end: int) -> int:
        """How far whole members, each with a record at its start, follow each other without a gap."""
        try:
            for member in iter_members(self._stream, end, self._codecs):
                if not member.data.startswith(_RECORD_BEGINS) and _ARC_LINE.match(member.data) is None:
                    break
                end = member.offset + member.length
        except RecordError:
            pass
        return end


class _Walk:
    """The deflate stream of a member, inflated as far as it goes whatever its checksum says.

    Attributes:
        start: what it begins with.
        size: how many bytes came out.
        end: where the member ends, if `is_ended`.
        is_cut: the file ends before the stream does.
    """

    def __init__(self, stream: BinaryIO, offset: int) -> None:
        self.start = b""
        self.size = 0
        self.end = 0
        self.is_ended = self.is_cut = False
        stream.seek(offset)
        first = stream.read(_READ_SIZE)
        skipped = _find_deflate(first)
        if skipped is not None:
            self._run(stream, first[skipped:], offset + len(first))

    def _run(self, stream: BinaryIO, chunk: bytes, at: int) -> None:
        inflater = build_inflater(BARE)
        try:
            while not inflater.eof and self.size < _MOST_MEASURED:
                part = inflate_part(inflater, chunk, _PART_BYTES)
                if len(self.start) < _READ_SIZE:
                    self.start += part[:_READ_SIZE]
                self.size += len(part)
                chunk = inflater.unconsumed_tail
                if not part and not chunk and not inflater.eof:
                    chunk = stream.read(_READ_SIZE)
                    at += len(chunk)
                    if not chunk:
                        self.is_cut = True
                        return
        except InflateError:
            return
        if inflater.eof:
            self.is_ended, self.end = True, at - len(inflater.unused_data) + _GZIP_TAIL_BYTES


def _find_deflate(data: bytes) -> int | None:
    """How many bytes of a member stand before its deflate stream.

    Spec: RFC 1952 §2.3.
    """
    if len(data) < _GZIP_HEAD_BYTES or sum(a != b for a, b in zip(data, MAGIC, strict=False)) > 1:
        return None
    flags, at = data[3], _GZIP_HEAD_BYTES
    if flags & _FEXTRA:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (_FNAME, _FCOMMENT):
        if flags & flag:
            at = data.find(b"\0", at) + 1 or len(data)
    return at + 2 * bool(flags & _FHCRC)


def _find_magic(stream: BinaryIO, offset: int, magic: bytes) -> int | None:
    stream.seek(offset)
    window = b""
    while chunk := stream.read(_READ_SIZE):
        window += chunk
        at = window.find(magic)
        if at >= 0:
            return offset + at
        offset += len(window) - len(magic) + 1
        window = window[1 - len(magic) :]
    return None


def _name_capture(error: RecordError, url: str) -> RecordError:
    """The same error, which says what capture it costs."""
    if not url:
        return error
    words = f"{error}; it is the capture of {url}"
    return RecordError(words, offset=error.offset, record_id=error.record_id, damage=error.damage)


def join_members(first: Member, members: Iterator[Member], ahead: deque[Member]) -> Member:
    """A member and those behind it that its last record needs; itself alone if they do not end where that does.

    Args:
        ahead: members that were taken from `members` already; afterwards also those that were not needed.
    """
    if first.source is not None or not _count_missing(first.data):
        return first
    joined = bytearray(first.data)
    length = first.length
    taken: list[Member] = []
    while _count_missing(joined) and len(joined) <= HELD_BYTES:
        member = ahead.popleft() if ahead else next(members, None)
        if member is None:
            break
        taken.append(member)
        if member.offset != first.offset + length or member.source is not None:
            break
        joined += member.data
        length += member.length
    else:
        if len(joined) <= HELD_BYTES:
            is_checked = first.is_checked and all(member.is_checked for member in taken)
            return replace(first, length=length, data=bytes(joined), is_checked=is_checked)
    ahead.extendleft(reversed(taken))
    return first


def _is_cut_short(member: Member) -> bool:
    """Whether the last record of a member goes on behind its end, or what is there is no record."""
    if member.source is None:
        return _count_missing(member.data) > 0
    stream = open_member(member)
    at = 0
    while at < member.size:
        stream.seek(at)
        start = stream.read(_PART_BYTES)
        record = start.lstrip(b"\r\n")
        header = read_header(record)
        length = _CONTENT_LENGTH.search(header) if header else None
        if header is None or length is None:
            return bool(record)
        at += len(start) - len(record) + len(header) + int(length[1])
    return at > member.size


def _count_missing(data: bytes | bytearray) -> int:
    """How many bytes the last record of `data` lacks at least; 0 if it is whole, or where there is no record."""
    at = 0
    while at < len(data) and data.startswith(b"WARC/", at):
        header = _HEADER_END.search(data, at)
        if header is None:
            return 1
        found = _CONTENT_LENGTH.search(data, at, header.end())
        if found is None:
            return 0
        end = header.end() + int(found[1])
        if end > len(data):
            return end - len(data)
        at = end + len(data[end : end + 4]) - len(data[end : end + 4].lstrip(b"\r\n"))
    return 0
