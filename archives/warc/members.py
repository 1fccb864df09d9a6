"""Gzip members, the unit in which a WARC file can be read from its middle: one record each."""

from __future__ import annotations

import re
import struct
import zlib
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from functools import partial
from io import BufferedReader, BytesIO
from itertools import chain
from operator import ne
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from archives.errors import Damage, RecordError
from archives.storage.streams import SeekableStream
from archives.warc.decoding import GZIP, InflateError, Inflater, build_inflater, inflate_part
from archives.warc.zstd_frames import MAGIC as ZSTD_MAGIC
from archives.warc.zstd_frames import (
    build_zstd_inflater,
    find_skippable_size,
    has_checksum,
    is_dictionary,
    is_skippable,
    is_zstd,
    iter_dictionaries,
    load_dictionary,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAGIC: Final = b"\x1f\x8b\x08"
# No flags, no date, any system. Spec: RFC 1952 §2.3.
_MEMBER_HEAD: Final = MAGIC + bytes([0, 0, 0, 0, 0, 0, 255])
# The most that a stored block can hold. Spec: RFC 1951 §3.2.4.
_STORED_SIZE: Final = 0xFFFF
# A large record is compressed in pieces of this size.
_PACKED_SIZE: Final = 1024 * 1024
# A small member may inflate to any size; what is larger is not read.
MAX_RECORD_BYTES: Final = 512 * 1024 * 1024
# What is larger is not held in memory by who only passes over it, but read again in parts.
HELD_BYTES: Final = 16 * 1024 * 1024
_START_BYTES: Final = 1024 * 1024
_PART_BYTES: Final = 1024 * 1024
_TELLING_BYTES: Final = 16
# A WARC record, or an ARC record's address.
_PLAIN_START: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:.?ARC/|W.RC/|WA.C/|WAR./|[a-z][a-z0-9+-]{1,9}:)", re.DOTALL)
# Larger reads are slower: what lies behind a member is copied once for every member read.
_READ_SIZE: Final = 64 * 1024
FIRST_READ_SIZE: Final = 32 * 1024
_LONGEST_READ: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Codec:
    """The format of members: gzip, or Zstandard with a dictionary.

    Attributes:
        magic: what each member begins with.
        begin: begins one.
        has_checksum: whether a member that begins like this ends with a checksum of what it inflates to.
    """

    magic: bytes
    name: str
    begin: Callable[[], Inflater]
    has_checksum: Callable[[bytes], bool]


_GZIP_CODEC: Final = Codec(MAGIC, "gzip", build_inflater, lambda _: True)


class Codecs:
    """The formats of a file's members, which differ where the file holds several dictionaries.

    Attributes:
        first: that of the members at the start.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        stream.seek(0)
        self.is_zstd = is_zstd(stream.read(len(ZSTD_MAGIC)))
        self._by_offset: dict[int, Codec] = {}
        self._dictionaries: list[int] | None = None
        self.first = self.load(0) if self.is_zstd else _GZIP_CODEC

    def load(self, offset: int) -> Codec:
        """The format of the members behind the dictionary at `offset`, or of those at the start of a file."""
        if offset not in self._by_offset:
            begin = partial(build_zstd_inflater, load_dictionary(self._stream, offset))
            self._by_offset[offset] = Codec(ZSTD_MAGIC, "zstd", begin, has_checksum)
        return self._by_offset[offset]

    def find(self, offset: int) -> Codec:
        """The format of the member at `offset`; all frames before it are walked through once."""
        if not self.is_zstd or not offset:
            return self.first
        if self._dictionaries is None:
            self._dictionaries = list(iter_dictionaries(self._stream))
        before = bisect_left(self._dictionaries, offset)
        return self.load(self._dictionaries[before - 1]) if before else self.first


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One whole gzip member or Zstandard frame, its checksum verified if it has one.

    Attributes:
        offset: bytes from the start of the file.
        length: compressed.
        data: inflated; of one that is larger than is held in memory, its first MiB.
        source: where the rest of a large one is read again; None if `data` is all.
        large_size: how many bytes a large one inflates to.
        codec: what it is inflated by.
        is_checked: it has a checksum; what inflates without one may differ from what was written.
    """

    offset: int
    length: int
    data: bytes
    source: BinaryIO | None = None
    large_size: int = 0
    codec: Codec = field(default=_GZIP_CODEC, repr=False, compare=False)
    is_checked: bool = True

    @property
    def size(self) -> int:
        """How many bytes it inflates to."""
        return self.large_size if self.source is not None else len(self.data)

    def iter_data(self) -> Iterator[bytes]:
        """All that it inflates to, in parts; where its file stands then does not matter to a reader of it."""
        if self.source is None:
            yield self.data
            return
        inflater = self.codec.begin()
        at = self.offset
        while not inflater.eof:
            self.source.seek(at)
            chunk = self.source.read(_READ_SIZE)
            if not chunk:
                what = "has changed while it was read; read it again"
                raise _build_error(self.codec, self.offset, what, Damage.DAMAGED_MEMBER)
            at += len(chunk)
            yield from _inflate_parts(inflater, chunk)


