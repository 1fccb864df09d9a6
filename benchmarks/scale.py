"""What going past one machine costs and brings: `python -m benchmarks.scale [--job NAME …]`, see README.md beside it.

Every job checks what it measures: each page fetched once, the same posts from any number of processes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archives.captures.writer import WarcWriter
from archives.storage.collection import Collection
from archives.warc.records import Exchange
from benchmarks.paper import Pages
from benchmarks.ranged import measure_ranged
from crawler.frontier.leases import LeaseTable
from crawler.frontier.streams import StreamTable
from tests.crawler.manypapers import ManyPapers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROOT = Path(__file__).resolve().parent.parent
_HOSTS = 8
_MANY_HOSTS = 200
_LATENCY_S = 0.05
_DELAY_S = 0.1
_BEGAN_AT = datetime(2026, 3, 4, tzinfo=UTC)


class Origin(ManyPapers):
    """Papers on several loopback addresses with articles of a usual length, each answer after a while."""

    def _answer(self, host: str, target: str) -> bytes:
        if target == "/":
            return super()._answer(host, target)
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
    figures: dict[str, Any] = {"pages": (pages + 1) * _HOSTS}
    with serve_redis() as url, Origin(_HOSTS, pages, latency_s=_LATENCY_S) as origin:
        for name, workers, address in [("file_1", 1, ""), ("redis_1", 1, url), ("redis_2", 2, url)]:
            crawled = _run_crawl(origin, workers, address, CONCURRENT_REQUESTS=4, DOWNLOAD_DELAY=0)
            figures |= {f"{name}_{key}": value for key, value in crawled.items()}
    for gain, rate in (("gain", "pages_per_s"), ("gain_with_start", "with_start_pages_per_s")):
        figures[gain] = figures[f"redis_2_{rate}"] / figures[f"redis_1_{rate}"]
    return figures


def measure_politeness(pages: int) -> dict[str, Any]:
    """What the hosts saw of 3 workers, and of one process, that may ask each host twice at once and every 100 ms.

    `ahead_ms` is by how much a host was ever asked sooner than every 100 ms, from any request on; `handover_ms` the
    least that lay between the end of one worker's last request to a host and another's first.
    """
    figures: dict[str, Any] = {"pages": (pages + 1) * _HOSTS}
    with serve_redis() as url, Origin(_HOSTS, pages, latency_s=_LATENCY_S) as origin:
        for name, workers, address in [("file_1", 1, ""), ("redis_3", 3, url)]:
            settings = {"CONCURRENT_REQUESTS_PER_DOMAIN": 2, "DOWNLOAD_DELAY": _DELAY_S, "DOWNLOAD_DELAY_JITTER": 0}
            _run_crawl(origin, workers, address, **settings)
            hosts = origin.hosts
            handovers = [pair for host in hosts for pair in origin.list_handovers(host)]
            figures[f"{name}_most_at_once"] = max(map(origin.find_most_at_once, hosts))
            figures[f"{name}_mean_gap_ms"] = 1000 * min(map(origin.find_mean_gap, hosts))
            figures[f"{name}_ahead_ms"] = 1000 * max(origin.find_head_start(host, _DELAY_S) for host in hosts)
            if handovers:
                figures[f"{name}_handovers"] = len(handovers)
                figures[f"{name}_handover_ms"] = 1000 * min(first.began - last.ended for last, first in handovers)
    return figures


def measure_hosts(pages: int) -> dict[str, Any]:
    """One process and 200 hosts, each of which is asked once a second; `possible_pages_per_s` by its CPU time."""
    with Origin(_MANY_HOSTS, pages, latency_s=_LATENCY_S) as origin:
        settings = {"CONCURRENT_REQUESTS_PER_DOMAIN": 1, "DOWNLOAD_DELAY": 1, "DOWNLOAD_DELAY_JITTER": 0}
        crawled = _run_crawl(origin, 1, "", CONCURRENT_REQUESTS=_MANY_HOSTS, **settings)
        ahead_s = max(origin.find_head_start(host, 1) for host in origin.hosts)
    fetched = (pages + 1) * _MANY_HOSTS
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    possible = fetched / crawled["cpu_s"]
    return {
        "pages": fetched,
        **crawled,
        "possible_pages_per_s": possible,
        "peak_mb": peak_mb,
        "ahead_ms": 1000 * ahead_s,
    }


def _run_crawl(origin: Origin, workers: int, url: str, **settings: Any) -> dict[str, float]:
    """Crawl once; the hosts answer when all workers are there, so that start-up can be separated from work."""
    origin.log.clear()
    origin.is_open = not url
    with tempfile.TemporaryDirectory() as folder:
        before = os.times()
        began = time.monotonic()
        children = [_start_worker(origin, Path(folder), url, number, settings) for number in range(workers)]
        _await_registered(url, workers)
        origin.is_open = True
        for child in children:
            child.wait()
        after = os.times()
    log = origin.log
    if origin.tally != dict.fromkeys(origin.pages, 1):
        sys.exit("a page was missed or fetched twice")
    ended = max(asked.ended for asked in log)
    # Seeds are requested, and wait, while other workers still start: the work begins with the first answer.
    working_s = ended - min(asked.ended for asked in log)
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    origin_s = after.user + after.system - before.user - before.system
    return {
        "pages_per_s": len(log) / working_s,
        "with_start_pages_per_s": len(log) / (ended - began),
        "cpu_s": cpu_s,
        "origin_cpu_s": origin_s,
    }


def _start_worker(
    origin: Origin, folder: Path, url: str, number: int, settings: dict[str, Any]
) -> subprocess.Popen[bytes]:
    source = folder / "many.toml"
    source.write_text(origin.source_toml(), "utf-8")
    settings = {
        "DATA_DIR": folder,
        "FRONTIER_URL": url,
        "RESOLVER_ALLOW": "127.0.0.0/8",
        "AUTOTHROTTLE_ENABLED": False,
        "ROBOTSTXT_OBEY": False,
        "USER_AGENT": f"worker-{number}",
        "LOG_LEVEL": "ERROR",
    } | settings
    options = [part for key, value in settings.items() for part in ("-s", f"{key}={value}")]
    command = [sys.executable, "-m", "crawler", "crawl", "category", "-a", f"source={source}", *options]
    return subprocess.Popen(command, cwd=_ROOT, stderr=subprocess.DEVNULL)


def _await_registered(url: str, workers: int) -> None:
    if not url:
        return
    import redis  # noqa: PLC0415 (an extra)

    with redis.Redis.from_url(url) as client:
        while sum(client.hlen(key) for key in client.scan_iter("newsreel:*:runs")) < workers:
            time.sleep(0.01)


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
    """Seconds of a reparse of four files in 1 and 2 processes, into nothing and then over the same posts."""
    with tempfile.TemporaryDirectory() as folder:
        source = _build_collection(Path(folder), pages)
        figures: dict[str, Any] = {"pages": pages}
        trees = []
        for workers in (1, 2):
            out = Path(folder, f"out{workers}")
            command = [sys.executable, "-m", "tests.crawler.batch.small_shards", "reparse", "scale", "--out", str(out)]
            command += ["--source", str(source), "--workers", str(workers), "-s", f"DATA_DIR={folder}"]
            for kind in ("new", "same"):
                began, before = time.monotonic(), os.times()
                subprocess.run(command, cwd=_ROOT, check=True, stderr=subprocess.DEVNULL)
                figures[f"{kind}_{workers}_s"] = round(time.monotonic() - began, 2)
                after = os.times()
                cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
                figures[f"{kind}_{workers}_cpu_s"] = round(cpu_s, 2)
            trees.append({path.name: path.read_bytes() for path in out.iterdir()})
        if trees[0] != trees[1] or not trees[0]:
            sys.exit("two processes made other posts than one")
    for kind in ("new", "same"):
        figures[f"{kind}_gain"] = round(figures[f"{kind}_1_s"] / figures[f"{kind}_2_s"], 2)
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


_JOBS: dict[str, tuple[Callable[[int], dict[str, Any]], int]] = {
    "crawl": (measure_crawl, 60),
    "politeness": (measure_politeness, 20),
    "hosts": (measure_hosts, 10),
    "frontier": (measure_frontier, 20_000),
    "reparse": (measure_reparse, 2000),
    "ranged": (measure_ranged, 4000),
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
        figures = {key: round(statistics.median(one[key] for one in rounds), 3) for key in rounds[0]}
        print(json.dumps({"job": name, "load": round(os.getloadavg()[0], 1), **figures}), flush=True)


if __name__ == "__main__":
    main()
