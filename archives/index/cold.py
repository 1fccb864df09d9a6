"""The index of a large collection as one Parquet file with Common Crawl's column names.

The catalogue takes several hundred bytes a capture and has to be on a disk of this machine; this takes a tenth, and
a look-up reads the footer once and then one row group. Rows are sorted by key and time, so that the least and the
greatest key of each row group tell where an address is. It is made when asked for and not kept up to date.

Spec: https://commoncrawl.org/blog/index-to-warc-files-and-urls-in-columnar-format (columns)
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Self

from archives.errors import CollectionError
from archives.index.catalogue import CollectionIndex
from archives.index.cdxj import find_key
from archives.index.sidecars import find_state
from archives.storage.files import replace_file
from archives.urls import build_instant, count_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from archives.index.cdxj import IndexEntry
    from archives.storage.collection import Collection

COLD_NAME: Final = "cold.parquet"
# A look-up decodes one group; smaller ones make the footer longer, which is read once.
GROUP_ROWS: Final = 5_000
_LAST_KEY: Final = "\U0010ffff"
_STATE: Final = b"newsreel-state"
_SHA1: Final = "sha1:"
_LEVEL: Final = 12
_SORTED: Final = ("url_surtkey", "url", "content_digest")
_DICTIONARIES: Final = ("url_host_name", "fetch_status", "content_mime_type", "content_truncated", "warc_filename")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdCapture:
    """One row.

    Attributes:
        urlkey: SURT key.
        digest: labelled, of the payload; empty if none is recorded.
        offset: where the record or its gzip member is in the file.
    """

    urlkey: str
    url: str
    captured_at: datetime
    status: int | None
    mime: str
    digest: str
    filename: str
    offset: int
    length: int


def write_cold_index(collection: Collection, *, progress: Callable[[int], None] | None = None) -> int:
    """Write the Parquet file of a collection's captures, whole or not at all; returns how many there are.

    Args:
        progress: called after each row group with the number of rows written.

    Raises:
        CollectionError: pyarrow is not installed.
        OSError: the disk does not take it.
    """
    pyarrow, parquet = _load_pyarrow()
    schema = _build_schema(pyarrow).with_metadata({_STATE: _find_state(collection).encode()})
    count = 0
    with CollectionIndex(collection) as index, replace_file(collection.indexes_dir / COLD_NAME) as stream:
        entries = index.iter_keys("", _LAST_KEY)
        with parquet.ParquetWriter(stream, schema, **_build_options(parquet)) as writer:
            while rows := [_dump(entry) for entry in islice(entries, GROUP_ROWS)]:
                columns = [pyarrow.array(*pair) for pair in zip(zip(*rows, strict=True), schema.types, strict=True)]
                writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema), row_group_size=GROUP_ROWS)
                count += len(rows)
                if progress is not None:
                    progress(count)
    return count


def _build_schema(pyarrow: Any) -> Any:
    text, whole = pyarrow.string(), pyarrow.int64()
    kinds = {
        "url_surtkey": text,
        "url": text,
        "url_host_name": text,
        "fetch_time": pyarrow.timestamp("us", "UTC"),
        "fetch_status": pyarrow.int16(),
        "content_digest": text,
        "content_mime_type": text,
        "content_truncated": text,
        "warc_filename": text,
        "warc_record_offset": whole,
        "warc_record_length": whole,
    }
    return pyarrow.schema(list(kinds.items()))


def _build_options(parquet: Any) -> dict[str, Any]:
    numbers = ("fetch_time", "warc_record_offset", "warc_record_length")
    encodings = dict.fromkeys(_SORTED[:2], "DELTA_BYTE_ARRAY") | dict.fromkeys(numbers, "DELTA_BINARY_PACKED")
    return {
        "compression": "zstd",
        "compression_level": _LEVEL,
        "use_dictionary": list(_DICTIONARIES),
        "column_encoding": encodings,
        "write_statistics": ["url_surtkey", "fetch_time"],
        "sorting_columns": [parquet.SortingColumn(0), parquet.SortingColumn(3)],
    }


def _dump(entry: IndexEntry) -> tuple[Any, ...]:
    host = entry.url.partition("://")[2].partition("/")[0].rpartition("@")[2].lower()
    return (
        entry.urlkey,
        entry.url,
        host.partition(":")[0] if not host.startswith("[") else host.partition("]")[0] + "]",
        entry.captured_at,
        entry.status,
        entry.digest.removeprefix(_SHA1) or None,
        entry.mime,
        str(entry.truncated) if entry.truncated else None,
        entry.filename,
        entry.offset,
        entry.length,
    )


class ColdIndex:
    """Looks captures up in the Parquet file.

    Raises:
        CollectionError: there is none, it is no such file, or pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        pyarrow, parquet = _load_pyarrow()
        try:
            self._file = parquet.ParquetFile(path)
            groups = [self._file.metadata.row_group(number) for number in range(self._file.metadata.num_row_groups)]
            # Their keys as bytes: that is the order in which they are sorted.
            keys = [group.column(0).statistics for group in groups]
            self._first = [key.min.encode() for key in keys]
            self._last = [key.max.encode() for key in keys]
        except FileNotFoundError as error:
            raise CollectionError(f'there is no {path.name}; write it with "index --cold"', path=path) from error
        except (pyarrow.ArrowInvalid, AttributeError, OSError) as error:
            raise CollectionError(f"{path.name} cannot be read ({error}); rebuild it", path=path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        return int(self._file.metadata.num_rows)

    def is_current(self, collection: Collection) -> bool:
        """Return whether the collection's index is as it was when the file was written."""
        noted = (self._file.metadata.metadata or {}).get(_STATE)
        return bool(noted == _find_state(collection).encode())

    def iter_captures(self, url: str) -> Iterator[ColdCapture]:
        """Yield the captures of an address in the order of capture."""
        key = find_key(url)
        for number in self._list_groups(key):
            yield from self._read(number, key)

    def find_nearest(self, url: str, at: datetime | None = None) -> ColdCapture | None:
        """Return the capture nearest to `at`, the earlier of two equally near; without `at` the latest."""
        key = find_key(url)
        groups = self._list_groups(key)
        if at is None:
            groups = groups[-2:]  # the last may hold the key at its very start, or not at all
        elif len(groups) > 2:
            groups = self._find_around(groups, at)
        found = [capture for number in groups for capture in self._read(number, key)]
        if at is None:
            return found[-1] if found else None
        return min(found, key=lambda capture: (abs(capture.captured_at - at), capture.captured_at), default=None)

    def _list_groups(self, key: str) -> range:
        """The row groups that may hold a key."""
        raw = key.encode("utf-8", "surrogatepass")
        return range(bisect_left(self._last, raw), bisect_right(self._first, raw))

    def _find_around(self, groups: range, at: datetime) -> range:
        """Of row groups that an address fills, those between which an instant lies."""
        inner = groups[1:-1]
        micros = count_micros(at)
        starts = [count_micros(self._file.metadata.row_group(number).column(3).statistics.min) for number in inner]
        place = bisect_right(starts, micros)
        return groups[max(0, place - 1) : place + 2]

    def _read(self, number: int, key: str) -> Iterator[ColdCapture]:
        import pyarrow.compute  # noqa: PLC0415 - optional

        keys = self._file.read_row_group(number, columns=["url_surtkey"], use_threads=False).column(0)
        matches = pyarrow.compute.indices_nonzero(pyarrow.compute.equal(keys, key))
        if not len(matches):
            return
        for row in self._file.read_row_group(number, use_threads=False).take(matches).to_pylist():
            yield _load(row)


def _load(row: dict[str, Any]) -> ColdCapture:
    digest = row["content_digest"] or ""
    return ColdCapture(
        urlkey=row["url_surtkey"],
        url=row["url"],
        captured_at=build_instant(count_micros(row["fetch_time"])),
        status=row["fetch_status"],
        mime=row["content_mime_type"],
        digest=_SHA1 + digest if digest and ":" not in digest else digest,
        filename=row["warc_filename"],
        offset=row["warc_record_offset"],
        length=row["warc_record_length"],
    )


def _find_state(collection: Collection) -> str:
    """What changes whenever the index of a collection may have."""
    digest = hashlib.sha256()
    for warc in collection.iter_warcs():
        digest.update(f"{warc.name} {find_state(collection, warc)}\n".encode())
    return digest.hexdigest()


def _load_pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow  # noqa: PLC0415 - optional
        import pyarrow.parquet  # noqa: PLC0415 - optional
    except ImportError as error:
        raise CollectionError("a cold index needs the extra 'parquet': pip install 'newsreel[parquet]'") from error
    return pyarrow, pyarrow.parquet
