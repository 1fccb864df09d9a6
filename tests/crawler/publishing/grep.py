"""Looks for words in every byte below a folder, also in what is packed: gzip, ZIP, Parquet, payloads of WARC files."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING

import pyarrow.parquet

from archives.warc.reader import build_capture, iter_stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ZIP = b"PK\x03\x04"
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"


def find_words(folder: Path, words: bytes) -> list[str]:
    """Return the names of the files that hold the words, sorted."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and holds(path.read_bytes(), words))


def holds(data: bytes, words: bytes) -> bool:
    """Return whether the words are in some bytes or in what is packed in them."""
    return any(words in part for part in _iter_parts(data))


def _iter_parts(data: bytes) -> Iterator[bytes]:
    yield data
    if data.startswith(_GZIP):
        plain = b"".join(_iter_inflated(data))
        yield plain
        data = plain
    if data.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for name in packed.namelist():
                yield from _iter_parts(packed.read(name))
    elif data.startswith(_PARQUET):
        yield str(pyarrow.parquet.read_table(io.BytesIO(data)).to_pydict()).encode()
    elif data.startswith(b"WARC/"):
        for record in iter_stream(io.BytesIO(data)):
            if record.type in ("response", "resource", "conversion"):
                yield build_capture(record, "").decode()


def _iter_inflated(data: bytes) -> Iterator[bytes]:
    """Yield the content of each gzip member; what is not a member fails."""
    while data:
        inflater = zlib.decompressobj(wbits=31)
        yield inflater.decompress(data)
        data = inflater.unused_data
