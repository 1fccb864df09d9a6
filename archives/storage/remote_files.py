"""WARC files in object storage, with or without a local copy.

A small file beside a WARC file's place, `NAME.stored`, says where its bytes are, how many, and their digest. It is
written when the storage has confirmed them. A file is opened for reading here: from the disk if it is there, else by
ranged requests, of which a bounded number of blocks is remembered.
"""

from __future__ import annotations

import io
import json
from collections import OrderedDict
from dataclasses import asdict, dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol, cast

from archives.errors import StoreError
from archives.storage.collection import STORED_SUFFIX
from archives.storage.files import hash_file, write_file
from archives.storage.schemes import open_bucket, parse_address
from archives.storage.streams import SeekableStream

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

# A record is mostly smaller than a block, so that reading one costs one request and few bytes beside it.
BLOCK_BYTES: Final = 64 * 1024
CACHE_BYTES: Final = 64 * 1024 * 1024
# A sequential read gets up to this many per request, because a request takes longer than its bytes.
AHEAD_BLOCKS: Final = 64
_BUFFER_BYTES: Final = 16 * 1024


class Ranges(Protocol):
    """What reading asks of a storage."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return bytes of an object; fewer only at its end.

        Raises:
            StoreError: it is not there or cannot be reached.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Where a file's bytes are.

    Attributes:
        url: `scheme://bucket/key`.
        sha256: in hexadecimal.
    """

    url: str
    bytes: int
    sha256: str


def find_stored(path: Path) -> Stored | None:
    """What is known of a WARC file in storage, or None if it was never put there."""
    try:
        return Stored(**json.loads(path.with_name(path.name + STORED_SUFFIX).read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StoreError(
            f"{path.name}{STORED_SUFFIX} cannot be read ({error}); store the file again", path=path
        ) from error


def write_stored(path: Path, stored: Stored) -> None:
    """Note that a WARC file is in storage, for good."""
    write_file(path.with_name(path.name + STORED_SUFFIX), json.dumps(asdict(stored)).encode())


def open_warc(path: Path) -> BinaryIO:
    """Open a WARC file, wherever it is.

    Raises:
        FileNotFoundError: it is nowhere.
        StoreError: the storage cannot be reached.
    """
    try:
        return path.open("rb")
    except FileNotFoundError:
        stored = find_stored(path)
        if stored is None:
            raise
    return cast("BinaryIO", io.BufferedReader(_RangedFile(stored), _BUFFER_BYTES))


def find_size(path: Path) -> int:
    """How many bytes a WARC file has, wherever it is."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        stored = find_stored(path)
        if stored is None:
            raise
        return stored.bytes


def find_digest(path: Path) -> str:
    """The SHA-256 of a WARC file, hexadecimal; of one in object storage alone, the digest that is noted of it."""
    try:
        return hash_file(path)
    except FileNotFoundError:
        stored = find_stored(path)
        if stored is None:
            raise
        return stored.sha256


class BlockCache:
    """The blocks of stored files that were read last; where one follows another, ever more are fetched at once.

    Args:
        max_bytes: as many are remembered at most.
    """

    def __init__(self, store: Ranges, *, max_bytes: int = CACHE_BYTES) -> None:
        self._store = store
        self._most = max(1, max_bytes // BLOCK_BYTES)
        self._most_ahead = max(1, min(AHEAD_BLOCKS, self._most // 4))
        self._blocks: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        # Of each file: the block behind those that were fetched last, and how many these were.
        self._runs: dict[str, tuple[int, int]] = {}
        self._lock = Lock()

    def read_block(self, key: str, number: int) -> bytes:
        """Return one block; the last of an object is shorter."""
        with self._lock:
            found = self._blocks.get((key, number))
            if found is not None:
                self._blocks.move_to_end((key, number))
                return found
            following, count = self._runs.get(key, (-1, 0))
            count = min(2 * count, self._most_ahead) if number == following else 1
            self._runs[key] = (number + count, count)
        data = self._store.get_range(key, number * BLOCK_BYTES, count * BLOCK_BYTES)
        with self._lock:
            for start in range(0, len(data), BLOCK_BYTES):
                self._blocks[key, number + start // BLOCK_BYTES] = data[start : start + BLOCK_BYTES]
            while len(self._blocks) > self._most:
                self._blocks.popitem(last=False)
        return data[:BLOCK_BYTES]


# One connection pool and one cache for each bucket, as long as the process lives.
@cache
def _open_cache(scheme: str, bucket: str) -> BlockCache:
    return BlockCache(open_bucket(scheme, bucket))


class _RangedFile(SeekableStream):
    """A stored file as a stream that can be read and sought."""

    def __init__(self, stored: Stored) -> None:
        super().__init__()
        scheme, bucket, self._key = parse_address(stored.url)
        self._cache = _open_cache(scheme, bucket)
        self._size = stored.bytes

    def _find_size(self) -> int:
        return self._size

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer)).cast("B")
        if self._position >= self._size or not len(view):
            return 0
        number, skipped = divmod(self._position, BLOCK_BYTES)
        part = self._cache.read_block(self._key, number)[skipped : skipped + len(view)]
        if not part:
            raise StoreError(f"{self._key} ends before its {self._size} bytes; restore it from a copy")
        view[: len(part)] = part
        self._position += len(part)
        return len(part)
