"""`scrapy` with small shards: single files, parts of files, a few posts."""

from __future__ import annotations

import time

import crawler.batch.engines
import crawler.batch.export
import crawler.batch.jobs
import crawler.batch.processes
import crawler.batch.reparse
from crawler.batch.processes import ShardProcess, Task
from crawler.batch.shards import Done, list_shards


def cut_small() -> None:
    """Have this process cut its jobs into more shards than their size is worth."""
    crawler.batch.jobs.list_shards = lambda paths, most_bytes, has_parts: list_shards(
        paths, most_bytes=25_000 if has_parts else 1, has_parts=has_parts
    )
    crawler.batch.export.SHARD_CHARS = 20_000
    crawler.batch.reparse.POSTS_AT_ONCE = 5


def go_slowly() -> None:
    """Have copies of this process take as long to start as new ones, and every shard a while: time to kill somebody."""
    prepare, run = crawler.batch.processes.spare_imports, crawler.batch.engines.run_shard

    def prepare_slowly() -> None:
        time.sleep(0.3)
        prepare()

    def run_slowly(task: Task, process: ShardProcess | None = None) -> Done:
        done = run(task, process)
        time.sleep(0.2)
        return done

    crawler.batch.processes.spare_imports = prepare_slowly
    crawler.batch.engines.run_shard = run_slowly


if __name__ == "__main__":
    from scrapy.cmdline import execute

    cut_small()
    go_slowly()
    execute()
