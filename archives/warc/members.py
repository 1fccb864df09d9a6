"""Gzip members, the unit in which a WARC file can be read from its middle: one record each."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import SEEK_END
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from archives.errors import Damage, RecordError
from archives.warc.decoding import GZIP, InflateError, build_inflater, inflate_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAGIC: Final = b"\x1f\x8b\x08"
# No flags, no date, any system. Spec: RFC 1952 §2.3.
_MEMBER_HEAD: Final = MAGIC + bytes([0, 0, 0, 0, 0, 0, 255])
# The most that a stored block can hold. Spec: RFC 1951 §3.2.4.
_STORED_SIZE: Final = 0xFFFF
# A large record is compressed in pieces of this size.
_PACKED_SIZE: Final = 1024 * 1024
# A record is held in memory, and a small member may inflate to any size.
MAX_RECORD_BYTES: Final = 512 * 1024 * 1024
# Larger reads are slower: what lies behind a member is copied once for every member read.
_READ_SIZE: Final = 64 * 1024
# How many times the bytes of a file may be read again for members inside of damaged ones, before what a damaged one
# covers is passed over: a file of nothing but beginnings would be read for each of them to its end.
_PATIENCE: Final = 16
FIRST_READ_SIZE: Final = 32 * 1024
_LONGEST_READ: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One whole gzip member.

    Attributes:
        offset: bytes from the start of the file.
        length: compressed.
        data: inflated, its CRC checked.
    """

    offset: int
    length: int
    data: bytes


def load_compressor() -> Callable[[bytes], bytes]:
    """What turns a record into a member; the gzip header it writes has no date.

    isal's level 3 where it is installed, a fifth of zlib's time for a tenth more space; else zlib's level 6.
    """
    try:
        from isal import isal_zlib  # noqa: PLC0415 - optional
    except ImportError:
        return lambda data: zlib.compress(data, 6, GZIP)
    compress = isal_zlib.compress
    return lambda data: bytes(compress(data, 3, GZIP))


def compress_parts(*parts: bytes) -> bytearray:
    """The member of a record given in parts, as `load_compressor` would make it, without putting them together first.

    For large records: a small one is made in one go in less time.
    """
    packer = _load_packer()
    member = bytearray()
    for part in parts:
        view = memoryview(part)
        for at in range(0, len(view), _PACKED_SIZE):
            member += packer.compress(view[at : at + _PACKED_SIZE])
    member += packer.flush()
    return member


def _load_packer() -> Any:
    try:
        from isal import isal_zlib  # noqa: PLC0415 - optional
    except ImportError:
        return zlib.compressobj(6, zlib.DEFLATED, GZIP)
    return isal_zlib.compressobj(3, zlib.DEFLATED, GZIP)


def store_member(head: bytes, dense: bytes | memoryview, end: bytes) -> bytearray:
    """The member of a record whose middle is compressed already: that is stored as it is.

    Deflating it again would take ten times as long and save nothing, and so would inflating it.

    Spec: RFC 1951 §3.2.4; RFC 1952 §2.3.
    """
    packer = zlib.compressobj(6, zlib.DEFLATED, -12, 6)
    member = bytearray(_MEMBER_HEAD + packer.compress(head) + packer.flush(zlib.Z_SYNC_FLUSH))
    view = memoryview(dense)
    for at in range(0, len(view), _STORED_SIZE):
        _store_block(member, view[at : at + _STORED_SIZE])
    _store_block(member, end, is_last=True)
    checksum = zlib.crc32(end, zlib.crc32(view, zlib.crc32(head)))
    member += struct.pack("<II", checksum, (len(head) + len(view) + len(end)) & 0xFFFFFFFF)
    return member


def _store_block(member: bytearray, data: bytes | memoryview, *, is_last: bool = False) -> None:
    member += struct.pack("<BHH", is_last, len(data), len(data) ^ 0xFFFF)
    member += data


