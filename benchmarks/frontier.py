"""What the frontier costs: CPU seconds of a crawl with it against the same crawl with Scrapy's own queues.

`python -m benchmarks.frontier` serves a paper from its own process and lets each pair of jobs crawl it in turn,
round after round. The two jobs of a pair differ in `SCHEDULER` and in nothing else. Then a process fills a frontier
with addresses and tells how much memory it holds, while more and more of them wait.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.crawl import BenchmarkError, Cost, measure_command
from benchmarks.paper import Served
from crawler.frontier.leases import LeaseTable

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT = Path(__file__).resolve().parent.parent
_SPIDER = Path(__file__).with_name("plain.py")
_PACE = {
    "CONCURRENT_REQUESTS": 32,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 32,
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
    "LOG_LEVEL": "INFO",
    "RESOLVER_ALLOW": "127.0.0.0/8",
}
_SCHEDULERS = {"memory": "scrapy.core.scheduler.Scheduler", "frontier": "crawler.frontier.scheduler.Frontier"}
JOBS = {"full": "the full job: captures and posts", "plain": "no archive, no posts: the least that a crawl can do"}
_MARKS = 5
_PIPE_WIDTH = 120
_HOSTS = 20
_LEASED = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One job with either scheduler.

    Attributes:
        ratio: median over the rounds of the frontier's CPU seconds by those of the queues in memory.
    """

    job: str
    memory: list[Cost]
    frontier: list[Cost]
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How much memory a process holds while so many addresses wait.

    Attributes:
        add_us: microseconds of CPU time for each address added since the mark before.
        lease_us: likewise for each that was taken and acknowledged at this mark.
    """

    waiting: int
    rss_mb: float
    file_mb: float
    add_us: float
    lease_us: float


def measure_crawls(jobs: Sequence[str], *, pages: int, rounds: int) -> list[Pair]:
    """Crawl the paper with either scheduler, in turn.

    Raises:
        BenchmarkError: a crawl did not fetch every page once.
    """
    costs: dict[tuple[str, str], list[Cost]] = {(job, name): [] for job in jobs for name in _SCHEDULERS}
    with Served(pages) as paper, tempfile.TemporaryDirectory(prefix="newsreel-benchmark-") as folder:
        for number in range(rounds):
            for (job, name), known in costs.items():
                known.append(_crawl(paper, job, name, folder=Path(folder), pages=pages))
                print(f"round {number + 1}: {job}, {name} {known[-1].cpu_s:.2f} s", file=sys.stderr)
    return [_build_pair(job, costs[job, "memory"], costs[job, "frontier"]) for job in jobs]


def _build_pair(job: str, memory: list[Cost], frontier: list[Cost]) -> Pair:
    ratios = [ours.cpu_s / theirs.cpu_s for ours, theirs in zip(frontier, memory, strict=True)]
    return Pair(job=job, memory=memory, frontier=frontier, ratio=statistics.median(ratios))


def _crawl(paper: Served, job: str, scheduler: str, *, folder: Path, pages: int) -> Cost:
    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    source = folder / "source.toml"
    source.write_text(paper.source_toml(), "utf-8")
    if job == "full":
        work = ["crawl", "category", "-a", f"source={source}"]
    else:
        work = ["runspider", str(_SPIDER), "-a", f"url={paper.base_url}/", "-s", "ARCHIVE_MODE=off"]
        work += ["-s", f"FRONTIER_FILE={data / 'frontier.sqlite'}"]
    settings = _PACE | {"DATA_DIR": data, "SCHEDULER": _SCHEDULERS[scheduler]}
    options = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    log = folder / "crawl.log"
    cost, status = measure_command([sys.executable, "-m", "scrapy", *work, *options], cwd=_ROOT, log=log)
    served = paper.take_counts()
    expected = 1 + paper.sections + pages
    if status or len(served) != expected or set(served.values()) != {1}:
        words = f"{job} with {scheduler}: exit code {status}, {len(served)} of {expected} pages; its log ends:\n"
        raise BenchmarkError(words + log.read_text("utf-8", "replace")[-2000:])
    return cost


def measure_memory(urls: int) -> list[Mark]:
    """Return what a process holds at five marks on the way to so many waiting addresses."""
    command = [sys.executable, "-m", "benchmarks.frontier", "--fill", str(urls)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True)
    return [Mark(**json.loads(line)) for line in done.stdout.splitlines()]


def fill(urls: int) -> None:
    """Add addresses to a frontier and print a mark five times."""
    with tempfile.TemporaryDirectory(prefix="newsreel-benchmark-") as folder:
        path = Path(folder, "frontier.sqlite")
        table = LeaseTable(path, "job")
        began = time.process_time()
        for number in range(1, urls + 1):
            url = f"https://paper{number % _HOSTS}.example/2026/03/04/article-{number}.html"
            table.add(
                fingerprint=hashlib.sha1(url.encode()).digest(),
                host=f"paper{number % _HOSTS}.example",
                priority=0,
                data=json.dumps({"url": url, "callback": "parse", "errback": "handle_failure"}),
            )
            if number % (urls // _MARKS) == 0:
                middle = time.process_time()
                leases = table.lease(lambda _: _LEASED, most=_LEASED)
                table.acknowledge(lease.fingerprint for lease in leases)
                end = time.process_time()
                mark = Mark(
                    waiting=number,
                    rss_mb=_find_rss_mb(),
                    file_mb=path.stat().st_size / 1e6,
                    add_us=(middle - began) / (urls // _MARKS) * 1e6,
                    lease_us=(end - middle) / max(1, len(leases)) * 1e6,
                )
                print(json.dumps(asdict(mark)), flush=True)
                began = time.process_time()
        table.close()


def _find_rss_mb() -> float:
    """Return the memory that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def print_tables(pairs: list[Pair], marks: list[Mark]) -> None:
    """Print the results for people."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("job")
    for heading in ("in memory, CPU s", "frontier, CPU s", "ratio"):
        table.add_column(heading, justify="right")
    for pair in pairs:
        medians = [statistics.median(cost.cpu_s for cost in costs) for costs in (pair.memory, pair.frontier)]
        table.add_row(JOBS[pair.job], *(f"{median:.2f}" for median in medians), f"{pair.ratio:.3f}")
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("addresses waiting", "RSS, MB", "file, MB", "add, µs", "lease and acknowledge, µs"):
        table.add_column(heading, justify="right")
    for mark in marks:
        numbers = (f"{mark.rss_mb:.0f}", f"{mark.file_mb:.0f}", f"{mark.add_us:.0f}", f"{mark.lease_us:.0f}")
        table.add_row(f"{mark.waiting:,}", *numbers)
    print()
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)


def main() -> int:
    """Measure, and print tables or JSON; the exit code is 1 where a crawl could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frontier", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=int, default=5000, metavar="N", help="stories to crawl (default: 5000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each job (default: 3)")
    parser.add_argument("--job", action="append", choices=list(JOBS), help="only this job; may be repeated")
    parser.add_argument("--urls", type=int, default=1_000_000, metavar="N", help="addresses that wait (default: 10^6)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the tables")
    parser.add_argument("--fill", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        fill(options.fill)
        return 0
    try:
        pairs = measure_crawls(options.job or list(JOBS), pages=options.pages, rounds=options.rounds)
        marks = measure_memory(options.urls) if options.urls else []
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        report = {"pages": options.pages, "pairs": [asdict(pair) for pair in pairs]}
        print(json.dumps(report | {"marks": [asdict(mark) for mark in marks]}))
    else:
        print_tables(pairs, marks)
    return 0


if __name__ == "__main__":
    sys.exit(main())
