"""What a run costs that finds nothing new: requests, answers, bytes and time of one crawl after another.

`python -m benchmarks.incremental` serves a paper whose pages carry an ETag and crawls it again and again into one
collection. The paper never changes, so every run but the first should fetch nothing and leave every post file alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.crawl import BenchmarkError, measure_command
from benchmarks.paper import Served

_ROOT = Path(__file__).resolve().parent.parent
_SETTINGS: dict[str, object] = {
    "CONCURRENT_REQUESTS": 32,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 32,
    "DOWNLOAD_DELAY": 0,
    "AUTOTHROTTLE_ENABLED": False,
    "ROBOTSTXT_OBEY": False,
    "RESOLVER_ALLOW": "127.0.0.0/8",
}
RUNS: dict[str, dict[str, object]] = {
    "first": {},
    "second": {},
    "articles settled": {"REVALIDATE_DAYS": 0},
    "unconditional": {"REVALIDATE_ENABLED": False},
}
_PIPE_WIDTH = 120
_Stamps = dict[str, tuple[int, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run did.

    Attributes:
        received: bytes of all answers as they crossed the wire.
        archived: compressed bytes that were added to the archive.
        files_changed: post files that were made, rewritten or removed.
    """

    name: str
    requests: int
    not_modified: int
    received: int
    archived: int
    cpu_s: float
    wall_s: float
    files_changed: int


def measure(pages: int) -> list[Run]:
    """Crawl the paper again and again.

    Raises:
        BenchmarkError: a run failed.
    """
    with Served(pages) as paper, tempfile.TemporaryDirectory(prefix="newsreel-benchmark-") as folder:
        source = Path(folder, "source.toml")
        source.write_text(paper.source_toml(), "utf-8")
        return [_crawl(name, settings, source, Path(folder)) for name, settings in RUNS.items()]


def _crawl(name: str, settings: dict[str, object], source: Path, folder: Path) -> Run:
    data, log = folder / "data", folder / "crawl.log"
    before = _read_stamps(data)
    chosen = _SETTINGS | settings | {"DATA_DIR": data}
    options = [part for key, value in chosen.items() for part in ("-s", f"{key}={value}")]
    command = [sys.executable, "-m", "scrapy", "crawl", "category", "-a", f"source={source}", *options]
    cost, status = measure_command(command, cwd=_ROOT, log=log)
    if status:
        tail = log.read_text("utf-8", "replace")[-2000:]
        raise BenchmarkError(f"the {name} run ended with exit code {status}; its log ends:\n{tail}")
    counts = _read_counts(data)
    after = _read_stamps(data)
    return Run(
        name=name,
        requests=counts["downloader/request_count"],
        not_modified=counts.get("downloader/response_status_count/304", 0),
        received=counts["downloader/response_bytes"],
        archived=counts["archive/bytes"],
        cpu_s=cost.cpu_s,
        wall_s=cost.wall_s,
        files_changed=sum(before.get(path) != after.get(path) for path in before.keys() | after.keys()),
    )


def _read_counts(data: Path) -> dict[str, Any]:
    """Return what the latest run's manifest counts."""
    manifests = [json.loads(path.read_text("utf-8")) for path in data.glob("collections/*/runs/*.json")]
    counts: dict[str, Any] = max(manifests, key=lambda manifest: str(manifest["began_at"]))["counts"]
    return counts


def _read_stamps(data: Path) -> _Stamps:
    """Return of each post file when it was written and what it holds."""
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in data.glob("_posts/*/*.md")}


def print_table(runs: list[Run]) -> None:
    """Print the results for people."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("run")
    for heading in ("requests", "304", "received, kB", "archived, kB", "CPU s", "s", "post files changed"):
        table.add_column(heading, justify="right")
    for run in runs:
        sizes = (f"{run.received / 1000:,.0f}", f"{run.archived / 1000:,.0f}")
        times = (f"{run.cpu_s:.2f}", f"{run.wall_s:.2f}")
        table.add_row(run.name, f"{run.requests:,}", f"{run.not_modified:,}", *sizes, *times, f"{run.files_changed:,}")
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)


def main() -> int:
    """Measure, and print a table or JSON; the exit code is 1 where a run failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.incremental", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--pages", type=int, default=1000, metavar="N", help="stories of the paper (default: 1000)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    options = parser.parse_args()
    try:
        runs = measure(options.pages)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"pages": options.pages, "runs": [asdict(run) for run in runs]}))
    else:
        print_table(runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