def open_member(member: Member) -> BinaryIO:
    """Return what a member inflates to, as a stream that can be sought; a large one is inflated as it is read."""
    if member.source is None:
        return BytesIO(member.data)
    return cast("BinaryIO", BufferedReader(_MemberStream(member), _PART_BYTES))


class _MemberStream(SeekableStream):
    """A member inflated from its beginning, which begins again for a place that has been passed."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        self._member = member
        self._parts = member.iter_data()
        self._rest = memoryview(b"")

    def _find_size(self) -> int:
        return self._member.size

    def _go(self, position: int) -> None:
        if position < self._position:
            self._parts, self._rest, self._position = self._member.iter_data(), memoryview(b""), 0
        while self._position < position and self._fill():
            step = min(len(self._rest), position - self._position)
            self._rest = self._rest[step:]
            self._position += step

    def readinto(self, buffer: object) -> int:
        """Read what is there; 0 at the end."""
        view = memoryview(cast("bytearray", buffer)).cast("B")
        if not self._fill():
            return 0
        size = min(len(view), len(self._rest))
        view[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        self._position += size
        return size

    def _fill(self) -> bool:
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return False
            self._rest = memoryview(part)
        return True


def has_members(stream: BinaryIO, name: str = "") -> bool:
    """Whether a stream holds members, also where the first of them is damaged; it is read from its start.

    Args:
        name: of the file, which tells where its first bytes do not.
    """
    stream.seek(0)
    start = stream.read(_TELLING_BYTES)
    if is_zstd(start) or (len(start) >= len(MAGIC) and sum(map(ne, start, MAGIC)) <= 1):
        return True
    return name.endswith(".gz") and bool(start) and not _PLAIN_START.match(start)


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
    return bytearray().join(iter_compressed(parts))


def iter_compressed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same, in pieces, so that neither the record nor its member has to be in memory."""
    packer = _load_packer()
    for part in parts:
        view = memoryview(part)
        for at in range(0, len(view), _PACKED_SIZE):
            yield packer.compress(view[at : at + _PACKED_SIZE])
    yield packer.flush()


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


def iter_members(stream: BinaryIO, offset: int = 0, codecs: Codecs | None = None) -> Iterator[Member]:
    """Every member from `offset` on.

    Args:
        codecs: of the file, where they are known.

    Raises:
        RecordError: bytes that are not gzip, a wrong CRC, or an end before the member's own; its offset is
            where the member began, and everything before it was whole.
    """
    codecs = codecs or Codecs(stream)
    codec = codecs.find(offset)
    pending = b""
    while True:
        if len(pending) < _TELLING_BYTES:
            stream.seek(offset + len(pending))
            pending += stream.read(_READ_SIZE)
            if not pending:
                return
        if codecs.is_zstd and is_skippable(pending):
            codec = codecs.load(offset) if is_dictionary(pending) else codec
            offset += find_skippable_size(pending)
            pending = b""
            continue
        member, pending = _read_member(stream, pending, offset, codec)
        offset += member.length
        yield member


