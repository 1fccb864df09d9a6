"""Resumes reading behind damage in an uncompressed file without mistaking a payload for a record.

No checksum guards the header of such a record, so that one changed digit of its length would lay its payload open. A
record's end is believed where its block digest proves it, or else where a length that it states (its own, or that of
the HTTP message in it) leads to a place where a record may begin; of two such places the later one. Where neither
helps, records are found again by what begins like one, and only those are listed that name the warcinfo record of
the file by its id, which was unknown when the payload was sent. In a file whose records name it, as ours do, that is
asked behind all damage that no digest bounds. A header that was written over ends nowhere, since what follows in it may
be the header of a record in the payload; nor does one that states a field twice, which two headers have become.

A length alone is believed where no digest was to be expected: a record that has none, of a type whose records in this
file have one, has lost part of its header. A record of a type without foreign payload ends at the first boundary.
"""

from __future__ import annotations

import re
from io import SEEK_END
from itertools import chain
from operator import ne
from typing import TYPE_CHECKING, BinaryIO, Final

from archives.errors import Damage, RecordError
from archives.warc.digests import DigestCheck
from archives.warc.messages import find_head_size
from archives.warc.parser import Record, iter_stream_records
from archives.warc.payloads import find_framed_size
from archives.warc.records import RecordType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_READ_SIZE: Final = 256 * 1024
_LONGEST_HEADER: Final = 64 * 1024
# How many times the bytes of a file may be read again for records inside of damaged ones, before what a damaged one
# covers is passed over: a file of nothing but beginnings would be read for each of them to its end.
_MAX_PASSES: Final = 16
_RECORD_START: Final = re.compile(rb"(?<=\n)WARC/[01]\.[0-9]+\r?\n")
_LONGEST_START: Final = 16
_BOUNDARY: Final = re.compile(rb"\r?\n\r?\n(?=WARC/[01]\.[0-9]+\r?\n)")
_LONGEST_BOUNDARY: Final = 32
_NEXT_RECORD: Final = re.compile(rb"(?:\r?\n){1,16}(?:WARC/[01]\.[0-9]|[a-z][a-z0-9+.-]*:[^\r\n]* [0-9]{12,14} )")
_BLANK_LINE: Final = re.compile(rb"\r?\n\r?\n")
# A blank line of which one byte is another or is missing; headers that end their lines properly hold nothing like it.
_NEARLY_BLANK: Final = re.compile(rb"\r\n.\r?\n|\r\n\r|\r.\r\n|\r\r\n", re.DOTALL)
_STATUS_LINE: Final = re.compile(rb"HTTP/[0-9](?:\.[0-9])?[ \t]+[0-9]{3}")
_CONTENT_LENGTH: Final = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*\r?$")
_DIGEST: Final = re.compile(rb"(?im)^warc-block-digest[ \t]*:[ \t]*([^\r\n]{1,300}?)[ \t]*\r?$")
_ODD_IN_HEADER: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xff\ufffd]")
_MOST_ODD: Final = 4
_RECORD_FIELD: Final = re.compile(rb"(?im)^warc[-/][^\r\n]*\r?$")
_FIELD: Final = re.compile(rb"[A-Za-z-]*:[^\r\n]*\r?\n")
# Types whose blocks hold nothing that a publisher wrote.
_OWN_TYPES: Final = (RecordType.WARCINFO, RecordType.REQUEST)
_ONCE: Final = ("warc-record-id", "warc-type", "warc-date", "warc-target-uri", "content-length")
# A colon, a blank and a line end stand around the name and the value of a field.
_AROUND_FIELD: Final = 4
# So many bytes of a header may be no field: one that lost its colon.
_MOST_UNREAD: Final = 256
_LOOKAHEAD: Final = 4096
_TRAILER: Final = b"\r\n\r\n"
# A boundary counts even where one byte of it is damaged, since its neighbours are not.
_USUAL: Final = _TRAILER + b"WARC/1."


