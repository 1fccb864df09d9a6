"""What it costs to read captures by ranged requests from object storage instead of from the disk.

The storage is moto's server on loopback, a Python program: what it takes to answer is part of every figure, and so the
figures are a lower bound of speed. The bytes are exact.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archives.captures.writer import WarcWriter
from archives.index.catalogue import CollectionIndex
from archives.storage import remote_files as stored
from archives.storage.collection import Collection
from archives.storage.s3 import S3Store
from archives.storage.schemes import Bucket
from archives.transfer.upload import Place, remove_file, store_file
from archives.warc.reader import iter_records, read_capture
from archives.warc.records import Exchange
from tests.archives.moto_server import BUCKET, MotoServer, find_moto

if TYPE_CHECKING:
    from archives.index.cdxj import IndexEntry

_READS = 300
_PAYLOAD_BYTES = 5000
_BEGAN_AT = datetime(2026, 3, 4, tzinfo=UTC)


class _Gauge:
    """A storage that counts what it is asked for."""

    def __init__(self, store: Bucket) -> None:
        self._store = store
        self.requests = 0
        self.bytes = 0

    def get_range(self, key: str, start: int, length: int) -> bytes:
        data = self._store.get_range(key, start, length)
        self.requests += 1
        self.bytes += len(data)
        return data


def measure_ranged(pages: int) -> dict[str, Any]:
    """Captures a second from the disk and from storage, at random and in a row, and the bytes that cross the wire."""
    if find_moto() is None:
        sys.exit("this job needs moto_server; NEWSREEL_MOTO may name the bin directory that has it")
    with tempfile.TemporaryDirectory() as folder, MotoServer() as moto:
        os.environ.update(moto.environment)
        collection = Collection.open(Path(folder), "ranged", create=True)
        warc = _write(collection, pages)
        with CollectionIndex(collection) as index:
            entries = list(index.iter_entries())
        chosen = random.Random(6).choices(entries, k=_READS)
        figures: dict[str, Any] = {"pages": pages, "record_bytes": sum(entry.length for entry in chosen) // _READS}
        figures["disk_reads_per_s"] = _read(collection, chosen)
        figures["disk_mb_per_s"] = _scan(warc)
        depot = Bucket(S3Store(BUCKET), BUCKET)
        store_file(collection, warc, depot, Place(scheme="s3", bucket=BUCKET, prefix=""))
        remove_file(warc, depot, keep_days=0)
        gauge = _Gauge(depot)
        cache = stored.BlockCache(gauge, max_bytes=stored.BLOCK_BYTES)
        stored._open_cache = lambda *_: cache
        figures["ranged_reads_per_s"] = _read(collection, chosen)
        figures["ranged_bytes_a_read"] = gauge.bytes // _READS
        figures["ranged_requests_a_read"] = round(gauge.requests / _READS, 2)
        roomy = stored.BlockCache(gauge)
        stored._open_cache = lambda *_: roomy
        _read(collection, chosen)
        figures["remembered_reads_per_s"] = _read(collection, chosen)
        fresh = stored.BlockCache(gauge)
        stored._open_cache = lambda *_: fresh
        figures["ranged_mb_per_s"] = _scan(warc)
    return figures


def _write(collection: Collection, pages: int) -> Path:
    noise = random.Random(5)
    with WarcWriter(collection, info={}, prefix="ranged") as writer:
        for number in range(pages):
            url = f"http://paper.example/{number}.html"
            body = noise.randbytes(_PAYLOAD_BYTES)
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(body)
            request = b"GET /%d.html HTTP/1.1\r\nHost: paper.example\r\n\r\n" % number
            at = _BEGAN_AT + timedelta(seconds=number)
            location = writer.write(Exchange(url=url, began_at=at, raw_request=request, raw_response=head + body))
    return collection.archive_dir / location.filename


def _read(collection: Collection, entries: list[IndexEntry]) -> float:
    began = time.perf_counter()
    for entry in entries:
        if len(read_capture(collection, entry).payload) != _PAYLOAD_BYTES:
            sys.exit("a capture came back with other bytes")
    return round(len(entries) / (time.perf_counter() - began), 1)


def _scan(warc: Path) -> float:
    began = time.perf_counter()
    for _ in iter_records(warc):
        pass
    return round(stored.find_size(warc) / 1e6 / (time.perf_counter() - began), 1)
