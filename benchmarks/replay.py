"""How fast captures are found and shown, beside pywb on the same collection in one run.

    python -m benchmarks.replay --pywb PYWB_ENVIRONMENT/bin

Both serve one collection from disk as processes of their own: an address captured ten thousand times, and news pages of
some 170 KB. A client asks each in turn, round after round, with a new connection for every request (pywb's server waits
40 ms between two answers on one that is kept open) and, for ours, also with one connection kept.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any, Final

from archives.captures.writer import WarcWriter
from archives.storage.collection import Collection
from archives.urls import format_timestamp
from archives.warc.records import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BEGAN_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
BUSY: Final = "http://busy.example/"
SEED: Final = 8
GOALS: Final = {"lookup": 20.0, "id_": 3.0, "page": 2.0}
TIMEOUT_S: Final = 60.0
_WORDS: Final = (
    *(
        "harbour",
        "ferry",
        "night",
        "market",
        "渡轮",
        "港口",
        "crew",
        "ticket",
        "winter",
        "市场",
        "bench",
        "lamp",
        "fog",
    ),
    *("pier", "umbrella", "天气"),
)


@dataclass(frozen=True, slots=True)
class Target:
    """A server that is measured."""

    name: str
    port: int
    pid: int


@dataclass(slots=True)
class Measured:
    """What a job took on one server, in milliseconds."""

    times: list[float] = field(default_factory=list)

    def summarise(self) -> dict[str, float]:
        cuts = quantiles(self.times, n=100)
        return {
            "per_s": round(1000 * len(self.times) / sum(self.times), 1),
            "p50_ms": round(median(self.times), 2),
            "p99_ms": round(cuts[98], 2),
        }


def build_page(number: int, choose: random.Random, size: int) -> bytes:
    """A news page as it comes over the wire: head, navigation, story, a wall of teasers, scripts."""

    def say(count: int) -> str:
        return " ".join(choose.choices(_WORDS, k=count))

    parts = [
        '<!doctype html><html lang="zh"><head><meta charset="utf-8">'
        f"<title>{number} {say(6)}</title>"
        + "".join(f'<link rel="stylesheet" href="/static/{n}.css">' for n in range(6))
        + "".join(f'<script src="/static/{n}.js" async></script>' for n in range(20))
        + f"<script>window.state = {json.dumps({'words': say(400)})}</script></head><body>"
    ]
    length = len(parts[0])
    while length < size:
        link = f"/2026/{choose.randrange(9)}/{choose.randrange(10**6)}.html"
        part = (
            f'<div class="teaser c{choose.randrange(40)}" data-id="{choose.randrange(10**6)}"><a href="{link}" '
            f'class="teaser__link" title="{say(4)}"><img src="//img.busy.example/{choose.randrange(10**6)}.jpg" '
            f'srcset="/i/{number}a.jpg 1x, /i/{number}b.jpg 2x" alt="{say(3)}" width="320" height="180"></a>'
            f'<h3 class="teaser__title"><a href="{link}">{say(7)}</a></h3><p class="teaser__text">{say(30)}</p>'
            f'<ul class="tags"><li class="tag"><span>{say(1)}</span></li><li class="tag">{say(1)}</li></ul></div>\n'
        )
        parts.append(part)
        length += len(part)
    body = gzip.compress(("".join(parts) + "</body></html>").encode(), 6, mtime=0)
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def build_collection(data_dir: Path, *, captures: int, pages: int, page_bytes: int) -> list[tuple[str, str]]:
    """Write the collection; return address and timestamp of each page."""
    choose = random.Random(SEED)
    collection = Collection.open(data_dir, "bench", create=True)
    small = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n%05d"
    written = []
    with WarcWriter(collection, info={"software": "benchmark"}, prefix="bench", new_id=uuid.uuid4) as writer:
        for number in range(captures):
            at = BEGAN_AT + timedelta(minutes=30 * number)
            writer.write(_exchange(BUSY, at, small % number))
        for number in range(pages):
            at = BEGAN_AT + timedelta(minutes=number)
            url = f"http://busy.example/story/{number}.html"
            writer.write(
                _exchange(url, at, build_page(number, choose, choose.randrange(page_bytes // 2, page_bytes * 3 // 2)))
            )
            written.append((url, format_timestamp(at)))
    return written


def _exchange(url: str, at: datetime, raw: bytes) -> Exchange:
    request = f"GET {url} HTTP/1.1\r\n\r\n".encode()
    return Exchange(url=url, began_at=at, raw_request=request, raw_response=raw, ip="192.0.2.1")


@contextmanager
def serve_ours(data_dir: Path) -> Iterator[Target]:
    folder = data_dir / "collections" / "bench"
    command = [sys.executable, "-m", "archives", "serve", str(folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().strip().rstrip("/").rpartition(":")[2])
        try:
            yield Target("newsreel", port, process.pid)
        finally:
            process.terminate()


@contextmanager
def serve_pywb(data_dir: Path, folder: Path) -> Iterator[Target]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(folder / "wayback"), "-d", str(data_dir), "-b", "127.0.0.1", "-p", str(port)]
    with (
        (data_dir / "pywb.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            _wait_for(port)
            yield Target("pywb", port, process.pid)
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing answers on port {port}")


def build_jobs(
    pages: Sequence[tuple[str, str]], captures: int, requests: int, slow: int
) -> dict[str, Callable[[str], list[str]]]:
    """The paths that each job asks for, by server: the same for both."""
    choose = random.Random(SEED)
    span = 30 * captures
    moments = [format_timestamp(BEGAN_AT + timedelta(minutes=choose.randrange(span))) for _ in range(requests)]
    chosen = [choose.choice(pages) for _ in range(requests)]

    def lookup(server: str) -> list[str]:
        paths = [f"/bench/cdx?url={BUSY}&closest={moment}&sort=closest&limit=1&output=json" for moment in moments]
        # Half a second for each of pywb's answers: a few are enough.
        return paths[:slow] if server == "pywb" else paths

    return {
        "lookup": lookup,
        "id_": lambda _: [f"/bench/{stamp}id_/{url}" for url, stamp in chosen],
        "page": lambda _: [f"/bench/{stamp}mp_/{url}" for url, stamp in chosen],
    }


def ask(target: Target, paths: Sequence[str], *, keeps: bool = False) -> list[float]:
    """The time of each request in milliseconds, the body read to its end."""
    times = []
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=TIMEOUT_S)
    for path in paths:
        if not keeps:
            connection.close()
        began = time.perf_counter()
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        body = response.read()
        times.append((time.perf_counter() - began) * 1000)
        if response.status != 200 or not body:
            raise SystemExit(f"{target.name} answers {response.status} to {path}")
    connection.close()
    return times


def read_peak_memory(pid: int) -> float:
    """The most that a process has held, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1000, 1)
    return 0.0