def scan_stream_records(stream: BinaryIO, on_damage: Callable[[RecordError], None]) -> Iterator[Record]:
    """Every record of an uncompressed file that can be believed, also behind damage.

    Args:
        on_damage: called once for each place where records stop, and for each record that is not trusted.
    """
    return _StreamScan(stream, on_damage).run()


class _StreamScan:
    def __init__(self, stream: BinaryIO, on_damage: Callable[[RecordError], None]) -> None:
        self._stream = stream
        self._on_damage = on_damage
        self._size = stream.seek(0, SEEK_END)
        self._budget = _MAX_PASSES * self._size + _READ_SIZE
        self._warcinfo = ""
        self._is_naming = False
        self._is_sure = True
        self._digested_types: set[str] = set()
        self._is_without_digests = False

    def run(self) -> Iterator[Record]:
        """Yield what can be believed."""
        offset: int | None = 0
        while offset is not None:
            self._stream.seek(offset)
            following: int | None = None
            begun = offset
            try:
                for record in iter_stream_records(self._stream, offset):
                    begun = record.offset + record.length
                    if not self._is_sure and not self._names_warcinfo(record):
                        self._on_damage(build_inside(record.offset, record.url))
                        continue
                    if has_odd_header(record):
                        self._on_damage(_build_overwritten(record))
                        following = self._find_behind(record.offset, begun)
                        break
                    is_good = _check_digest(record)
                    following = self._find_other_end(record, is_good)
                    if following is not None:
                        break
                    self._is_sure = True
                    if record.type == RecordType.WARCINFO:
                        self._warcinfo, self._is_naming = record.record_id, False
                    self._is_naming = self._is_naming or self._names_warcinfo(record)
                    self._learn(record, is_good)
                    yield record
                    if is_good is False:
                        self._doubt()
            except RecordError as error:
                read = self._stream.tell()
                self._on_damage(error)
                following = self._find_behind(error.offset if error.offset is not None else begun, read)
            offset = following

    def _learn(self, record: Record, is_good: bool | None) -> None:
        """Note which records of the file state digests."""
        if is_good:
            self._digested_types.add(record.type)
            self._is_without_digests = False
        elif is_good is None and record.type not in _OWN_TYPES:
            self._is_without_digests = not self._digested_types

    def _doubt(self) -> None:
        """Ask of what follows that it names the file's warcinfo record, where the file's records do."""
        self._is_sure = self._is_sure and not self._is_naming

    def _names_warcinfo(self, record: Record) -> bool:
        return bool(self._warcinfo) and record.get("WARC-Warcinfo-ID") == self._warcinfo

    def _find_other_end(self, record: Record, is_good: bool | None) -> int | None:
        """Where to continue if a record does not end where its length says; None if it does, as nearly all do."""
        end = record.offset + record.length
        if is_good:
            return None
        swallowed = _find_swallowed(record) if is_good is None else None
        if swallowed is None and self._is_as_usual(record, is_good, end):
            return None
        found, is_proven = (swallowed, False) if swallowed is not None else self._find_end(record.offset)
        if found == end and not self._is_cut_short(record, is_good):
            return None
        what = f"record at offset {record.offset} does not end where its length says; restore the file from a copy"
        self._on_damage(RecordError(what, offset=record.offset, record_id=record.record_id))
        if found is None or found == end:
            return self._search(record.offset + 1, end)
        if not is_proven:
            self._doubt()
        return self._skip_blank(found)

    def _is_as_usual(self, record: Record, is_good: bool | None, end: int) -> bool:
        """Whether a record has no digest, as others of its type, and ends by all lengths where one may begin."""
        framed = find_framed_size(record.start, record.size) if record.is_http else None
        further = end - record.size + framed if framed is not None else end
        is_contested = further > end and not record.truncated and self._is_boundary(further)
        is_expected = is_good is None and record.type not in self._digested_types
        return is_expected and self._is_boundary(end) and not is_contested

    def _is_cut_short(self, record: Record, is_good: bool | None) -> bool:
        """Whether the header of a record ended too early, so that its digest is in what seems to be its block."""
        return is_good is None and record.type in self._digested_types and _FIELD.match(record.start) is not None

    def _find_behind(self, offset: int, read: int) -> int | None:
        """Where to continue after bytes at `offset` that are not a record.

        Args:
            read: as far as they were read to see that.
        """
        self._stream.seek(offset)
        near = _RECORD_START.search(b"\n" + self._stream.read(2 * _LONGEST_START))
        if self._is_sure and near is not None and 1 < near.start() <= len(_TRAILER) + 1:
            return offset + near.start() - 1
        end, is_proven = self._find_end(offset) if self._is_sure else (None, False)
        if not is_proven:
            self._doubt()
        return self._search(offset + 1, read) if end is None else self._skip_blank(end)

    def _find_end(self, offset: int) -> tuple[int | None, bool]:
        """Where the record at `offset` ends, whose header may be damaged, and whether its digest proves it.

        Spec: WARC/1.1 §4 (record = header CRLF block CRLF CRLF).
        """
        self._stream.seek(offset)
        data = self._stream.read(_LONGEST_HEADER)
        blank = _BLANK_LINE.search(data)
        nearly = _NEARLY_BLANK.search(data, 0, blank.start() if blank else len(data))
        header = data[: nearly.start() if nearly else blank.end() if blank else len(data)]
        # A payload cannot know the id, so the damaged record itself may state it.
        self._is_naming = self._is_naming or (bool(self._warcinfo) and self._warcinfo.encode() in header)
        if _RECORD_START.search(header, 1) or _is_written_over(header.decode("latin-1")) or _is_of_two(header):
            return None, False
        # Where the blank line is damaged, the header seems to end with the head of the message.
        status = _STATUS_LINE.search(data, 0, blank.end() + _LONGEST_START if blank else len(data))
        found = (nearly and nearly.end(), blank and blank.end(), status and status.start())
        starts = {start for start in found if start is not None}
        length = _CONTENT_LENGTH.search(data, 0, min(starts, default=0))
        digest = None if self._is_without_digests else _DIGEST.search(header, 0, min(starts, default=0))
        claims = []
        for start in sorted(starts):
            if digest and (end := self._find_proven_end(offset + start, digest[1].decode("latin-1"))) is not None:
                return end, True
            is_message = status is not None and status.start() == start and not _has_odd_head(data[start:])
            sizes = (int(length[1]) if length else None, find_framed_size(data[start:], None) if is_message else None)
            claims += [offset + start + size for size in sizes if size is not None]
        return max((claim for claim in claims if self._is_boundary(claim)), default=None), False

    def _find_proven_end(self, start: int, label: str) -> int | None:
        """Where the block that begins at `start` has the digest that its header states."""
        check = DigestCheck(label)
        if not check.is_known:
            return None
        self._stream.seek(start)
        pending = b""
        at = start
        while True:
            chunk = self._stream.read(_READ_SIZE)
            window = pending + chunk
            done = 0
            for match in _BOUNDARY.finditer(window):
                check.update(window[done : match.start()])
                done = match.start()
                if check.matches():
                    return at + done
            if not chunk:
                return self._find_last_end(check, window[done:], at + done)
            kept = max(done, len(window) - _LONGEST_BOUNDARY)
            check.update(window[done:kept])
            pending = window[kept:]
            at += kept

    def _find_last_end(self, check: DigestCheck, rest: bytes, at: int) -> int | None:
        """The same where the block is the last of the file."""
        body = rest.rstrip(b"\r\n")
        check.update(body)
        for size in range(len(body), len(rest) + 1):
            if check.matches():
                return at + size
            check.update(rest[size : size + 1])
        return None

    def _is_boundary(self, at: int) -> bool:
        """Whether a block may end at a place: behind it is a record, or the end of the file."""
        if at > self._size:
            return False
        self._stream.seek(at)
        data = self._stream.read(_LOOKAHEAD)
        is_last = at + len(data) == self._size and not data.strip(b"\r\n")
        is_nearly = len(data) >= len(_USUAL) and sum(map(ne, data, _USUAL)) <= 1
        return is_last or is_nearly or _NEXT_RECORD.match(data) is not None

    def _skip_blank(self, at: int) -> int | None:
        self._stream.seek(at)
        data = self._stream.read(_LOOKAHEAD)
        at += len(data) - len(data.lstrip(b"\r\n"))
        return at if at < self._size else None

    def _search(self, offset: int, read: int) -> int | None:
        """Where the next record seems to begin, at or after `offset`, which has to prove itself."""
        self._is_sure = False
        self._budget -= max(read - offset, _LONGEST_HEADER)
        return self._find_start(offset if self._budget > 0 else max(read, offset))

    def _find_start(self, offset: int) -> int | None:
        self._stream.seek(offset)
        window = b""
        while chunk := self._stream.read(_READ_SIZE):
            window += chunk
            match = _RECORD_START.search(window)
            if match is not None:
                return offset + match.start()
            offset += max(0, len(window) - _LONGEST_START)
            window = window[-_LONGEST_START:]
        return None


