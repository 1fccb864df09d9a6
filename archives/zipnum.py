"""ZipNum: a sorted index in gzip blocks, and a second, small one that says where each block begins.

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
        zlib.error: the bytes are no gzip.
    """
    inflater = zlib.decompressobj(wbits=31)
    rest = b""
    for chunk in chunks:
        pending = chunk
        while pending:
            *lines, rest = (rest + inflater.decompress(pending)).split(b"\n")
            yield from lines
            pending = inflater.unused_data
            if inflater.eof:
                inflater = zlib.decompressobj(wbits=31)
    if rest:
        yield rest
