"""Gzip members, the unit in which a WARC file can be read from its middle: one record each."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from archives.errors import Damage, RecordError
from archives.inflate import GZIP, InflateError, build_inflater, inflate_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAGIC: Final = b"\x1f\x8b\x08"
# No flags, no date, any system. Spec: RFC 1952 §2.3.
_MEMBER_HEAD: Final = MAGIC + bytes([0, 0, 0, 0, 0, 0, 255])
# The most that a stored block can hold. Spec: RFC 1951 §3.2.4.
_STORED_SIZE: Final = 0xFFFF
# A record is held in memory, and a small member may inflate to any size.
MAX_RECORD_BYTES: Final = 512 * 1024 * 1024
# Larger reads are slower: what lies behind a member is copied once for every member read.
_READ_SIZE: Final = 64 * 1024
FIRST_READ_SIZE: Final = 32 * 1024


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


def store_member(data: bytes, dense_at: int) -> bytes:
    """The member of a record whose bytes from `dense_at` on are compressed already: those are stored as they are.

    Deflating them again would take ten times as long and save nothing, and so would inflating them.

    Spec: RFC 1951 §3.2.4; RFC 1952 §2.3.
    """
    head = zlib.compressobj(6, zlib.DEFLATED, -12, 6)
    parts = [_MEMBER_HEAD, head.compress(data[:dense_at]), head.flush(zlib.Z_SYNC_FLUSH)]
    for at in range(dense_at, len(data), _STORED_SIZE):
        chunk = data[at : at + _STORED_SIZE]
        is_last = at + _STORED_SIZE >= len(data)
        parts += [struct.pack("<BHH", is_last, len(chunk), len(chunk) ^ 0xFFFF), chunk]
    parts.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(parts)


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
        length: how long it probably is; so much is read at first.

    Raises:
        RecordError: there is no whole member.
    """
    stream.seek(offset)
    return _read_member(stream, stream.read(length), offset)[0]


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
    offset: int | None = 0
    while offset is not None:
        end = offset
        try:
            for member in iter_members(stream, offset):
                yield member
                end = member.offset + member.length
        except RecordError as error:
            on_damage(error)
            offset = _find_whole_member(stream, end + 1)
        else:
            offset = None


def _find_whole_member(stream: BinaryIO, offset: int) -> int | None:
    """Where the next member that inflates to its end stands, at or after `offset`."""
    while (at := _find_magic(stream, offset)) is not None:
        try:
            read_member(stream, at)
        except RecordError:
            offset = at + 1
        else:
            return at
    return None


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