def _find_swallowed(record: Record) -> int | None:
    """Where a record that holds nothing of a publisher ends, if its length covers others behind it."""
    if record.type not in _OWN_TYPES or record.is_large:
        return None
    inner = _BOUNDARY.search(record.start)
    block_at = record.offset + record.length - record.size
    return None if inner is None else block_at + inner.start()


def _is_of_two(header: bytes) -> bool:
    """Whether two headers became one, so that a field is there twice."""
    names = [line.partition(b":")[0].strip().lower().decode("latin-1") for line in header.splitlines()]
    return any(names.count(name) > 1 for name in _ONCE)


def _is_written_over(header: str) -> bool:
    """Whether a header holds so many characters that none has that no single damaged byte explains them."""
    return len(_ODD_IN_HEADER.findall(header)) > _MOST_ODD


def has_odd_header(record: Record) -> bool:
    """Whether the header of a record was written over, or two became one: bytes that are not a field, fields twice."""
    names = [name.lower() for name, _ in record.headers]
    if any(names.count(name) > 1 for name in _ONCE):
        return True
    text = "".join(chain.from_iterable(record.headers))
    unread = record.length - record.size - len(text) - _AROUND_FIELD * len(names)
    return bool(record.version) and (unread > _MOST_UNREAD or _is_written_over(text))


def _has_odd_head(message: bytes) -> bool:
    head = message[: find_head_size(message)]
    return _RECORD_FIELD.search(head) is not None or _is_written_over(head.decode("latin-1"))


def _build_overwritten(record: Record) -> RecordError:
    what = f"record at offset {record.offset} has a header that was written over; restore the file from a copy"
    return RecordError(what, offset=record.offset, record_id=None)


def _check_digest(record: Record) -> bool | None:
    """Whether a block has the digest that its record states; None if it states none that can be checked."""
    label = record.get("WARC-Block-Digest")
    if not label:
        return None
    check = DigestCheck(label)
    if not check.is_known:
        return None
    for part in record.iter_block():
        check.update(part)
    return check.matches()


def build_inside(offset: int, url: str) -> RecordError:
    """The error for a record that may be part of a damaged one."""
    return RecordError(
        f"record{f' of {url}' if url else ''} at offset {offset} stands behind damage and may be a part of the damaged "
        "record, so it is not listed; restore the file from a copy",
        offset=offset,
        damage=Damage.INSIDE_DAMAGE,
    )