def measure(options: argparse.Namespace, data_dir: Path) -> dict[str, Any]:
    """Run every job on every server in turn."""
    pages = build_collection(data_dir, captures=options.captures, pages=options.pages, page_bytes=options.page_bytes)
    jobs = build_jobs(pages, options.captures, options.requests, options.slow)
    results: dict[tuple[str, str], Measured] = {}
    memory: dict[str, float] = {}
    servers = [serve_ours(data_dir), *([serve_pywb(data_dir, options.pywb)] if options.pywb else [])]
    with servers[0] as ours:
        targets = [ours]
        with servers[1] if options.pywb else _nothing() as theirs:
            targets += [theirs] if theirs else []
            for target in targets:
                for paths in jobs.values():
                    ask(target, paths(target.name)[:3])
            for _ in range(options.rounds):
                for job, paths in jobs.items():
                    for target in targets:
                        results.setdefault((job, target.name), Measured()).times += ask(target, paths(target.name))
                    kept = results.setdefault((job, "newsreel, kept"), Measured())
                    kept.times += ask(ours, paths("newsreel"), keeps=True)
            memory = {target.name: read_peak_memory(target.pid) for target in targets}
    return build_report(results, memory, list(jobs))


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


def build_report(results: dict[tuple[str, str], Measured], memory: dict[str, float], jobs: list[str]) -> dict[str, Any]:
    """What is printed."""
    rows = []
    for job in jobs:
        row: dict[str, Any] = {"job": job, "goal": GOALS[job]}
        row |= {name: measured.summarise() for (of, name), measured in results.items() if of == job}
        if "pywb" in row:
            row["ratio"] = round(row["newsreel"]["per_s"] / row["pywb"]["per_s"], 1)
        rows.append(row)
    return {"results": rows, "peak_mb": memory}


def print_report(report: dict[str, Any]) -> None:
    for row in report["results"]:
        print(f"{row['job']:8} goal {row['goal']:g}x" + (f", reached {row['ratio']:g}x" if "ratio" in row else ""))
        for name in ("newsreel", "newsreel, kept", "pywb"):
            if name in row:
                found = row[name]
                print(f"  {name:15} {found['per_s']:>9} /s   p50 {found['p50_ms']} ms   p99 {found['p99_ms']} ms")
    print("peak memory: " + ", ".join(f"{name} {size} MB" for name, size in report["peak_mb"].items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pywb", type=Path, default=os.environ.get("NEWSREEL_PYWB") or None, help="its bin directory")
    parser.add_argument("--captures", type=int, default=10_000, help="captures of one address")
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--page-bytes", type=int, default=170_000, help="mean size of a page")
    parser.add_argument("--requests", type=int, default=200, help="requests a job and round")
    parser.add_argument("--slow", type=int, default=10, help="lookups that pywb is asked for a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newsreel-replay-") as folder:
        report = measure(options, Path(folder))
    if options.json:
        print(json.dumps(report))
    else:
        print_report(report)


if __name__ == "__main__":
    main()
