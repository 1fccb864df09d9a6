"""Reads, copies and hashes bytes in parts, so that no file has to fit into memory."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PART_BYTES: Final = 1024 * 1024


def iter_range(stream: BinaryIO, offset: int = 0, size: int | None = None) -> Iterator[bytes]:
    """Yield bytes of a file in parts, to its end if no size is given; fewer where the file ends before.

    The position of the stream may change between two parts.
    """
    end = sys.maxsize if size is None else offset + size
    while offset < end:
        stream.seek(offset)
        part = stream.read(min(end - offset, _PART_BYTES))
        if not part:
            return
        offset += len(part)
        yield part


def hash_parts(parts: Iterable[bytes]) -> str:
    """Return the SHA-256 of bytes that come in parts, hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def copy_parts(parts: Iterable[bytes], target: BinaryIO) -> str:
    """Write bytes that come in parts, and return their SHA-256, hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
        target.write(part)
    return digest.hexdigest()
