"""Zstandard frames as members of a `.warc.zst` file, with the dictionary that the file may begin with.

Spec: Use of Zstandard in WARC files 1.0 (iipc.github.io/warc-specifications); RFC 8878.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from archives.errors import RecordError
from archives.warc.decoding import InflateError

if TYPE_CHECKING:
    from archives.warc.decoding import Inflater

MAGIC: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"
_DICTIONARY: Final = b"\x5d" + _SKIPPABLE
_HEAD_BYTES: Final = 8
_CHECKSUM_FLAG: Final = 0x04
_MISMATCH: Final = "it needs a dictionary that the file does not begin with"
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


def load_dictionary(stream: BinaryIO) -> Any | None:
    """The dictionary that a file begins with, or None; the stream is somewhere else afterwards.

    Raises:
        RecordError: it is none, or the package that reads it is missing.
    """
    stream.seek(0)
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
        what = f"the dictionary at the start of the file cannot be read ({error})"
        raise RecordError(f"{what}; restore the file from a copy", offset=0) from error


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