def iter_members(stream: BinaryIO, offset: int = 0) -> Iterator[Member]:
    """Every member from `offset` on.

    Raises:
        RecordError: bytes that are no gzip, a wrong CRC, or an end before the member's own; its offset is
            where the member began, and everything before it was whole.
    """
    stream.seek(offset)
    pending = b""
    while pending := pending or stream.read(_READ_SIZE):
        member, pending = _read_member(stream, pending, offset)
        yield member
        offset += member.length


def read_member(stream: BinaryIO, offset: int, *, length: int = FIRST_READ_SIZE) -> Member:
    """The one member at `offset`.

    Args:
        length: how long it probably is; so much is read at first, unless it is out of all reason.

    Raises:
        RecordError: there is no whole member.
    """
    stream.seek(offset)
    return _read_member(stream, stream.read(min(length, _LONGEST_READ)), offset)[0]


def _read_member(stream: BinaryIO, pending: bytes, offset: int) -> tuple[Member, bytes]:
    """The member at the start of `pending` and what the stream gives next, and the bytes read beyond it."""
    if not MAGIC.startswith(pending[: len(MAGIC)]):
        raise _build_error(offset, "is damaged (it is no gzip); restore the file from a copy", Damage.DAMAGED_MEMBER)
    inflater = build_inflater()
    parts: list[bytes] = []
    taken = size = 0
    try:
        while not inflater.eof:
            if not pending:
                raise _build_error(
                    offset, "ends early, with the file; cut it there or restore it", Damage.TRUNCATED_MEMBER
                )
            parts.append(inflate_part(inflater, pending, MAX_RECORD_BYTES + 1 - size))
            size += len(parts[-1])
            if size > MAX_RECORD_BYTES:
                what = f"inflates to more than {MAX_RECORD_BYTES} bytes; it is not read, since it would fill the memory"
                raise _build_error(offset, what, Damage.OVERSIZE_MEMBER)
            taken += len(pending)
            pending = b"" if inflater.eof else stream.read(_READ_SIZE)
    except InflateError as error:
        what = f"is damaged ({error}); restore the file from a copy"
        raise _build_error(offset, what, Damage.DAMAGED_MEMBER) from error
    rest = inflater.unused_data
    return Member(offset=offset, length=taken - len(rest), data=b"".join(parts)), rest


def _build_error(offset: int, what: str, damage: Damage) -> RecordError:
    return RecordError(f"gzip member at offset {offset} {what}", offset=offset, damage=damage)


def scan_members(stream: BinaryIO, on_damage: Callable[[RecordError], None]) -> Iterator[Member]:
    """Every whole member, also those that follow damage.

    Args:
        on_damage: told of each place where whole members stop, once.
    """
    patience = _PATIENCE * max(stream.seek(0, SEEK_END), _READ_SIZE)
    offset: int | None = 0
    while offset is not None:
        end = offset
        try:
            for member in iter_members(stream, offset):
                yield member
                end = member.offset + member.length
        except RecordError as error:
            on_damage(error)
            offset, patience = _find_whole_member(stream, end + 1, patience)
        else:
            offset = None


def _find_whole_member(stream: BinaryIO, offset: int, patience: int) -> tuple[int | None, int]:
    """Where the next member that inflates to its end stands, at or after `offset`, and what is left of the patience."""
    while (at := _find_magic(stream, offset)) is not None:
        try:
            read_member(stream, at)
        except RecordError:
            read = stream.tell()
            patience -= max(_READ_SIZE, read - offset)
            offset = at + 1 if patience > 0 else max(read, at + 1)
        else:
            return at, patience
    return None, patience


def _find_magic(stream: BinaryIO, offset: int) -> int | None:
    stream.seek(offset)
    window = b""
    while chunk := stream.read(_READ_SIZE):
        window += chunk
        at = window.find(MAGIC)
        if at >= 0:
            return offset + at
        offset += len(window) - len(MAGIC) + 1
        window = window[1 - len(MAGIC) :]
    return None
