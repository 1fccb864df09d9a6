"""What a cold index costs: bytes a capture, time to write, time to find the nearest capture.

    python -m benchmarks.cold [CAPTURES] [FOLDER]

Addresses are those of news sites: a date and a headline in the path, each captured several times; half of the later
captures have the payload of the one before, which is a revisit.
"""

from __future__ import annotations

import base64
import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from archives.index.catalogue import CATALOGUE_NAME, CollectionIndex
from archives.index.cdxj import REVISIT_MIME, IndexEntry, dump_line, find_key
from archives.index.cold import COLD_NAME, ColdIndex, write_cold_index
from archives.index.sidecars import write_sidecar
from archives.storage.collection import Collection
from archives.urls import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

CAPTURES = 1_000_000
FILE_CAPTURES = 100_000
A_PAGE = 4
LOOKUPS = 500
_WORDS = [a + b for a in ("ka", "po", "ri", "ste", "lon", "mar", "ve") for b in ("ter", "na", "lis", "ck", "ment")]
_START = datetime(2026, 1, 1, tzinfo=UTC)


def build_url(page: int) -> str:
    rng = random.Random(page)
    words = "-".join(rng.choices(_WORDS, k=rng.randint(4, 9)))
    day = _START - timedelta(days=rng.randrange(3000))
    return f"https://www.paper-{rng.randrange(50)}.example/{day:%Y/%m/%d}/{words}-{page}"


def iter_entries(captures: int) -> Iterator[IndexEntry]:
    """Captures in the order of capture, over all files."""
    rng = random.Random(1)
    pages = max(1, captures // A_PAGE)
    offset = 0
    for number in range(captures):
        page = number % pages
        url = build_url(page)
        at = _START + timedelta(seconds=number * 3, microseconds=rng.randrange(3_000_000))
        is_revisit = number >= pages and rng.random() < 0.5
        digest = random.Random(page if is_revisit else -number).randbytes(20)
        length = rng.randint(400, 600) if is_revisit else rng.randint(4_000, 60_000)
        if number % FILE_CAPTURES == 0:
            offset = 700
        yield IndexEntry(
            urlkey=find_key(url),
            timestamp=format_timestamp(at),
            url=url,
            mime=REVISIT_MIME if is_revisit else "text/html",
            status=200,
            digest="sha1:" + base64.b32encode(digest).decode(),
            length=length,
            offset=offset,
            filename=f"news-20260101000000-{number // FILE_CAPTURES:05}-2e4b95.warc.gz",
            record_id=f"<urn:uuid:{rng.randbytes(4).hex()}-0000-4000-8000-{number:012}>",
            captured_at=at,
        )
        offset += length + rng.randint(300, 500)


def build_collection(path: Path, captures: int) -> Collection:
    """A collection that has an index and no captures, which is enough here."""
    collection = Collection(path)
    collection.archive_dir.mkdir(parents=True)
    lines: list[str] = []
    name = ""
    for entry in iter_entries(captures):
        if name and entry.filename != name:
            _close(collection, name, lines)
            lines = []
        name = entry.filename
        lines.append(dump_line(entry))
    _close(collection, name, lines)
    return collection


def _close(collection: Collection, name: str, lines: list[str]) -> None:
    (collection.archive_dir / name).touch()
    write_sidecar(collection, name, lines)


def measure(path: Path, captures: int) -> dict[str, float]:
    """Bytes a capture of both indexes, seconds to write the cold one, and milliseconds of a look-up in it."""
    collection = build_collection(path, captures)
    with CollectionIndex(collection) as index:
        index.refresh()
    began = time.perf_counter()
    assert write_cold_index(collection) == captures
    written_s = time.perf_counter() - began
    cold = collection.indexes_dir / COLD_NAME
    began = time.perf_counter()
    with ColdIndex(cold) as index:
        opened_s = time.perf_counter() - began
        rng = random.Random(2)
        times, used = [], []
        for _ in range(LOOKUPS):
            url = build_url(rng.randrange(max(1, captures // A_PAGE)))
            at = _START + timedelta(seconds=rng.randrange(captures * 3))
            began, busy = time.perf_counter(), time.process_time()
            assert index.find_nearest(url, at) is not None
            times.append(time.perf_counter() - began)
            used.append(time.process_time() - busy)
    times.sort()
    used.sort()
    return {
        "captures": captures,
        "bytes a capture": cold.stat().st_size / captures,
        "bytes a capture, catalogue": (collection.indexes_dir / CATALOGUE_NAME).stat().st_size / captures,
        "written in s": written_s,
        "opened in ms": opened_s * 1000,
        "nearest, median ms": times[len(times) // 2] * 1000,
        "nearest, median ms of CPU": used[len(used) // 2] * 1000,
        "nearest, 95th percentile ms": times[len(times) * 95 // 100] * 1000,
    }


def main() -> None:
    captures = int(sys.argv[1]) if len(sys.argv) > 1 else CAPTURES
    with tempfile.TemporaryDirectory(prefix="newsreel-", dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
        for name, value in measure(Path(folder) / "cold", captures).items():
            print(f"{name:32} {value:,.2f}")


if __name__ == "__main__":
    main()
