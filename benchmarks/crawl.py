"""What a crawl costs: CPU seconds of the full job against bare Scrapy on the same pages.

`python -m benchmarks.crawl` serves a paper from its own process and lets each job crawl it as a child process,
in turn and round after round, so that whatever else the machine is doing falls on all of them alike. A job is a
command as a user types it, `newsreel` for ours, start-up included; its cost is what the kernel says it used, user and
system time of all its threads. A job that did not fetch every page once, or left other files than it should, stops the
benchmark.
"""

from __future__ import annotations

import argparse
import json
import os
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

from benchmarks.paper import Served

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT = Path(__file__).resolve().parent.parent
_SPIDER = Path(__file__).with_name("plain.py")
_CONCURRENT = 32
_SHOWN_LOG_LINES = 20

# The same for all jobs: as fast as the server answers, and no line of log for every page.
_PACE = {
    "CONCURRENT_REQUESTS": _CONCURRENT,
    "CONCURRENT_REQUESTS_PER_DOMAIN": _CONCURRENT,
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
    "LOG_LEVEL": "INFO",
}


class BenchmarkError(RuntimeError):
    """A job that did not do what it is measured for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One way of crawling the paper.

    Attributes:
        name: what `--job` and the JSON call it.
        title: what it does.
        is_ours: runs in this project with its settings; otherwise in an empty folder with Scrapy's own.
        spider: the plain spider's arguments, or None for `newsreel crawl category`.
        mode: `ARCHIVE_MODE`; empty in bare Scrapy.
    """

    name: str
    title: str
    is_ours: bool
    spider: tuple[str, ...] | None
    mode: str = ""

    @property
    def captures(self) -> bool:
        """Whether it leaves an archive."""
        return self.mode == "capture"

    @property
    def posts(self) -> bool:
        """Whether it leaves a post for every story."""
        return self.spider is None


JOBS = (
    Job(name="bare", title="bare Scrapy, one css() a page", is_ours=False, spider=()),
    Job(name="bare-items", title="bare Scrapy, one dict item a story", is_ours=False, spider=("-a", "items=yes")),
    Job(name="capture", title="bare capture: the same spider, archived", is_ours=True, spider=(), mode="capture"),
    Job(name="full", title="full job: captures and posts", is_ours=True, spider=None, mode="capture"),
    Job(name="posts", title="full job, ARCHIVE_MODE=off: posts alone", is_ours=True, spider=None, mode="off"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run of a job used."""

    cpu_s: float
    wall_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a job came to over all rounds.

    Attributes:
        cpu_s: median, user and system time.
        ratio: median of the CPU seconds over those of the first job in the same round.
        pages_per_s: pages by the median of the wall-clock time.
    """

    job: str
    title: str
    cpu_s: float
    ratio: float
    pages_per_s: float
    rounds: list[Cost]


class Benchmark:
    """Runs jobs against one paper."""

    def __init__(self, paper: Served, stories: int, folder: Path, *, profile_dir: Path | None = None) -> None:
        self._paper = paper
        self._stories = stories
        self._folder = folder
        self._profile_dir = profile_dir
        self._source = folder / "source.toml"
        self._source.write_text(paper.source_toml(), encoding="utf-8")

    def run(self, job: Job) -> Cost:
        """Run a job from nothing and check what it did.

        Raises:
            BenchmarkError: it failed, or did something else.
        """
        # Not in the place of the last run: ext4 looks for a new inode among all that were freed in the last minutes.
        data = Path(tempfile.mkdtemp(prefix="data-", dir=self._folder))
        log = self._folder / f"{job.name}.log"
        cost, status = measure_command(self._build_command(job, data), cwd=_ROOT if job.is_ours else data, log=log)
        problems = [f"its exit code is {status}"] if status else self._verify(job, data)
        if problems:
            tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-_SHOWN_LOG_LINES:])
            raise BenchmarkError(f"job {job.name!r} cannot be measured: {'; '.join(problems)}; its log ends:\n{tail}")
        return cost

    def _build_command(self, job: Job, data: Path) -> list[str]:
        profiler = ["-m", "cProfile", "-o", str(self._profile_dir / f"{job.name}.prof")] if self._profile_dir else []
        if job.spider is None:
            work = ["crawl", "category", "-a", f"source={self._source}"]
        else:
            work = ["runspider", str(_SPIDER), "-a", f"url={self._paper.base_url}/", *job.spider]
        settings: dict[str, object] = dict(_PACE)
        if job.is_ours:
            settings |= {"DATA_DIR": data, "ARCHIVE_MODE": job.mode, "RESOLVER_ALLOW": "127.0.0.0/8"}
        options = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
        return [sys.executable, *profiler, "-m", "crawler" if job.is_ours else "scrapy", *work, *options]

    def _verify(self, job: Job, data: Path) -> list[str]:
        served = self._paper.take_counts()
        asked = {f"{count} times" if count != 1 else "once" for count in served.values()}
        expected = 1 + self._paper.sections + self._stories
        problems = []
        if asked != {"once"} or len(served) != expected:
            problems.append(f"it fetched {len(served)} of {expected} pages ({', '.join(sorted(asked)) or 'none'})")
        captures = sum(len(path.read_bytes().splitlines()) for path in data.rglob("*.cdxj"))
        # The source definition is archived beside the pages.
        wanted = (expected + job.posts) * job.captures
        if captures != wanted:
            problems.append(f"it archived {captures} captures instead of {wanted}")
        posts = sum(1 for _ in data.rglob("*.md"))
        if posts != self._stories * job.posts:
            problems.append(f"it wrote {posts} posts instead of {self._stories * job.posts}")
        return problems


