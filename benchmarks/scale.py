"""What going past one machine costs and brings: `python -m benchmarks.scale [--job NAME …]`, see README.md beside it.

Every job checks what it measures: each page fetched once, the same posts from any number of processes.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archives.catalogue import CollectionIndex, rebuild_catalogue
from archives.cdxj import IndexEntry, dump_line
from archives.collection import Collection
from archives.index import write_sidecar
from archives.records import Exchange
from archives.urls import format_timestamp, surt_key
from archives.writer import WarcWriter
from benchmarks.paper import Pages
from crawler.frontier.leases import LeaseTable
from crawler.frontier.streams import StreamTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOT = Path(__file__).resolve().parent.parent
_HOSTS = 8
_LATENCY_S = 0.05
_BEGAN_AT = datetime(2026, 3, 4, tzinfo=UTC)


class Origin:
    """The same paper on several loopback addresses, each answer after a while."""

    def __init__(self, pages: int, *, latency_s: float) -> None:
        self.hosts = [f"127.0.3.{number + 1}" for number in range(_HOSTS)]
        self.served: Counter[tuple[str, str]] = Counter()
        self._pages = pages
        self._latency_s = latency_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    def start(self) -> None:
        self._thread.start()
        serving = asyncio.start_server(self._converse, self.hosts, self.port)
        asyncio.run_coroutine_threadsafe(serving, self._loop).result(10)

    def source_toml(self) -> str:
        bases = ", ".join(f'"http://{host}:{self.port}/"' for host in self.hosts)
        return (
            f'name = "scale"\ntimezone = "UTC"\nscope = [{bases}]\nseeds = [{bases}]\n[links]\n'
            "article = ['//[0-9.]+\\.(?P<id>\\d+:\\d+/a/\\d+)\\.html$']\n"
            '[[parser]]\nof = "article"\n[parser.fields]\n'
            'headline = "h1"\ndatePublished = "time"\narticleBody = "html:div"\n'
        )

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = writer.get_extra_info("sockname")[0]
        try:
            while True:
                target = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
                self.served[host, target] += 1
                await asyncio.sleep(self._latency_s)
                body = self._build_body(host, target)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _build_body(self, host: str, target: str) -> bytes:
        if target == "/":
            return "".join(f'<a href="/a/{number}.html">{number}</a>' for number in range(self._pages)).encode()
        text = f"<h1>{target} of {host}</h1><time>2026-03-04 10:00:00</time><div>"
        return (text + "<p>A paragraph as long as they are, of no great meaning.</p>" * 20 + "</div>").encode()


@contextmanager
def serve_redis() -> Iterator[str]:
    """A server with an append-only file, in a scratch folder."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        sys.exit("this job needs redis-server or valkey-server")
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        server = subprocess.Popen([*command, "--appendonly", "yes"], stdout=subprocess.DEVNULL)
        try:
            while subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True, check=False).returncode:
                time.sleep(0.05)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.kill()
            server.wait()


def measure_crawl(pages: int) -> dict[str, Any]:
    """Pages a second of 1 and 2 workers, each with four requests at a time, against 50 ms of latency."""
    origin = Origin(pages, latency_s=_LATENCY_S)
    origin.start()
    figures: dict[str, Any] = {"pages": (pages + 1) * _HOSTS}
    with serve_redis() as url:
        for name, workers, address in [("file_1", 1, ""), ("redis_1", 1, url), ("redis_2", 2, url)]:
            origin.served.clear()
            with tempfile.TemporaryDirectory() as folder:
                cpu_s = _run_crawl(origin, Path(folder), workers, address, figures, name)
            if set(origin.served.values()) != {1} or len(origin.served) != figures["pages"]:
                sys.exit("a page was missed or fetched twice")
            figures[f"{name}_cpu_s"] = round(cpu_s, 2)
    figures["gain"] = round(figures["redis_2_pages_per_s"] / figures["redis_1_pages_per_s"], 2)
    return figures


