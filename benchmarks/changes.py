"""How long a reader of the stream of changes waits where there is nothing new, and where there is a page.

    python -m benchmarks.changes [--posts 1000000] [--rounds 5] [--json]

A log is filled directly, one change a post, as an account of a run does it. Then a reader asks behind its end, as
`export --since` and `GET /changes` do, and for the last hundred changes. CPU seconds of the process, the median of the
rounds; start-up is not in them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archives.storage.collection import Collection
from archives.storage.databases import transaction
from crawler.changelog.cursors import parse_cursor
from crawler.changelog.entries import Entry
from crawler.changelog.log import ChangeLog
from crawler.publishing.library import Library
from crawler.publishing.stream import ChangeStream
from crawler.reparsing.ledger import find_ledger
from pipelines.exports.records import ChangeKind
from pipelines.posts.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

HORIZON = "2026-03-05T12:00:00.000000+00:00"
PAGE = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    report = measure(options.posts, options.rounds)
    print(json.dumps(report) if options.json else "\n".join(f"{name}: {value}" for name, value in report.items()))


def measure(posts: int, rounds: int) -> dict[str, Any]:
    """Return what a reader waits for, in CPU seconds."""
    with tempfile.TemporaryDirectory(prefix="newsreel-") as scratch:
        collection = Collection.open(Path(scratch), "news", create=True)
        with closing(ChangeLog(collection, lambda _: None)) as log:
            fill_log(log, posts)
            Ledger(find_ledger(collection)).close()
            page = str(log._build_cursor(posts - PAGE))
        stream = ChangeStream(Library(scratch))
        end = stream.find_end()
        assert parse_cursor(end).position == posts
        return {
            "posts": posts,
            "nothing_new_s": take(lambda: list(stream.read(end)), rounds),
            "last_hundred_s": take(lambda: list(stream.read(page)), rounds),
        }


def fill_log(log: ChangeLog, posts: int) -> None:
    entries = [
        Entry(
            key=("news", f"NW{number:09d}"),
            kind=ChangeKind.NEW,
            version=1,
            content=f"sha256:{number:064x}",
            captured_at=HORIZON,
            record_id=f"<urn:uuid:{number}>",
        )
        for number in range(posts)
    ]
    with transaction(log._database):
        log._append(entries)
        log._end_batch(HORIZON, is_pure=True)


def take(ask: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        ask()
        taken.append(time.process_time() - began)
    return round(statistics.median(taken), 4)


if __name__ == "__main__":
    main()
