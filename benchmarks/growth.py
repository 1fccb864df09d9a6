"""What grows with a crawl, and how fast: the plan to internet scale, from slopes.

    python -m benchmarks.growth [--size 1000000] [--part NAME ...] [--json]

Each part is filled at a hundredth, a tenth and the whole of the size, with what a crawl of that many pages would leave
in it, and asked what a crawl asks. Sizes that no machine here can hold are computed from the last two points: bytes by
their slope, times by their growth for each tenfold. Nothing is fetched: what a page costs a crawl, `benchmarks.crawl`
tells, and is measured again here at two sizes, so that start-up falls out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archives.index.catalogue import CollectionIndex, rebuild_catalogue
from archives.index.cdxj import IndexEntry, dump_line
from archives.index.sidecars import write_sidecar
from archives.storage.collection import Collection
from archives.storage.remote_files import Stored, write_stored
from archives.transfer.registry import Registry, connect
from archives.urls import format_timestamp, surt_key
from benchmarks.scale import serve_redis
from crawler.frontier.leases import LeaseTable
from crawler.frontier.streams import StreamTable
from pipelines.dates.model import Precision
from pipelines.page.document import CaptureRef
from pipelines.posts.items import Origin, Statement
from pipelines.posts.ledger import Ledger
from pipelines.posts.options import PostOptions
from pipelines.posts.settle import settle
from tests.postgres_server import PostgresServer, find_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Figures = dict[str, float]

_ROOT = Path(__file__).resolve().parent.parent
_BEGAN = datetime(2026, 3, 4, tzinfo=UTC)
_ENTRIES_A_FILE = 100_000
_ASKED = 1_000
_HOSTS = 500
_OPTIONS = PostOptions()
_PLANNED = (10**6, 10**8, 10**10)
_BODY = "<p>A paragraph as long as paragraphs of the news usually are, of no great meaning.</p>\n" * 25


def measure_catalogue(captures: int) -> Figures:
    """The catalogue of one machine: bytes a capture, microseconds for the capture nearest to an instant."""
    with tempfile.TemporaryDirectory() as folder:
        collection = Collection.open(Path(folder), "growth", create=True)
        list(_write_files(collection, captures))
        rebuild_catalogue(collection)
        size = sum(path.stat().st_size for path in collection.indexes_dir.glob("catalogue.sqlite*"))
        with CollectionIndex(collection) as index:
            index.find_nearest(_build_entry(0, "").url)
            asked_us = _time_each(captures, lambda number: index.find_nearest(_build_entry(number, "").url, _BEGAN))
    return {"bytes": size / captures, "lookup_us": asked_us}


def measure_registry(captures: int) -> Figures:
    """The catalogue of all machines: bytes a capture in PostgreSQL, captures registered and taken in a second."""
    if find_program("initdb") is None:
        sys.exit("this part needs PostgreSQL's initdb and postgres")
    with PostgresServer() as server, tempfile.TemporaryDirectory() as folder:
        url = server.make_database()
        here, there = (Collection.open(Path(folder, name), "growth", create=True) for name in ("here", "there"))
        for warc in _write_files(there, captures):
            write_stored(warc, Stored(url=f"s3://growth/{warc.name}", bytes=1, sha256="0" * 64))
        with Registry(url, there) as registry:
            told_s = _time(registry.publish)
        with Registry(url, here) as registry:
            taken_s = _time(registry.fetch)
        with closing(connect(url)) as database:
            database.execute("VACUUM ANALYZE newsreel.capture")
            (size,) = database.execute("SELECT pg_total_relation_size('newsreel.capture')").fetchone()
            (hits,) = database.execute("SELECT count(*) FROM newsreel.capture").fetchone()
            if hits != captures:
                sys.exit(f"{hits} of {captures} captures arrived")
            ask = "SELECT filename FROM newsreel.capture JOIN newsreel.warc ON id = warc WHERE digest = %s"
            asked_us = _time_each(
                captures, lambda number: database.execute(ask, (_build_entry(number, "").digest,)).fetchone()
            )
    return {"bytes": size / captures, "told_us": told_s / captures * 1e6, "taken_us": taken_s / captures * 1e6} | {
        "lookup_us": asked_us
    }


def measure_file(requests: int) -> Figures:
    """The frontier in a file that has seen so many requests: bytes each, microseconds for one more from end to end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "frontier.sqlite")
        LeaseTable(path, "job").close()
        with closing(sqlite3.connect(path)) as database, database:
            data = '{"url": "http://h.example/2026/03/04/1234567.html", "callback": "parse"}'
            rows = (("job", os.urandom(20), 0, f"h{n % _HOSTS}.example", 0, n, data) for n in range(requests))
            columns = "(job, fingerprint, state, host, priority, serial, data)"
            database.executemany(f"INSERT INTO requests {columns} VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            database.execute("UPDATE requests SET state = 2, data = ''")
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = path.stat().st_size
        with closing(LeaseTable(path, "job")) as table:
            life_us = _live(table)
    return {"bytes": size / requests, "life_us": life_us}


def measure_redis(requests: int) -> Figures:
    """The shared frontier that has seen so many requests: bytes each, and for one that waits; a request's life."""
    import redis  # noqa: PLC0415 (an extra)

    with serve_redis() as url, redis.Redis.from_url(url) as client:
        empty = client.info("memory")["used_memory"]
        for start in range(0, requests, 10_000):
            client.sadd("newsreel:{job}:seen", *(os.urandom(20) for _ in range(min(10_000, requests - start))))
        seen = (client.info("memory")["used_memory"] - empty) / requests
        with closing(StreamTable(url, "job")) as table:
            life_us = _live(table)
            filled = client.info("memory")["used_memory"]
            _add(table, waiting := 20_000, hosts=_HOSTS)
            waits = (client.info("memory")["used_memory"] - filled) / waiting
    return {"bytes": seen, "waiting_bytes": waits, "life_us": life_us}


def measure_hosts(hosts: int) -> Figures:
    """The shared frontier with so many hosts that have open requests: milliseconds until a worker has its share."""
    with serve_redis() as url, closing(StreamTable(url, "job")) as table:
        _add(table, hosts, hosts=hosts)
        asked_s = _time(lambda: table.lease(lambda _: 1, most=16))
    return {"hold_ms": asked_s * 1e3}


def measure_ledger(posts: int) -> Figures:
    """The ledger of so many articles: bytes each, microseconds to add one more capture of one of them and settle it.

    The page has not changed, so the capture is one more sighting of what is stated already.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.sqlite")
        with closing(Ledger(path)) as ledger:
            with ledger.exclusive():
                for number in range(posts):
                    _settle_one(ledger, number)
            with closing(sqlite3.connect(path)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            size = path.stat().st_size
            settled_us = _time_each(posts, lambda number: _settle_one(ledger, number, minutes=1))
    return {"bytes": size / posts, "settle_us": settled_us}


def measure_crawl(most: int) -> float:
    """Milliseconds of CPU for a page crawled, captured and posted; a crawl of a third is taken off for the start."""
    taken = []
    for pages in (most // 3, most):
        command = [sys.executable, "-m", "benchmarks.crawl", "--job", "full", "--rounds", "1", "--json"]
        done = subprocess.run([*command, "--pages", str(pages)], cwd=_ROOT, capture_output=True, text=True, check=True)
        taken += [result["cpu_s"] for result in json.loads(done.stdout)["results"]]
    few, many = taken
    return 1e3 * (many - few) / (most - most // 3)


_PARTS: dict[str, tuple[Callable[[int], Figures], float]] = {
    "catalogue": (measure_catalogue, 1),
    "registry": (measure_registry, 1),
    "file": (measure_file, 1),
    "redis": (measure_redis, 1),
    "hosts": (measure_hosts, 0.1),
    "ledger": (measure_ledger, 0.1),
}


def measure(size: int, parts: Sequence[str]) -> dict[str, list[Figures]]:
    """Measure each part at a hundredth, a tenth and the whole of its size."""
    found: dict[str, list[Figures]] = {}
    for name in parts:
        fill, share = _PARTS[name]
        sizes = [max(1, int(size * share) // part) for part in (100, 10, 1)]
        found[name] = [{"size": count} | fill(count) for count in sizes]
    return found


def predict(points: list[Figures], name: str, size: float) -> float:
    """What a figure would be at a size: bytes grow with the slope of the last two points, times by as much for each
    tenfold as between those, and what shrinks is taken to stay.
    """
    before, last = points[-2:]
    if size <= last["size"]:
        return last[name]
    if name.endswith("bytes"):
        total = last[name] * last["size"]
        slope = (total - before[name] * before["size"]) / (last["size"] - before["size"])
        return (total + slope * (size - last["size"])) / size
    growth = max(1.0, last[name] / before[name]) ** (1 / math.log10(last["size"] / before["size"]))
    return float(last[name] * growth ** math.log10(size / last["size"]))


def plan(found: dict[str, list[Figures]], *, cpu_ms: float, page_bytes: float) -> list[dict[str, Any]]:
    """What crawls of 1e6, 1e8 and 1e10 pages need, of whatever has been measured."""
    rows = []
    for pages in _PLANNED:
        row: dict[str, Any] = {"pages": pages, "cpu_h": pages * cpu_ms / 3.6e6, "archive_gb": pages * page_bytes / 1e9}
        for part, figure in (("catalogue", "bytes"), ("registry", "bytes"), ("file", "bytes"), ("redis", "bytes")):
            if part in found:
                row[f"{part}_gb"] = pages * predict(found[part], figure, pages) / 1e9
        for part, figure in (("catalogue", "lookup_us"), ("registry", "lookup_us"), ("file", "life_us")):
            if part in found:
                row[f"{part}_{figure}"] = predict(found[part], figure, pages)
        rows.append(row)
    return rows


def _write_files(collection: Collection, captures: int) -> Iterator[Path]:
    """Sidecars of files that are empty: nobody here reads a record."""
    for serial, start in enumerate(range(0, captures, _ENTRIES_A_FILE)):
        warc = collection.archive_dir / f"growth-{serial:05}.warc.gz"
        warc.touch()
        count = min(_ENTRIES_A_FILE, captures - start)
        write_sidecar(collection, warc.name, (dump_line(_build_entry(start + n, warc.name)) for n in range(count)))
        yield warc


def _build_entry(number: int, filename: str) -> IndexEntry:
    at = _BEGAN + timedelta(seconds=number)
    url = f"http://h{number % _HOSTS}.example/2026/03/04/{number}.html"
    return IndexEntry(
        urlkey=surt_key(url),
        timestamp=format_timestamp(at),
        url=url,
        mime="text/html",
        status=200,
        digest=f"sha1:{number * 2654435761 % 2**32:032d}",
        length=5000,
        offset=number % _ENTRIES_A_FILE * 5000,
        filename=filename,
        record_id=f"<urn:uuid:{uuid.UUID(int=number)}>",
        captured_at=at,
    )


def _settle_one(ledger: Ledger, number: int, *, minutes: int = 0) -> None:
    """Add a capture of an article, and settle it."""
    statement = _build_statement(number, minutes=minutes)
    with ledger.exclusive():
        ledger.add(statement)
        ledger.record_settled(settle(ledger.list_statements(statement.key), _OPTIONS))


def _build_statement(number: int, *, minutes: int = 0) -> Statement:
    at = _BEGAN + timedelta(minutes=minutes)
    return Statement(
        source="growth",
        identifier=f"{number}",
        url=f"http://h{number % _HOSTS}.example/{number}.html",
        origin=Origin.ARTICLE,
        headline=f"Article {number}",
        datePublished=_BEGAN,
        datePublished_precision=Precision.SECOND,
        articleBody=f"<p>{number}</p>\n{_BODY}",
        capture=CaptureRef(
            record_id=f"<urn:uuid:{uuid.UUID(int=2 * number + minutes)}>",
            captured_at=at,
            payload_digest="sha1:X",
            file="growth.warc.gz",
            offset=number,
        ),
        is_normalised=True,
    )


def _add(table: LeaseTable | StreamTable, requests: int, *, hosts: int) -> None:
    for number in range(requests):
        data = f'{{"url": "http://h{number % hosts}.example/2026/03/04/{number}.html", "callback": "parse"}}'
        host = f"h{number % hosts}.example"
        table.add(fingerprint=uuid.uuid4().bytes + b"seen", host=host, priority=0, data=data)


def _live(table: LeaseTable | StreamTable) -> float:
    """Add, lease and acknowledge some requests; microseconds each."""
    requests = 2 * _ASKED
    began = time.perf_counter()
    _add(table, requests, hosts=20)
    done = 0
    while leases := table.lease(lambda _: 8, most=16):
        table.acknowledge([lease.fingerprint for lease in leases])
        done += len(leases)
    if done != requests:
        sys.exit(f"{done} of {requests} requests came back")
    return (time.perf_counter() - began) / requests * 1e6


def _time(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _time_each(size: int, work: Callable[[int], object]) -> float:
    """Microseconds for one of many questions about numbers below a size."""
    chance = random.Random(4)
    numbers = [chance.randrange(size) for _ in range(_ASKED)]
    return _time(lambda: [work(number) for number in numbers]) / _ASKED * 1e6


def main() -> None:
    """Measure, and print figures and plan as JSON or for people."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1_000_000, help="captures and requests at most (default: 1000000)")
    parser.add_argument("--part", action="append", choices=_PARTS, help="only these (default: all)")
    parser.add_argument("--page-bytes", type=float, default=5_000, help="of a page in the archive (default: 5000)")
    parser.add_argument("--crawl-pages", type=int, default=600, help="of the crawl that is timed (default: 600)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    found = measure(options.size, options.part or list(_PARTS))
    cpu_ms = measure_crawl(options.crawl_pages)
    planned = plan(found, cpu_ms=cpu_ms, page_bytes=options.page_bytes)
    if options.json:
        print(json.dumps({"cpu_ms": cpu_ms, "parts": found, "plan": planned}))
        return
    print(f"a page: {cpu_ms:.1f} ms of CPU")
    for name, points in found.items():
        for point in points:
            figures = ", ".join(f"{key} {value:.4g}" for key, value in point.items() if key != "size")
            print(f"{name} at {point['size']:,}: {figures}")
    for row in planned:
        print(", ".join(f"{key} {value:.3g}" for key, value in row.items()))


if __name__ == "__main__":
    main()
