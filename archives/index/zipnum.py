"""ZipNum: a sorted index in gzip blocks, with a second, small index of the blocks.

A reader needs two blocks of a few thousand lines to find anything among millions, over HTTP as well as on disk.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LINES_IN_BLOCK: Final = 3000
# No address and no title is as long; what is, wants to fill the memory.
MAX_LINE_BYTES: Final = 4 * 1024 * 1024
_PART_BYTES: Final = 1024 * 1024
_META: Final = '!meta 0 {"format": "cdxj-gzip-1.0", "filename": "%s"}\n'


def iter_blocks(lines: Iterable[bytes], filename: str, entries: list[bytes]) -> Iterator[bytes]:
    """Sorted lines as blocks.

    Args:
        filename: of the blocks, as the second index names it.
        entries: takes the lines of the second index; complete when the last block has been taken.
    """
    rest = iter(lines)
    entries.append((_META % filename).encode())
    offset = 0
    while block := list(islice(rest, LINES_IN_BLOCK)):
        data = gzip.compress(b"".join(line + b"\n" for line in block), mtime=0)
        key, timestamp, _ = block[0].split(b" ", 2)
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        place = json.dumps({"offset": offset, "length": len(data), "digest": digest})
        entries.append(b"%b %b %b\n" % (key, timestamp, place.encode()))
        offset += len(data)
        yield data


def iter_block_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of all blocks, in order, without their ends.

    Raises:
        zlib.error: the bytes are not gzip.
    """
    rest = b""
    for part in _inflate(chunks):
        *lines, rest = (rest + part).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise zlib.error(f"a line of more than {MAX_LINE_BYTES} bytes")
        yield from lines
    if rest:
        yield rest


def _inflate(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Members that follow each other, never more than a little of them at once."""
    inflater = zlib.decompressobj(wbits=31)
    for chunk in chunks:
        pending = chunk
        while pending:
            yield inflater.decompress(pending, _PART_BYTES)
            pending = inflater.unconsumed_tail or inflater.unused_data
            if inflater.eof:
                inflater = zlib.decompressobj(wbits=31)
