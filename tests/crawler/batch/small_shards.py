"""`scrapy` with shards of single files, whatever their size."""

from __future__ import annotations

import crawler.batch.jobs
from crawler.batch.shards import list_shards

if __name__ == "__main__":
    from scrapy.cmdline import execute

    crawler.batch.jobs.list_shards = lambda paths, most_bytes: list_shards(paths, most_bytes=1)
    execute()
