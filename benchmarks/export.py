"""How fast posts are handed over in each format, and how much memory that takes as they grow in number.

    python -m benchmarks.export [--posts 100000] [--rounds 1] [--format NAME ...] [--json]

A ledger is filled with posts of 3 kB; then each format is written in its own process, in turn and round after
round, from a tenth of the posts and from all of them. Two loops that nobody could do without are the measure: one reads
each state with orjson and writes it out again, the other makes Parquet of it with pyarrow alone. Neither dates a post
in its source's zone, or takes the text out of the body. CPU seconds as the kernel states them, start-up
included; memory is the largest resident set.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.dates.model import Precision
from pipelines.exports.formats import FORMATS, ExportOptions
from pipelines.exports.store import PostStore
from pipelines.page.document import CaptureRef
from pipelines.posts.filing import Claim
from pipelines.posts.items import Origin, Statement
from pipelines.posts.ledger import Ledger
from pipelines.posts.options import PostOptions
from pipelines.posts.post_files import build_file_name
from pipelines.posts.settle import settle

OPTIONS = PostOptions(zone=ZoneInfo("Asia/Shanghai"), language="zh")
BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
BODY = "".join(f"<p>第 {n} 段：灯塔下的水位比昨天高了三厘米，渡轮照常，人工智能不看潮汐。</p>\n" for n in range(25))
BARE = {"jsonl": "orjson and a bare loop", "parquet": "pyarrow alone"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--format", action="append", choices=FORMATS, help="only these (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_child(*options.child)
        return
    report = measure(options.posts, options.rounds, options.format or list(FORMATS))
    print(json.dumps(report) if options.json else "\n".join(format_report(report)))


def measure(posts: int, rounds: int, formats: list[str]) -> dict[str, Any]:
    """Return what each format took, for a tenth of the posts and for all."""
    jobs = [job for name in formats for job in ([f"bare-{name}", name] if name in BARE else [name])]
    sizes = [max(1, posts // 10), posts]
    taken: dict[tuple[str, int], list[dict[str, float]]] = {(job, size): [] for size in sizes for job in jobs}
    with tempfile.TemporaryDirectory(prefix="newsreel-") as scratch:
        ledgers = {size: fill_ledger(Path(scratch, f"{size}.sqlite"), size) for size in sizes}
        for _ in range(rounds):
            for (job, size), found in taken.items():
                found.append(run_job(job, ledgers[size], Path(scratch, f"{job}-{size}")))
    results = []
    for job in jobs:
        small, large = (taken[job, size] for size in sizes)
        bare = taken.get((f"bare-{job}", posts))
        ratio = [own["cpu_s"] / other["cpu_s"] for own, other in zip(large, bare, strict=True)] if bare else []
        results.append(
            {
                "job": job,
                "posts_per_s": round(posts / statistics.median(run["cpu_s"] for run in large)),
                "ratio": round(statistics.median(ratio), 2) if ratio else None,
                "memory_mb": [round(max(run["memory_mb"] for run in runs), 1) for runs in (small, large)],
            }
        )
    return {"posts": sizes, "rounds": rounds, "results": results}


def fill_ledger(path: Path, posts: int) -> Path:
    """Make a ledger of settled posts."""
    ledger = Ledger(path)
    for number in range(posts):
        statement = build_statement(number)
        ledger.add(statement)
        post = settle([statement], OPTIONS)
        ledger.record_settled(post)
        name = build_file_name(post, OPTIONS)
        ledger.record_name(Claim(key=post.key, claim=name.casefold(), file=name))
    ledger.close()
    return path


def build_statement(number: int) -> Statement:
    at = BEGAN + timedelta(minutes=5 * number)
    capture = CaptureRef(
        record_id=f"<urn:uuid:00000000-0000-4000-8000-{number:012d}>",
        captured_at=at,
        payload_digest="sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ",
        file=f"news-{at:%Y%m%d}000000-00000-abc123.warc.gz",
        offset=number,
    )
    return Statement(
        source="news",
        identifier=f"NW{number:09d}",
        url=f"https://news.example/{number}.html",
        origin=Origin.ARTICLE,
        headline=f"第 {number} 次潮汐",
        datePublished=at,
        datePublished_precision=Precision.SECOND,
        articleSection=[f"栏目{number % 50}"],
        keywords=[f"标签{number % 400}", "sea"],
        articleBody=f"{BODY}<p>{number}</p>",
        capture=capture,
        is_normalised=True,
    )


def run_job(job: str, ledger: Path, target: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.export", "--child", job, str(ledger), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{job}: {done.stderr}")
    taken: dict[str, float] = json.loads(done.stdout)
    return taken


def run_child(job: str, ledger: str, target: str) -> None:
    """Do one job, and print what it took."""
    if job == "bare-jsonl":
        count = write_bare_jsonl(Path(ledger), Path(target))
    elif job == "bare-parquet":
        count = write_bare_parquet(Path(ledger), Path(target))
    else:
        store = PostStore(Path(ledger), "news", lambda _: OPTIONS)
        count = FORMATS[job].export(store.iter_records(), Path(target), ExportOptions())
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = usage.ru_utime + usage.ru_stime
    print(json.dumps({"posts": count, "cpu_s": cpu_s, "memory_mb": usage.ru_maxrss / 1024}))


def write_bare_jsonl(ledger: Path, target: Path) -> int:
    import orjson  # noqa: PLC0415 (only this job should pay for it)

    count = 0
    opened = Ledger(ledger)
    with target.open("wb") as file:
        for _, _, state in opened.iter_filed():
            file.write(orjson.dumps(orjson.loads(state)) + b"\n")
            count += 1
    opened.close()
    return count


def write_bare_parquet(ledger: Path, target: Path) -> int:
    import orjson  # noqa: PLC0415 (only this job should pay for them)
    import pyarrow  # noqa: PLC0415
    import pyarrow.parquet  # noqa: PLC0415

    count, rows, writer = 0, [], None
    opened = Ledger(ledger)
    for _, _, state in opened.iter_filed():
        value = orjson.loads(state)
        rows.append(value | {"evidence": state[:0], "capture": value["capture"]["record_id"]})
        count += 1
        if len(rows) == 1000:
            table = pyarrow.Table.from_pylist(rows, schema=writer.schema if writer else None)
            writer = writer or pyarrow.parquet.ParquetWriter(target, table.schema, compression="zstd")
            writer.write_table(table)
            rows = []
    if rows:
        table = pyarrow.Table.from_pylist(rows, schema=writer.schema if writer else None)
        writer = writer or pyarrow.parquet.ParquetWriter(target, table.schema, compression="zstd")
        writer.write_table(table)
    if writer:
        writer.close()
    opened.close()
    return count


def format_report(report: dict[str, Any]) -> list[str]:
    small, large = report["posts"]
    lines = [f"{'job':<14}{'posts/s':>9}{'CPU, ratio':>12}{f'MB at {small:,}':>16}{f'MB at {large:,}':>16}"]
    for result in report["results"]:
        ratio = f"{result['ratio']:.2f}" if result["ratio"] else "–"
        memory = result["memory_mb"]
        lines.append(f"{result['job']:<14}{result['posts_per_s']:>9,}{ratio:>12}{memory[0]:>16}{memory[1]:>16}")
    return lines


if __name__ == "__main__":
    main()