def _run_crawl(origin: Origin, folder: Path, workers: int, url: str, figures: dict[str, Any], name: str) -> float:
    source = folder / "scale.toml"
    source.write_text(origin.source_toml(), "utf-8")
    settings = {
        "DATA_DIR": folder,
        "FRONTIER_URL": url,
        "RESOLVER_ALLOW": "127.0.0.0/8",
        "AUTOTHROTTLE_ENABLED": False,
        "DOWNLOAD_DELAY": 0,
        "ROBOTSTXT_OBEY": False,
        "CONCURRENT_REQUESTS": 4,
        "LOG_LEVEL": "ERROR",
    }
    options = [part for key, value in settings.items() for part in ("-s", f"{key}={value}")]
    command = [sys.executable, "-m", "scrapy", "crawl", "category", "-a", f"source={source}", *options]
    before = os.times()
    children = [subprocess.Popen(command, cwd=_ROOT, stderr=subprocess.DEVNULL) for _ in range(workers)]
    while not origin.served:
        time.sleep(0.005)
    began = time.monotonic()
    while sum(origin.served.values()) < figures["pages"]:
        time.sleep(0.005)
    figures[f"{name}_pages_per_s"] = round(figures["pages"] / (time.monotonic() - began), 1)
    for child in children:
        child.wait()
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def measure_frontier(requests: int) -> dict[str, Any]:
    """Microseconds for a request's whole life in either frontier, and the bytes that it leaves and needs."""
    with tempfile.TemporaryDirectory() as folder, serve_redis() as url:
        path = Path(folder, "frontier.sqlite")
        table = LeaseTable(path, "job")
        file_us = _live(table, requests)
        figures = {"requests": requests, "file_us": file_us, "file_bytes_done": path.stat().st_size // requests}
        table.close()
        import redis  # noqa: PLC0415 (an extra)

        client = redis.Redis.from_url(url)
        empty = client.info("memory")["used_memory"]
        waiting = StreamTable(url, "waiting")
        _add(waiting, requests)
        figures["redis_bytes_waiting"] = (client.info("memory")["used_memory"] - empty) // requests
        waiting.forget()
        waiting.close()
        empty = client.info("memory")["used_memory"]
        streams = StreamTable(url, "job")
        figures["redis_us"] = _live(streams, requests)
        figures["redis_bytes_done"] = (client.info("memory")["used_memory"] - empty) // requests
        streams.close()
    return figures


def _add(table: LeaseTable | StreamTable, requests: int) -> None:
    for number in range(requests):
        digest = hashlib.sha1(b"%d" % number, usedforsecurity=False).digest()
        data = f'{{"url": "http://h{number % 20}.example/2026/03/04/{number}.html", "callback": "parse"}}'
        table.add(fingerprint=digest, host=f"h{number % 20}.example", priority=0, data=data)


def _live(table: LeaseTable | StreamTable, requests: int) -> float:
    """Add, lease and acknowledge; microseconds each."""
    began = time.perf_counter()
    _add(table, requests)
    done = 0
    while leases := table.lease(lambda _: 8, most=16):
        table.acknowledge([lease.fingerprint for lease in leases])
        done += len(leases)
    if done != requests:
        sys.exit(f"{done} of {requests} requests came back")
    return round((time.perf_counter() - began) / requests * 1e6, 1)


def measure_reparse(pages: int) -> dict[str, Any]:
    """Seconds of a reparse in 1 and 2 processes, of four files."""
    with tempfile.TemporaryDirectory() as folder:
        source = _build_collection(Path(folder), pages)
        figures: dict[str, Any] = {"pages": pages}
        trees = []
        for workers in (1, 2):
            out = Path(folder, f"out{workers}")
            command = [sys.executable, "-m", "tests.crawler.batch.small_shards", "reparse", "scale", "--out", str(out)]
            command += ["--source", str(source), "--workers", str(workers), "-s", f"DATA_DIR={folder}"]
            began = time.monotonic()
            subprocess.run(command, cwd=_ROOT, check=True, stderr=subprocess.DEVNULL)
            figures[f"workers_{workers}_s"] = round(time.monotonic() - began, 2)
            trees.append({path.name: path.read_bytes() for path in out.iterdir()})
        if trees[0] != trees[1] or not trees[0]:
            sys.exit("two processes made other posts than one")
    figures["gain"] = round(figures["workers_1_s"] / figures["workers_2_s"], 2)
    return figures


def _build_collection(folder: Path, stories: int) -> Path:
    from string import Template  # noqa: PLC0415

    source = folder / "scale.toml"
    text = Template(Path(__file__).with_name("source.toml").read_text("utf-8")).substitute(base="http://paper.example")
    source.write_text(text.replace('name = "benchmark"', 'name = "scale"'), "utf-8")
    collection = Collection.open(folder, "scale", create=True)
    responses = list(Pages(stories).responses.items())
    for part in range(4):
        with WarcWriter(collection, info={}, prefix="scale") as writer:
            for number, (target, raw) in enumerate(responses[part::4]):
                at = _BEGAN_AT + timedelta(seconds=4 * number + part)
                request = f"GET {target} HTTP/1.1\r\nHost: paper.example\r\n\r\n".encode()
                url = f"http://paper.example{target}"
                writer.write(Exchange(url=url, began_at=at, raw_request=request, raw_response=raw))
    return source


def measure_catalogue(captures: int) -> dict[str, Any]:
    """Bytes a capture and microseconds a lookup of the catalogue, at a tenth and at the whole number."""
    figures: dict[str, Any] = {}
    for count in (captures // 10, captures):
        with tempfile.TemporaryDirectory() as folder:
            collection = Collection.open(Path(folder), "scale", create=True)
            (collection.archive_dir / "x.warc.gz").touch()
            write_sidecar(collection, "x.warc.gz", (dump_line(_build_entry(number)) for number in range(count)))
            rebuild_catalogue(collection)
            size = (collection.indexes_dir / "catalogue.sqlite").stat().st_size
            figures[f"bytes_at_{count}"] = size // count
            chance = random.Random(4)
            with CollectionIndex(collection) as index:
                index.find_nearest(_build_entry(0).url)
                began = time.perf_counter()
                for _ in range(1000):
                    index.find_nearest(_build_entry(chance.randrange(count)).url, is_exact=True)
                figures[f"lookup_us_at_{count}"] = round((time.perf_counter() - began) * 1000, 1)
    return figures


def _build_entry(number: int) -> IndexEntry:
    at = _BEGAN_AT + timedelta(seconds=number)
    url = f"http://h{number % 500}.example/2026/03/04/{number}.html"
    return IndexEntry(
        urlkey=surt_key(url),
        timestamp=format_timestamp(at),
        url=url,
        mime="text/html",
        status=200,
        digest=f"sha1:{number:032d}",
        length=5000,
        offset=number * 5000,
        filename="x.warc.gz",
        record_id=f"<urn:uuid:{uuid.UUID(int=number)}>",
        captured_at=at,
    )


_JOBS: dict[str, tuple[Callable[[int], dict[str, Any]], int]] = {
    "crawl": (measure_crawl, 60),
    "frontier": (measure_frontier, 20_000),
    "reparse": (measure_reparse, 2000),
    "catalogue": (measure_catalogue, 300_000),
}


def main() -> None:
    """Run the jobs and print what they found, one JSON object a job; of several rounds the median."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--job", action="append", choices=_JOBS, help="default: all")
    parser.add_argument("--size", type=int, metavar="N", help="pages, requests or captures")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="default: 1")
    options = parser.parse_args()
    for name in options.job or _JOBS:
        measure, size = _JOBS[name]
        rounds = [measure(options.size or size) for _ in range(options.rounds)]
        figures = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        print(json.dumps({"job": name, **figures}), flush=True)


if __name__ == "__main__":
    main()