def measure_command(command: list[str], *, cwd: Path, log: Path) -> tuple[Cost, int]:
    """Run a command to its end; return what it used and its exit code."""
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=cwd, env=_clean_environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cost = Cost(cpu_s=usage.ru_utime + usage.ru_stime, wall_s=time.monotonic() - began)
    return cost, process.returncode


def _clean_environment() -> dict[str, str]:
    """The environment without proxies and without somebody's Scrapy project."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("SCRAPY_")
    }


def measure(jobs: Sequence[Job], *, stories: int, rounds: int, profile_dir: Path | None = None) -> list[Result]:
    """Run all jobs in turn, round after round.

    Raises:
        BenchmarkError: a job did not do what it is measured for.
    """
    costs: dict[str, list[Cost]] = {job.name: [] for job in jobs}
    with Served(stories) as paper, tempfile.TemporaryDirectory(prefix="newsreel-benchmark-") as folder:
        benchmark = Benchmark(paper, stories, Path(folder), profile_dir=profile_dir)
        pages = 1 + paper.sections + stories
        for number in range(rounds):
            for job in jobs:
                costs[job.name].append(benchmark.run(job))
                print(f"round {number + 1}: {job.name} {costs[job.name][-1].cpu_s:.2f} s", file=sys.stderr)
    against = [cost.cpu_s for cost in costs[jobs[0].name]]
    return [_build_result(job, costs[job.name], against=against, pages=pages) for job in jobs]


def _build_result(job: Job, costs: list[Cost], *, against: list[float], pages: int) -> Result:
    return Result(
        job=job.name,
        title=job.title,
        cpu_s=statistics.median(cost.cpu_s for cost in costs),
        ratio=statistics.median(cost.cpu_s / other for cost, other in zip(costs, against, strict=True)),
        pages_per_s=pages / statistics.median(cost.wall_s for cost in costs),
        rounds=costs,
    )


def print_table(results: list[Result]) -> None:
    """Print the results for people."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("job")
    for heading in ("CPU s", "ratio", "pages/s"):
        table.add_column(heading, justify="right")
    for result in results:
        table.add_row(result.title, f"{result.cpu_s:.2f}", f"{result.ratio:.2f}", f"{result.pages_per_s:.0f}")
    Console().print(table)


def main() -> int:
    """Measure, and print a table or JSON; the exit code is 1 where a job could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crawl", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=int, default=2000, metavar="N", help="stories to crawl (default: 2000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each job (default: 3)")
    parser.add_argument(
        "--job",
        action="append",
        choices=[job.name for job in JOBS],
        help="only this job; may be repeated; the first in the table is what the others are compared with",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--profile", type=Path, metavar="DIR", help="write each job's cProfile file; slows all down")
    options = parser.parse_args()
    jobs = [job for job in JOBS if not options.job or job.name in options.job]
    profile_dir = options.profile.resolve() if options.profile else None
    if profile_dir is not None:
        profile_dir.mkdir(parents=True, exist_ok=True)
    try:
        results = measure(jobs, stories=options.pages, rounds=options.rounds, profile_dir=profile_dir)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"pages": options.pages, "results": [asdict(result) for result in results]}))
    else:
        print_table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