def read_member(
    stream: BinaryIO, offset: int, *, length: int = FIRST_READ_SIZE, codecs: Codecs | None = None
) -> Member:
    """The one member at `offset`.

    Args:
        length: how long it probably is; so much is read at first, unless it is out of all reason.
        codecs: of the file, where they are known.

    Raises:
        RecordError: there is no whole member.
    """
    stream.seek(offset)
    pending = stream.read(max(_TELLING_BYTES, min(length, _LONGEST_READ)))
    if not is_zstd(pending):
        return _read_member(stream, pending, offset, _GZIP_CODEC)[0]
    codecs = codecs or Codecs(stream)
    try:
        return _read_member(stream, pending, offset, codecs.first)[0]
    except RecordError:
        read = stream.tell()
        codec = codecs.find(offset)
        stream.seek(read)
        if codec is codecs.first:
            raise
        return _read_member(stream, pending, offset, codec)[0]


def _read_member(stream: BinaryIO, pending: bytes, offset: int, codec: Codec) -> tuple[Member, bytes]:
    """The member at the start of `pending` and behind it in the stream, and the bytes read beyond it.

    Args:
        pending: long enough to tell what it is, unless the file ends.
    """
    if not codec.magic.startswith(pending[: len(codec.magic)]):
        what = f"is damaged (it is not {codec.name}); restore the file from a copy"
        raise _build_error(codec, offset, what, Damage.DAMAGED_MEMBER)
    is_checked = codec.has_checksum(pending)
    inflater = codec.begin()
    parts: list[bytes] = []
    taken = size = 0
    most = min(HELD_BYTES, MAX_RECORD_BYTES)
    try:
        while not inflater.eof:
            if not pending:
                raise _build_error(
                    codec, offset, "ends early, with the file; cut it there or restore it", Damage.TRUNCATED_MEMBER
                )
            part = inflate_part(inflater, pending, most + 1 - size)
            parts.append(part)
            size += len(part)
            taken += len(pending)
            if size > most:
                start = b"".join(parts)[:_START_BYTES]
                member, rest = _pass_large(stream, inflater, start, size, (offset, taken), codec)
                return replace(member, is_checked=is_checked), rest
            if not inflater.eof:
                # Others may have moved the stream since the last read.
                stream.seek(offset + taken)
                pending = stream.read(_READ_SIZE)
    except InflateError as error:
        what = f"is damaged ({error}); restore the file from a copy"
        raise _build_error(codec, offset, what, Damage.DAMAGED_MEMBER) from error
    rest = inflater.unused_data
    data = b"".join(parts)
    return Member(offset=offset, length=taken - len(rest), data=data, codec=codec, is_checked=is_checked), rest


def _pass_large(
    stream: BinaryIO, inflater: Inflater, start: bytes, size: int, place: tuple[int, int], codec: Codec
) -> tuple[Member, bytes]:
    """The member that has begun with `size` bytes; the rest is inflated and let go.

    Args:
        place: the member's offset, and how many bytes of it were read.
    """
    offset, taken = place
    pending = inflater.unconsumed_tail
    while True:
        for part in chain((b"",), _inflate_parts(inflater, pending)):
            size += len(part)
            if size > MAX_RECORD_BYTES:
                what = f"inflates to more than {MAX_RECORD_BYTES} bytes; it is not read, since it would fill the memory"
                raise _build_error(codec, offset, what, Damage.OVERSIZE_MEMBER)
        if inflater.eof:
            break
        # The first bytes may have been read before a member that somebody has read again since.
        stream.seek(offset + taken)
        pending = stream.read(_READ_SIZE)
        if not pending:
            raise _build_error(
                codec, offset, "ends early, with the file; cut it there or restore it", Damage.TRUNCATED_MEMBER
            )
        taken += len(pending)
    rest = inflater.unused_data
    member = Member(offset=offset, length=taken - len(rest), data=start, source=stream, large_size=size, codec=codec)
    return member, rest


def _inflate_parts(inflater: Inflater, data: bytes) -> Iterator[bytes]:
    """What `data` inflates to, in parts of a bounded size."""
    while not inflater.eof:
        part = inflate_part(inflater, data, _PART_BYTES)
        data = inflater.unconsumed_tail
        if not part and not data:
            return
        yield part


def _build_error(codec: Codec, offset: int, what: str, damage: Damage) -> RecordError:
    return RecordError(f"{codec.name} member at offset {offset} {what}", offset=offset, damage=damage)
