"""Iterates over a WARC file record by record, including the unreadable bytes between records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from archives.errors import RecordError
from archives.storage.remote_files import find_size, open_warc
from archives.warc.extents import scan_stream_records
from archives.warc.members import has_members, open_member
from archives.warc.parser import load_plain
from archives.warc.scanning import MemberScan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archives.warc.members import Member
    from archives.warc.parser import Record

_TRAILER: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordUnit:
    """A record that can be read.

    Attributes:
        offset: bytes from the start of the file to the record or to the member that holds it.
        length: of that record or member.
        header: the record's own header as it stands, blank line included.
        is_alone: nothing else is in that place.
    """

    record: Record
    offset: int
    length: int
    header: bytes
    is_alone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LostUnit:
    """Bytes that no record can be read from.

    Attributes:
        reasons: what the reader said of them.
        is_tail: they are the end of the file.
    """

    offset: int
    length: int
    reasons: tuple[str, ...]
    is_tail: bool


def iter_units(path: Path) -> Iterator[RecordUnit | LostUnit]:
    """Yield everything that a WARC file holds, in order.

    Raises:
        OSError: the file cannot be read.
    """
    with open_warc(path) as stream:
        yield from _Walk(stream, find_size(path), path.name).run()


class _Walk:
    def __init__(self, stream: BinaryIO, size: int, name: str) -> None:
        self._stream = stream
        self._size = size
        self._name = name
        self._reasons: list[str] = []
        self._end = 0

    def run(self) -> Iterator[RecordUnit | LostUnit]:
        """Yield the units."""
        for unit in self._iter_members() if has_members(self._stream, self._name) else self._iter_plain():
            if self._reasons:
                yield self._take_lost(unit.offset)
            yield unit
            self._end = unit.offset + unit.length
        if self._reasons:
            yield self._take_lost(self._size)

    def _take_lost(self, until: int) -> LostUnit:
        reasons, self._reasons = tuple(self._reasons), []
        return LostUnit(offset=self._end, length=until - self._end, reasons=reasons, is_tail=until == self._size)

    def _note(self, error: RecordError) -> None:
        self._reasons.append(str(error))

    def _iter_plain(self) -> Iterator[RecordUnit]:
        for record in scan_stream_records(self._stream, self._note):
            size = record.length - record.size
            self._stream.seek(record.offset)
            header = self._stream.read(size)
            yield RecordUnit(record=record, offset=record.offset, length=record.length, header=header)

    def _iter_members(self) -> Iterator[RecordUnit]:
        scan = MemberScan(self._stream, self._note)
        for member, _ in scan.iter_groups():
            try:
                yield from list(_iter_inside(scan, member))
            except RecordError as error:
                self._note(error)


def _iter_inside(scan: MemberScan, member: Member) -> Iterator[RecordUnit]:
    """Yield the records of a member.

    Raises:
        RecordError: something in it is none.
    """
    record = load_plain(member)
    if record is not None:
        header = member.data[: member.data.find(b"\r\n\r\n") + 4]
        yield RecordUnit(record=record, offset=member.offset, length=member.length, header=header)
        return
    found = list(scan.read_inside(member))
    for record in found:
        head = open_member(member)
        head.seek(record.offset)
        header = head.read(record.length - record.size)
        is_alone = len(found) == 1 and (member.is_checked or record.length + len(_TRAILER) >= member.size)
        yield RecordUnit(record=record, offset=member.offset, length=member.length, header=header, is_alone=is_alone)
