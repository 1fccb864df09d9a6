"""Zstandard frames as members of a `.warc.zst` file, with the dictionary that the file may begin with.

A file that was put together from several holds further dictionaries, each for the frames behind it.

Spec: Use of Zstandard in WARC files 1.0 (iipc.github.io/warc-specifications); RFC 8878.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from archives.errors import RecordError
from archives.warc.decoding import InflateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archives.warc.decoding import Inflater

MAGIC: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"
_DICTIONARY: Final = b"\x5d" + _SKIPPABLE
_HEAD_BYTES: Final = 8
_CHECKSUM_FLAG: Final = 0x04
_CHECKSUM_BYTES: Final = 4
# The layout of a frame's header by the bits of its fifth byte, and of a block. Spec: RFC 8878 §3.1.1.
_LONGEST_HEAD: Final = 18
_SINGLE_SEGMENT_FLAG: Final = 0x20
_DICTIONARY_ID_BYTES: Final = (0, 1, 2, 4)
_CONTENT_SIZE_BYTES: Final = (0, 2, 4, 8)
_BLOCK_HEAD_BYTES: Final = 3
_REPEATED_BYTE: Final = 1
_MISMATCH: Final = "it needs a dictionary that is not in the file before it"
_MOST_DICTIONARY: Final = 16 * 1024 * 1024


def is_zstd(start: bytes) -> bool:
    """Whether a file or a member begins with a frame, or with one that is to be skipped."""
    return start.startswith(MAGIC) or is_skippable(start)


def is_skippable(start: bytes) -> bool:
    """Whether a frame holds no data of the file. Spec: RFC 8878 §3.1.2."""
    return len(start) >= len(MAGIC) and 0x50 <= start[0] <= 0x5F and start[1:4] == _SKIPPABLE


def has_checksum(start: bytes) -> bool:
    """Whether a frame ends with a checksum of its content, which writers may leave out. Spec: RFC 8878 §3.1.1.1.1."""
    return len(start) > len(MAGIC) and bool(start[len(MAGIC)] & _CHECKSUM_FLAG)


def find_skippable_size(start: bytes) -> int:
    """How many bytes a frame that is to be skipped takes."""
    return _HEAD_BYTES + int.from_bytes(start[4:_HEAD_BYTES], "little")


def is_dictionary(start: bytes) -> bool:
    """Whether a frame holds the dictionary of those behind it."""
    return start.startswith(_DICTIONARY)


def iter_dictionaries(stream: BinaryIO) -> Iterator[int]:
    """The offset of each dictionary in a file, up to the first bytes that are no frame; nothing is inflated."""
    at = 0
    while (size := _find_frame_size(stream, at)) is not None:
        stream.seek(at)
        if is_dictionary(stream.read(len(MAGIC))):
            yield at
        at += size


def _find_frame_size(stream: BinaryIO, offset: int) -> int | None:
    """How many bytes the frame at `offset` takes by the sizes of its blocks; None where no frame begins."""
    stream.seek(offset)
    head = stream.read(_LONGEST_HEAD)
    if is_skippable(head):
        return find_skippable_size(head)
    if len(head) <= len(MAGIC) or not head.startswith(MAGIC):
        return None
    flags = head[len(MAGIC)]
    is_single = bool(flags & _SINGLE_SEGMENT_FLAG)
    # A single segment states its size in at least one byte; other frames state the size of their window in one.
    size_bytes = _CONTENT_SIZE_BYTES[flags >> 6]
    at = offset + len(MAGIC) + 1 + (not is_single or not size_bytes) + _DICTIONARY_ID_BYTES[flags & 3] + size_bytes
    block = 0
    while not block & 1:
        stream.seek(at)
        data = stream.read(_BLOCK_HEAD_BYTES)
        if len(data) < _BLOCK_HEAD_BYTES:
            return None
        block = int.from_bytes(data, "little")
        at += _BLOCK_HEAD_BYTES + (1 if block >> 1 & 3 == _REPEATED_BYTE else block >> 3)
    return at + _CHECKSUM_BYTES * has_checksum(head) - offset


def load_dictionary(stream: BinaryIO, offset: int = 0) -> Any | None:
    """The dictionary at `offset` of a file, or None; the stream is somewhere else afterwards.

    Raises:
        RecordError: it is none, or the package that reads it is missing.
    """
    stream.seek(offset)
    start = stream.read(_HEAD_BYTES)
    if not start.startswith(_DICTIONARY):
        return None
    size = find_skippable_size(start) - _HEAD_BYTES
    data = stream.read(size) if size <= _MOST_DICTIONARY else b""
    zstd = _load()
    try:
        if data.startswith(MAGIC):
            data = zstd.ZstdDecompressor().decompress(data, _MOST_DICTIONARY)
        return zstd.ZstdDict(data, is_raw=not data.startswith(b"\x37\xa4\x30\xec"))
    except (zstd.ZstdError, ValueError) as error:
        what = f"the dictionary at offset {offset} cannot be read ({error})"
        raise RecordError(f"{what}; restore the file from a copy", offset=offset) from error


def build_zstd_inflater(dictionary: Any | None) -> Inflater:
    """Begin a frame.

    Raises:
        RecordError: the package that reads it is missing.
    """
    return _ZstdInflater(dictionary)


class _ZstdInflater:
    def __init__(self, dictionary: Any | None) -> None:
        zstd = _load()
        self._error: type[Exception] = zstd.ZstdError
        self._stream = zstd.ZstdDecompressor(dictionary)

    @property
    def eof(self) -> bool:
        """Whether the frame has come to its end."""
        return bool(self._stream.eof)

    @property
    def unused_data(self) -> bytes:
        """What was given behind the end of the frame."""
        return bytes(self._stream.unused_data)

    @property
    def unconsumed_tail(self) -> bytes:
        """Nothing: the stream keeps what it has not read yet."""
        return b""

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes:
        """Inflate some more, to at most `max_length` bytes unless that is 0."""
        try:
            return bytes(self._stream.decompress(data, max_length or -1))
        except self._error as error:
            raise InflateError(_MISMATCH if "Dictionary mismatch" in str(error) else str(error)) from error


def _load() -> Any:
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise RecordError('files in Zstandard need a package that is missing; install "backports.zstd"')
