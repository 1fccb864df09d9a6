"""`scrapy` with shards of single files, whatever their size, and of a few posts."""

from __future__ import annotations

import crawler.batch.export
import crawler.batch.jobs
from crawler.batch.shards import list_shards


def cut_small() -> None:
    """Have this process cut its jobs into more shards than their size is worth."""
    crawler.batch.jobs.list_shards = lambda paths, most_bytes: list_shards(paths, most_bytes=1)
    crawler.batch.export.SHARD_CHARS = 20_000


if __name__ == "__main__":
    from scrapy.cmdline import execute

    cut_small()
    execute()
